import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// When colour is used: `--color`.
enum ColourChoice: String, CaseIterable, Sendable {
  case auto, always, never
}

/// What the process's three streams are connected to, and what may be drawn on them.
struct Terminal: Sendable {
  enum Stream: Int32 {
    case input = 0
    case output = 1
    case error = 2
  }

  var environment: Environment
  var colour = ColourChoice.auto

  func isTerminal(_ stream: Stream) -> Bool { isatty(stream.rawValue) == 1 }

  /// Whether the terminal understands escape sequences at all.
  var hasEscapes: Bool { environment["TERM"].map { $0 != "dumb" } ?? false }

  /// `--color` decides; then NO_COLOR, CLICOLOR_FORCE, and what the stream is.
  func usesColour(on stream: Stream) -> Bool {
    switch colour {
    case .always: return true
    case .never: return false
    case .auto:
      if environment["NO_COLOR"] != nil { return false }
      if let forced = environment["CLICOLOR_FORCE"], forced != "0" { return true }
      return hasEscapes && isTerminal(stream)
    }
  }

  /// How many columns a line may have: COLUMNS, where somebody set it, else the terminal's own
  /// width, else 80.
  var width: Int {
    if let stated = environment["COLUMNS"].flatMap({ Int($0) }), stated > 0 { return stated }
    return size?.columns ?? 80
  }

  /// Rows and columns as the terminal itself says them. Nil where no stream is one.
  var size: (rows: Int, columns: Int)? {
    for stream in [Stream.output, .error, .input] {
      if let size = Self.size(of: stream.rawValue) { return size }
    }
    return nil
  }

  static func size(of descriptor: Int32) -> (rows: Int, columns: Int)? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return (rows: max(1, Int(size.ws_row)), columns: Int(size.ws_col))
  }

  /// Whether the person's locale, and so most likely the terminal, knows more than ASCII.
  var hasUnicode: Bool {
    let locale = environment["LC_ALL"] ?? environment["LC_CTYPE"] ?? environment["LANG"] ?? ""
    return ["utf-8", "utf8"].contains { locale.lowercased().hasSuffix($0) }
  }

  /// What values can look like on standard output as it is now. Down a pipe nothing is cut.
  var renderSettings: RenderSettings {
    let isTerminal = isTerminal(.output)
    return RenderSettings(
      width: isTerminal || environment["COLUMNS"] != nil ? width : nil,
      colour: usesColour(on: .output),
      maximumRows: isTerminal ? size.map { max(20, $0.rows - 4) } : nil,
      unicode: !isTerminal || hasUnicode,
      trueColour: ["truecolor", "24bit"].contains(environment["COLORTERM"]),
      rowsHelp: isTerminal ? "`_ | show all` prints them" : nil)
  }

  /// `$PAGER`, else `less` where it is installed, for somebody who sits at the terminal.
  var pager: Pager? {
    guard isTerminal(.input), isTerminal(.output), hasEscapes, let rows = size?.rows,
      let command = environment["PAGER"] ?? less
    else { return nil }
    // So that `less` shows colours.
    return Pager(command: "LESS=\"${LESS:--R}\" \(command)", rows: rows, safe: withStylesAlone)
  }

  private var less: String? {
    let folders = environment["PATH"]?.split(separator: ":") ?? []
    return folders.contains { access($0 + "/less", X_OK) == 0 } ? "less" : nil
  }

  /// Where the prompt is drawn: standard output, or, where that goes to a file, standard error or
  /// the controlling terminal itself. Nil where there is nobody to ask.
  func drawingDescriptor() -> Int32? {
    guard isTerminal(.input) else { return nil }
    if isTerminal(.output) { return Stream.output.rawValue }
    if isTerminal(.error) { return Stream.error.rawValue }
    let opened = open("/dev/tty", O_WRONLY | O_CLOEXEC)
    return opened >= 0 ? opened : nil
  }
}
