import Lang
import Model

/// What may stand at the cursor: a pure function of the line and the session. Everything comes from
/// the commands' declarations, the variables and the model.
struct Completer {
  let session: Session

  func complete(line: String, cursor: Int) -> Completion {
    let before = Array(line.utf8.prefix(cursor))
    let start = wordStart(before)
    let word = String(decoding: before[start...], as: UTF8.self)
    let candidates = candidates(for: word, after: String(decoding: before[..<start], as: UTF8.self))
    var seen: Set<String> = []
    return Completion(
      replace: start..<cursor,
      candidates: candidates.filter { $0.text.hasPrefix(word) && seen.insert($0.text).inserted })
  }

  private func wordStart(_ bytes: [UInt8]) -> Int {
    let quotes = bytes.indices.filter { bytes[$0] == UInt8(ascii: "\"") }
    if quotes.count % 2 == 1, let open = quotes.last { return open + 1 }
    let ticks = bytes.indices.filter { bytes[$0] == UInt8(ascii: "`") }
    if ticks.count % 2 == 1, let open = ticks.last { return open }
    let borders = Set(" \t\n|;(),=[]{}".utf8)
    return (bytes.lastIndex { borders.contains($0) } ?? -1) + 1
  }

  private func candidates(for word: String, after text: String) -> [Candidate] {
    if text.hasSuffix("\"") { return quoted(word, after: String(text.dropLast())) }
    let incoming = Incoming(before: text)
    let preview = incoming.stages.flatMap(session.preview)
    if word.hasPrefix("`") {
      return columns(of: preview).map {
        Candidate(text: Lang.Printer.quoteColumn($0), summary: "")
      }
    }
    if word.hasPrefix("$") {
      return variables.map { Candidate(text: "$" + $0.text, summary: $0.summary) }
    }
    if let at = word.lastIndex(of: "@") {
      return positions(of: preview, after: String(word[...at]))
    }
    let stage = stageWords(text)
    guard let name = stage.first, let command = Catalogue.command(named: name) else {
      guard incoming.stages != nil else { return beginnings }
      return incoming.isCommand ? followers(of: preview) : columnWords(of: preview) + variables
    }
    if stage.last == "->", command.parameters.contains(where: \.takesEdges) {
      return readers(word, on: model(after: text))
    }
    let context = Context(
      word: word, model: model(after: text), preview: preview, stage: stage)
    return arguments(of: command, at: Position(in: command, after: stage.dropFirst()), context)
  }

  /// What the cursor's stage works on.
  struct Context {
    /// At the cursor.
    var word: String
    var model: LanguageModel?
    /// What comes in.
    var preview: Preview?
    /// Its words so far.
    var stage: [String]
  }

  /// The stage that a text ends in; what is in closed parentheses and braces is one word of it.
  private func stage(of text: String) -> String {
    var kept: [Character] = []
    var depth = 0
    for character in text.reversed() {
      switch character {
      case ")", "}": depth += 1
      case "(", "{":
        if depth == 0 { return String(kept.reversed()) }
        depth -= 1
        if depth == 0 { kept.append("_") }
      case "|", ";", "\n":
        if depth == 0 { return String(kept.reversed()) }
      default:
        if depth == 0 { kept.append(character) }
      }
    }
    return String(kept.reversed())
  }

  /// The words of the stage at the cursor, before it; a comma is a word.
  private func stageWords(_ text: String) -> [String] {
    var words = stage(of: text).replacing(",", with: " , ").split(whereSeparator: \.isWhitespace)
      .map(String.init)
    if words.first == "let" {
      words = words.firstIndex(of: "=").map { Array(words[($0 + 1)...]) } ?? words
    }
    if ["time", "plan", "assert"].contains(words.first) { words.removeFirst() }
    return words
  }

  /// Where in a command's arguments the cursor is.
  private enum Position {
    /// A value of this parameter comes next.
    case value(Command.Parameter)
    /// Anything that the command takes.
    case anywhere

    init(in command: Command, after words: some Sequence<String>) {
      var open: Command.Parameter?
      var isComplete = false
      for word in words {
        if word == "," {
          isComplete = false
        } else if let parameter = open, !isComplete {
          // A word of its own may stand before what an arrow points at.
          isComplete = parameter.form != .arrow || !command.isFlag(word)
        } else if let keyword = command.parameter(openedBy: word) {
          (open, isComplete) = (keyword, false)
        } else {
          open = command.parameters.first {
            $0.form == .positional && ($0.kind.choices?.contains(word) ?? true)
          }
          isComplete = true
        }
      }
      self = if let open, !isComplete { .value(open) } else { .anywhere }
    }
  }

  /// The model that a selector at the cursor is about: that of the pipeline's last `with`, else the
  /// one in use.
  func model(after text: String) -> LanguageModel? {
    let statement = text.split(whereSeparator: { $0 == ";" || $0 == "\n" }).last ?? ""
    let chosen = statement.split(separator: "|").compactMap { stage -> LanguageModel? in
      let words = stage.split(whereSeparator: \.isWhitespace)
      guard words.count == 2, words[0] == "with" else { return nil }
      return session.models.entry(named: String(words[1]))?.model
    }
    return chosen.last ?? session.model
  }

  // MARK: Kinds of candidates

