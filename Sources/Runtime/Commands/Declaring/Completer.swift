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
    if text.hasSuffix("\"") { return files(word) }
    if word.hasPrefix("`") {
      return columns.map { Candidate(text: Lang.Printer.quoteColumn($0.name), summary: $0.summary) }
    }
    if word.hasPrefix("$") {
      return variables.map { Candidate(text: "$" + $0.text, summary: $0.summary) }
    }
    if let at = word.lastIndex(of: "@") { return positions(after: String(word[...at])) }
    let stage = stageWords(text)
    guard let name = stage.first else { return beginnings }
    if let command = Catalogue.command(named: name) {
      return parameters(of: command, used: stage, word, on: model(after: text))
    }
    return beginnings
  }

  /// The words of the stage at the cursor, before it.
  private func stageWords(_ text: String) -> [String] {
    let borders: Set<Character> = ["|", ";", "\n", "(", "{"]
    let stage = text.reversed().prefix { !borders.contains($0) }.reversed()
    var words = String(stage).split(whereSeparator: \.isWhitespace).map(String.init)
    if words.first == "let" {
      words = words.firstIndex(of: "=").map { Array(words[($0 + 1)...]) } ?? words
    }
    if ["time", "plan", "assert"].contains(words.first) { words.removeFirst() }
    return words
  }

  /// The model that a selector at the cursor is about: that of the pipeline's last `with`, else the
  /// one in use.
  private func model(after text: String) -> LanguageModel? {
    let statement = text.split(whereSeparator: { $0 == ";" || $0 == "\n" }).last ?? ""
    let chosen = statement.split(separator: "|").compactMap { stage -> LanguageModel? in
      let words = stage.split(whereSeparator: \.isWhitespace)
      guard words.count == 2, words[0] == "with" else { return nil }
      return session.models.entry(named: String(words[1]))?.model
    }
    return chosen.last ?? session.model
  }

  // MARK: Kinds of candidates

  private var beginnings: [Candidate] {
    variables + Catalogue.all.map { Candidate(text: $0.name + " ", summary: $0.summary) }
      + ["let ", "def ", "for ", "if ", "assert ", "source ", "time ", "plan ", "report "].map {
        Candidate(text: $0, summary: "")
      }
  }

  private var variables: [Candidate] {
    session.variables.sorted().map {
      Candidate(text: $0, summary: session.kind(of: $0) ?? "")
    }
  }

  private func parameters(
    of command: Command, used: [String], _ word: String, on model: LanguageModel?
  ) -> [Candidate] {
    let words = command.parameters.filter { $0.form != .positional && $0.form != .assignment }
      .flatMap { parameter in
        parameter.words.map { Candidate(text: $0 + " ", summary: parameter.summary) }
      }
    switch command.name {
    case "load":
      return ShortNames.all.map { Candidate(text: $0.name, summary: $0.meaning) } + words
        + files(word)
    case "help": return Catalogue.all.map { Candidate(text: $0.name, summary: $0.summary) }
    case "effect" where used.last == "of":
      return Metric.allCases.map { Candidate(text: $0.rawValue, summary: "") }
    case "dla" where used.last == "by":
      return ["component", "layer", "head", "source", "head, span"].map {
        Candidate(text: $0, summary: "")
      }
    case "compare" where used.last == "by":
      return ComparedParts.allCases.map { Candidate(text: $0.rawValue, summary: "") }
    case "dla" where used.last == "of", "compare" where used.last == "of":
      return ["logit", "logit_diff"].map { Candidate(text: $0, summary: "") }
    case "show" where used.last == "as", "save" where used.last == "as":
      return OutputFormat.allCases.map { Candidate(text: $0.rawValue, summary: "") }
    default: break
    }
    let wantsModel = command.parameters.contains { $0.kind == .model }
    let wantsSelector = command.parameters.contains { $0.kind == .selector }
    let wantsColumns = command.parameters.contains {
      $0.kind == .column || $0.kind == .condition || $0.kind == .expression
    }
    if wantsModel { return models + words }
    return words + (wantsSelector ? components(word, on: model) : [])
      + (wantsColumns ? columnWords : [])
      + (command.parameters.isEmpty ? [] : variables)
  }

  /// Loaded models.
  private var models: [Candidate] {
    session.models.entries.map { Candidate(text: $0.name + " ", summary: $0.model.path) }
  }

  /// Columns of the tables that there are, and others that tables usually have.
  private var columns: [(name: String, summary: String)] {
    let known = session.variables.flatMap { name -> [String] in
      if case .table(let value)? = session.lookUp(name) { value.table.columnNames } else { [] }
    }
    let usual = ["component", "layer", "head", "span", "source", "token", "dla", "effect", "logit"]
    return (known + usual).map { ($0, "") }
  }

  /// As a line has them: in backticks where the bare word would be something else.
  private var columnWords: [Candidate] {
    columns.map { name, summary in
      Candidate(
        text: Lang.isBareName(name) ? name : Lang.Printer.quoteColumn(name), summary: summary)
    }
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

  private func positions(after base: String) -> [Candidate] {
    let labels = session.variables.flatMap { name -> [String] in
      if case .prompts(let set)? = session.lookUp(name) {
        set.prompts.prefix(100).flatMap { $0.spans.map(\.label) }
      } else {
        []
      }
    }
    return (["last", "*"] + labels).map { Candidate(text: base + $0, summary: "") }
  }

  /// Files and folders that begin as the word does.
  private func files(_ word: String) -> [Candidate] {
    FileNames.beginning(with: word, home: session.host.environment["HOME"]).map {
      Candidate(text: $0, summary: "")
    }
  }
}
