import Runtime

extension Options {
  /// The options of a command line of the commonest kind: a script's file or `-c`, with a model, a format
  /// or a number of threads. The parser takes a millisecond and a half to read it, a third of what
  /// `summand -c 1` takes.
  ///
  /// - Returns: nil for any other, which the parser reads, or finds a fault with.
  init?(simple arguments: [String]) {
    self.init()
    setDefaults()
    var seen: Set<String> = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("-") else {
        // The parser has these for commands of its own.
        if argument.isEmpty || Self.commands.contains(argument) { return nil }
        words.append(argument)
        continue
      }
      guard let value = rest.popFirst(), seen.insert(argument).inserted,
        take(value, for: argument)
      else { return nil }
    }
    do { try validate() } catch { return nil }
  }

  private static let commands = Set(
    configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"])

  /// Every option, as it is where nothing is said of it: the parser would give them these values.
  private mutating func setDefaults() {
    (model, format, threads, memory, store, source) = (nil, nil, nil, nil, nil, nil)
    (colour, messageFormat) = (.auto, .text)
    (hasNoHistory, hasNoInit, isInteractive) = (false, false, false)
    (isSafe, keepsGoing, echoes, isQuiet) = (false, false, false, false)
    words = []
  }

  /// - Returns: whether the option is one of the commonest, and takes the value.
  private mutating func take(_ value: String, for option: String) -> Bool {
    if option == "-c" {
      source = value
      return true
    }
    if value.isEmpty || value.hasPrefix("-") { return false }
    switch option {
    case "--model": model = value
    case "--format":
      guard let known = OutputFormat(rawValue: value) else { return false }
      format = known
    case "--threads":
      guard value.utf8.count < 5, let number = Int(value), "\(number)" == value else {
        return false
      }
      threads = number
    default: return false
    }
    return true
  }
}
