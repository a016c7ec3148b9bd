/// How to colour the parts of a diagnostic. Lang knows no terminal: `paint` puts around a text
/// whatever its role asks for.
public struct DiagnosticStyle: Sendable {
  public enum Role: Sendable, CaseIterable {
    /// The words `error` and `warning`.
    case error, warning
    case message
    /// `name:line:column`, line numbers and the bar next to them.
    case location
    /// The line of source text.
    case source
    /// The carets under it.
    case underline
    /// The words `help` and `note`.
    case help
  }

  public var paint: @Sendable (String, Role) -> String
  /// Longer source lines are cut around the place.
  public var maximumWidth: Int

  public init(
    maximumWidth: Int = 120, paint: @escaping @Sendable (String, Role) -> String
  ) {
    self.maximumWidth = maximumWidth
    self.paint = paint
  }

  public static let plain = DiagnosticStyle { text, _ in text }
}

extension Diagnostic {
  /// The message, its line with the place underlined, notes and help; ends without a line end.
  ///
  ///     error: `=` does not compare
  ///      --> analysis.summand:3:14
  ///       |
  ///     3 | where a.head = 3
  ///       |              ^
  ///     help: write `==`
  public func rendered(in source: SourceText?, style: DiagnosticStyle = .plain) -> String {
    let role: DiagnosticStyle.Role = severity == .error ? .error : .warning
    // A message quotes what models and files say.
    let message = withPictures(message)
    var lines = [style.paint("\(severity.rawValue):", role) + " " + style.paint(message, .message)]
    if let source, let span { lines += DiagnosticExcerpt(source, span, style).lines() }
    for note in notes {
      lines.append(style.paint("note:", .help) + " " + withPictures(note.message))
      if let source, let span = note.span {
        lines += DiagnosticExcerpt(source, span, style).lines()
      }
    }
    if let help { lines.append(style.paint("help:", .help) + " " + withPictures(help)) }
    return lines.joined(separator: "\n")
  }
}

/// The line of a span, the place underlined.
private struct DiagnosticExcerpt {
  private static let tabWidth = 4

  let source: SourceText
  let span: SourceSpan
  let style: DiagnosticStyle

  init(_ source: SourceText, _ span: SourceSpan, _ style: DiagnosticStyle) {
    self.source = source
    self.span = span
    self.style = style
  }

  func lines() -> [String] {
    let (line, column) = source.position(of: span.start)
    let number = String(line)
    let margin = String(repeating: " ", count: number.count)
    let bar = style.paint("\(margin) |", .location)
    let (text, before, width) = window()
    let carets = String(repeating: "^", count: width)
    let underline = String(repeating: " ", count: before) + style.paint(carets, .underline)
    return [
      style.paint(
        "\(margin)--> \(withPictures(excerpt(source.name))):\(line):\(column)", .location),
      bar,
      style.paint("\(number) |", .location) + (text.isEmpty ? "" : " ")
        + style.paint(text, .source),
      "\(bar) \(underline)",
    ]
  }

  /// The line as it is shown, the columns before the place in it, and the columns of the place.
  private func window() -> (text: String, before: Int, width: Int) {
    let line = source.lineSpan(at: span.start)
    let start = min(max(span.start, line.start), line.end)
    let end = min(max(span.end, start), line.end)
    // A character is at least a byte, so cutting by bytes first keeps huge lines cheap.
    let reach = 4 * style.maximumWidth
    let from = characterStart(max(line.start, start - reach))
    let to = characterStart(min(line.end, max(start, min(end, start + reach)) + reach))
    var before = shown(SourceSpan(from, start), startingAt: 0)
    let beforeWidth = displayWidth(of: before)
    var place = shown(SourceSpan(start, min(end, to)), startingAt: beforeWidth)
    var after = shown(
      SourceSpan(min(end, to), to), startingAt: beforeWidth + displayWidth(of: place))
    let room = max(20, style.maximumWidth)
    var cutBefore = from > line.start
    var cutAfter = to < line.end
    if displayWidth(of: before + place + after) > room || cutBefore || cutAfter {
      cutAfter = keepPrefix(&place, room * 2 / 3) || cutAfter
      if cutAfter && displayWidth(of: place) >= room * 2 / 3 - 1 { after = "" }
      let rest = room - displayWidth(of: place)
      let leftRoom = max(rest / 2, rest - displayWidth(of: after))
      cutBefore = keepSuffix(&before, leftRoom) || cutBefore
      cutAfter = keepPrefix(&after, max(0, rest - displayWidth(of: before))) || cutAfter
    }
    let text = (cutBefore ? "…" : "") + before + place + after + (cutAfter ? "…" : "")
    let indent = displayWidth(of: before) + (cutBefore ? 1 : 0)
    return (text, indent, max(1, displayWidth(of: place)))
  }

  /// Back to the first byte of a character.
  private func characterStart(_ offset: Int) -> Int {
    var offset = offset
    while offset > 0, offset < source.bytes.count, source.bytes[offset] & 0xC0 == 0x80 {
      offset -= 1
    }
    return offset
  }

  /// Tabs as spaces, control characters as pictures, so that columns can be counted and a
  /// terminal is not commanded.
  private func shown(_ span: SourceSpan, startingAt column: Int) -> String {
    var text = ""
    var column = column
    for character in source.text(in: span) {
      var shown = String(character)
      if character == "\t" {
        shown = String(repeating: " ", count: Self.tabWidth - column % Self.tabWidth)
      } else if let picture = character.unicodeScalars.first.flatMap(picture) {
        shown = picture
      }
      text += shown
      column += displayWidth(of: shown)
    }
    return text
  }

  /// True if something was cut.
  private func keepPrefix(_ text: inout String, _ width: Int) -> Bool {
    var used = 0
    let kept = text.prefix { character in
      used += displayWidth(of: character)
      return used <= width
    }
    defer { text = String(kept) }
    return kept.endIndex < text.endIndex
  }

  private func keepSuffix(_ text: inout String, _ width: Int) -> Bool {
    var reversed = String(text.reversed())
    let isCut = keepPrefix(&reversed, width)
    if isCut { text = String(reversed.reversed()) }
    return isCut
  }
}
