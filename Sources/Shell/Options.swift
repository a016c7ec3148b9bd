import ArgumentParser
import Runtime

/// The command line.
struct Options: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "summand",
    abstract: "Show which parts of a language model produced its output.",
    usage: """
      summand [options]
      summand [options] SCRIPT [name=value ...]
      summand [options] -c SOURCE [name=value ...]
      summand SCRIPT --help
      summand check FILE ...
      summand fmt [--check] FILE ...
      summand serve [options]
      """,
    discussion: """
      Without SCRIPT and -c, the prompt starts where standard input is a terminal; else the \
      script is read from standard input, as for SCRIPT `-`.

      Environment: SUMMAND_MODEL (as --model), SUMMAND_HISTORY (the history's file; empty for \
      none), SUMMAND_SHARD=3/8 (for `shard`), NO_COLOR, CLICOLOR_FORCE, COLUMNS; for models \
      HF_HUB_CACHE, HF_HOME, HF_TOKEN, HF_HUB_OFFLINE, HF_ENDPOINT.

      Exit status: 0 done, 1 failed while running, 2 bad usage, 3 did not parse, 4 a model or a \
      file could not be loaded, 5 an assert or a check of verify failed, 130 interrupted, 141 the \
      reader of the pipe went away, 143 ended by SIGTERM.
      """,
    version: "summand \(Version.withCommit)",
    subcommands: [CheckCommand.self, FormatCommand.self, ServeCommand.self])

  @Option(
    help: ArgumentHelp(
      "Load this model first: a file, a folder, or a name, as `load` takes it.",
      valueName: "name-or-path"),
    completion: .file(extensions: ["gguf", "safetensors"]))
  var model: String?

  @Option(
    help: ArgumentHelp(
      "How values are printed. Default: table on a terminal, tsv down a pipe.",
      valueName: "format"))
  var format: OutputFormat?

  @Option(help: ArgumentHelp("Use this many threads.", valueName: "number"))
  var threads: Int?

  @Option(
    help: ArgumentHelp(
      "Memory for runs and tables: 2GB, 512MB. Default: half of what is free.",
      valueName: "size"))
  var memory: MemoryBudget?

  @Option(
    help: ArgumentHelp(
      "Keep the results of runs in this folder, and take from there what is kept already.",
      valueName: "folder"),
    completion: .directory)
  var store: String?

  @Option(
    name: .customLong("color"),
    help: ArgumentHelp("Use colour: auto, always or never.", valueName: "when"))
  var colour = ColourChoice.auto

  @Option(
    name: .customLong("messages"),
    help: ArgumentHelp(
      "How errors and warnings are written: text, or json, an object a line.", valueName: "how"))
  var messageFormat = MessageFormat.text

  @Flag(name: .customLong("no-history"), help: "Do not read or write the history file.")
  var hasNoHistory = false

  @Flag(
    name: .customLong("no-init"),
    help: "Do not read ~/.config/summand/init.summand, which the prompt begins with.")
  var hasNoInit = false

  @Flag(
    name: [.customShort("i"), .customLong("interactive")],
    help: "Start the prompt after the script or the text.")
  var isInteractive = false

  @Flag(
    name: .customLong("safe"),
    help: "Refuse `!`, and writing outside of the working directory.")
  var isSafe = false

  @Flag(
    name: .customLong("keep-going"),
    help: "Go on with the next statement after an error. The status is that of the first.")
  var keepsGoing = false

  @Flag(name: .customLong("echo"), help: "Print each statement on standard error before it runs.")
  var echoes = false

  @Flag(
    name: [.customShort("q"), .customLong("quiet")],
    help: "Print only warnings and errors on standard error: no notes, no progress.")
  var isQuiet = false

  @Option(
    name: .customShort("c"), parsing: .unconditional,
    help: ArgumentHelp("Run this text.", valueName: "source"))
  var source: String?

  @Argument(
    help: ArgumentHelp(
      "A script's file, or `-` for standard input; then values for its variables, name=value.",
      valueName: "script"),
    completion: .file())
  var words: [String] = []

  func validate() throws {
    try Self.validate(model: model, threads: threads)
    _ = try bindings()
  }

  /// What `serve` takes too.
  static func validate(model: String?, threads: Int?) throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads takes a number from 1 to 1024.")
    }
    if model?.isEmpty == true {
      throw ValidationError("--model takes a name or a path.")
    }
  }

  /// The script among the words; nil where `-c` or the prompt takes its place.
  var script: String? { source == nil ? words.first : nil }

  /// The `name=value` words.
  func bindings() throws -> [(name: String, value: String)] {
    var bindings: [(name: String, value: String)] = []
    for word in source == nil ? words.dropFirst() : words[...] {
      guard let equals = word.firstIndex(of: "="), Self.isName(word[..<equals]) else {
        throw ValidationError("'\(word)' is not a value for the script: write name=value.")
      }
      let name = String(word[..<equals])
      if bindings.contains(where: { $0.name == name }) {
        throw ValidationError("'\(name)' has two values.")
      }
      bindings.append((name, String(word[word.index(after: equals)...])))
    }
    return bindings
  }

  private static func isName(_ text: Substring) -> Bool {
    guard let first = text.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first)
    else { return false }
    return text.utf8.allSatisfy {
      switch $0 {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}

extension ColourChoice: ExpressibleByArgument {}
extension MessageFormat: ExpressibleByArgument {}
extension OutputFormat: ExpressibleByArgument {}