  /// What a pipeline can begin with.
  private var beginnings: [Candidate] {
    let commands = Catalogue.all.filter {
      switch $0.input {
      case .none, .any: true
      case .prompts, .table: false
      }
    }
    return variables + commands.map { Candidate(text: $0.name + " ", summary: $0.summary) }
      + ["let ", "def ", "for ", "if ", "assert ", "source ", "time ", "plan ", "report "].map {
        Candidate(text: $0, summary: "")
      } + Session.promptEndings.map { Candidate(text: $0, summary: "End the prompt.") }
  }

  var variables: [Candidate] {
    session.variables.sorted().map {
      Candidate(text: $0, summary: session.kind(of: $0) ?? "")
    }
  }

  private func arguments(of command: Command, at position: Position, _ context: Context)
    -> [Candidate]
  {
    switch position {
    case .value(let parameter): return values(of: parameter, context)
    case .anywhere:
      let leading = command.parameters.filter { $0.form != .positional }.flatMap { parameter in
        parameter.words.map { Candidate(text: $0 + " ", summary: parameter.summary) }
      }
      let positional = command.parameters.filter {
        $0.form == .positional || $0.form == .assignment
      }
      return positional.flatMap { values(of: $0, context) } + leading
    }
  }

  /// What a parameter's value may be or begin with.
  private func values(of parameter: Command.Parameter, _ context: Context) -> [Candidate] {
    let words = parameter.kind.words.map { Candidate(text: $0.name, summary: $0.summary) }
    switch parameter.kind {
    case .oneOf, .tokens, .donors: return words + variables
    case .metric: return words + metrics + variables
    case .model: return models
    case .loadable: return shortNames + files(context.word)
    case .path: return files(context.word) + variables
    case .command: return commands
    case .selector:
      return spans(for: parameter, context) + components(context.word, on: context.model)
        + variables
    case .position: return positions(of: context.preview, after: "@") + variables
    case .column, .condition, .expression:
      return columnWords(of: context.preview) + variables
    case .text: return relations(for: parameter, context) + variables
    case .number, .prompts, .table, .value: return variables
    case .name, .flag: return []
    }
  }

  /// The session's own.
  private var metrics: [Candidate] {
    session.metrics.keys.sorted().map { Candidate(text: $0, summary: "") }
  }

  private var shortNames: [Candidate] {
    ShortNames.all.map { Candidate(text: $0.name, summary: $0.meaning) }
  }

  private var commands: [Candidate] {
    Catalogue.all.map { Candidate(text: $0.name, summary: $0.summary) }
      + [Candidate(text: HelpText.sitesTopic, summary: "the sites of the model")]
  }

  /// Loaded models.
  private var models: [Candidate] {
    session.models.entries.map { Candidate(text: $0.name + " ", summary: $0.model.path) }
  }

  private func components(_ word: String, on model: LanguageModel?) -> [Candidate] {
    let hasPositions = model?.configuration.hasLearnedPositions ?? false
    let words = Selector.Word.allCases.filter { hasPositions || $0 != .posEmbed }
      .map { Candidate(text: $0.rawValue, summary: "") }
    guard let c = model?.configuration else { return words }
    if let dot = word.firstIndex(of: ".") {
      let base = word[...dot]
      let isHead = base.contains("H")
      let sites = c.activations.filter {
        $0.isInLayer && (!isHead || $0.units == .heads || $0.units == .keyValueHeads)
      }
      return (sites.map(\.rawValue) + (isHead ? [] : ["attn", "mlp"])).map {
        Candidate(text: base + $0, summary: "")
      }
    }
    if let head = word.firstIndex(of: "H"), word.hasPrefix("L") {
      return (0..<c.heads).map { Candidate(text: "\(word[...head])\($0)", summary: "") }
    }
    let layers = (0..<c.layers).map { Candidate(text: "L\($0)", summary: "") }
    if word.hasPrefix("L"), Int(word.dropFirst()) != nil {
      return layers + ["H", ".mlp", ".attn"].map { Candidate(text: word + $0, summary: "") }
    }
    return words + (word.hasPrefix("L") ? layers : [])
  }

  /// Where an edge may lead.
  private func readers(_ word: String, on model: LanguageModel?) -> [Candidate] {
    guard let dot = word.firstIndex(of: ".") else {
      let words = ["logits", "heads", "mlps", "layers"].map { Candidate(text: $0, summary: "") }
      return words + (word.hasPrefix("L") ? components(word, on: model) : [])
    }
    let base = word[...dot]
    let inputs =
      if base.contains("KV") { ["k", "v"] } else if base.contains("H") { ["q", "k", "v"] } else {
        ["mlp"]
      }
    return inputs.map { Candidate(text: base + $0, summary: "") }
  }

  /// Files and folders that begin as the word does.
  func files(_ word: String) -> [Candidate] {
    FileNames.beginning(with: word, home: session.host.environment["HOME"]).map {
      Candidate(text: $0, summary: "")
    }
  }
}

extension Command {
  fileprivate func isFlag(_ word: String) -> Bool {
    parameters.contains { if case .flag = $0.form { $0.words.contains(word) } else { false } }
  }

  /// The parameter whose value comes after a word.
  fileprivate func parameter(openedBy word: String) -> Parameter? {
    parameters.first { parameter in
      switch parameter.form {
      case .keyword, .keywords, .arrow: parameter.words.contains(word)
      case .positional, .flag, .assignment: false
      }
    }
  }
}

extension Command.Parameter {
  /// Whether edges may be written there: only what another run has can take their place.
  fileprivate var takesEdges: Bool { name == "site" && summary.contains(" -> ") }
}
