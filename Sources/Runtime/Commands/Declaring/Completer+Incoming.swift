import Lang
import Model

// Candidates that depend on what the stages before hand on.
extension Completer {
  /// Commands and `def`s that take what comes in; all that take anything where it is not known.
  func followers(of preview: Preview?) -> [Candidate] {
    let commands = Catalogue.all.filter { command in
      switch (command.input, preview?.value) {
      case (.none, _): false
      case (.any, _): true
      case (.prompts, nil), (.table, nil): true
      case (.prompts, .prompts), (.prompts, .list), (.prompts, .text): true
      case (.table, .table), (.table, .stream): true
      case (.prompts, _), (.table, _): false
      }
    }
    return commands.map { Candidate(text: $0.name + " ", summary: $0.summary) }
      + session.functions.keys.sorted().map { Candidate(text: $0, summary: "a def") }
  }

  /// The columns of the table that comes in; where that is not known, of the tables that there are,
  /// and others that tables usually have.
  func columns(of preview: Preview?) -> [String] {
    switch preview?.value {
    case .table(let value): return value.table.columnNames
    case .prompts(let set): return set.listing.columnNames
    default: break
    }
    let known = session.variables.flatMap { name -> [String] in
      if case .table(let value)? = session.lookUp(name) { value.table.columnNames } else { [] }
    }
    return known + [
      "component", "layer", "head", "span", "source", "token", "dla", "effect", "logit",
    ]
  }

  /// As a line has them: in backticks where the bare word would be something else.
  func columnWords(of preview: Preview?) -> [Candidate] {
    let kinds: [String: String] =
      if case .table(let value)? = preview?.value {
        Dictionary(
          value.table.columns.map { ($0.name, $0.kind.rawValue) },
          uniquingKeysWith: { first, _ in first }
        )
      } else {
        [:]
      }
    return columns(of: preview).map { name in
      Candidate(
        text: Lang.isBareName(name) ? name : Lang.Printer.quoteColumn(name),
        summary: kinds[name] ?? "")
    }
  }

  /// The spans of the prompts that come in; where those are not known, of the prompts that there are.
  func positions(of preview: Preview?, after base: String) -> [Candidate] {
    let prompts: [Prompt]
    if case .prompts(let set)? = preview?.value {
      prompts = set.prompts
    } else {
      prompts = session.variables.flatMap { name -> [Prompt] in
        if case .prompts(let set)? = session.lookUp(name) {
          Array(set.prompts.prefix(100))
        } else {
          []
        }
      }
    }
    let labels = prompts.flatMap { $0.spans.map(\.label) }
    return (["last", "*"] + labels).map { Candidate(text: base + $0, summary: "") }
  }

  /// Positions where `knockout` takes them without `@`.
  func spans(for parameter: Command.Parameter, _ context: Context) -> [Candidate] {
    guard context.stage.first == Command.knockout.name,
      ["source", "destination", "except"].contains(parameter.name)
    else { return [] }
    return positions(of: context.preview, after: "").filter { $0.text != "*" }
  }

  /// The relations of the folder that `facts` is to read.
  func relations(for parameter: Command.Parameter, _ context: Context) -> [Candidate] {
    guard context.stage.first == Command.facts.name, parameter.name == "relation",
      context.stage.count > 1
    else { return [] }
    let folder = context.stage[1].filter { $0 != "\"" && $0 != "'" }
    guard let table = try? readTable(path: folder + "/relations.tsv", asTexts: true),
      case .texts(let names)? = table["relation"]?.values
    else { return [] }
    return names.compactMap { $0 }.map { Candidate(text: $0, summary: "") }
  }

  // MARK: In quotes

  /// What a text in quotes may be: an answer's token, a value of the column that it is compared with,
  /// or a file.
  ///
  /// - Parameter text: what stands before the quote.
  func quoted(_ word: String, after text: String) -> [Candidate] {
    let source = SourceText(name: "", text: text)
    let words = tokens(of: source).filter {
      switch $0.kind {
      case .whitespace, .newline, .comment: false
      default: true
      }
    }
    if isAnswer(words, in: source) { return answerTokens(word, on: model(after: text)) }
    if let column = comparedColumn(words, in: source) {
      return values(of: column, in: Incoming(before: text).stages.flatMap(session.preview))
    }
    return files(word)
  }

  /// Whether an answer or a foil comes next: `-> "`, `vs "`, and after a comma of theirs.
  private func isAnswer(_ words: [Token], in source: SourceText) -> Bool {
    var rest = words[...]
    while let last = rest.last {
      switch last.kind {
      case .arrow: return true
      case .identifier:
        let word = source.text(in: last.span)
        if word == "vs" { return true }
        guard word == "first" || word == "whole" else { return false }
        rest.removeLast()
      case .comma:
        rest.removeLast()
        guard [.stringEnd, .rawString].contains(rest.last?.kind) else { return false }
        while let part = rest.last, part.kind != .stringStart, part.kind != .rawString {
          rest.removeLast()
        }
        rest.removeLast()
      default: return false
      }
    }
    return false
  }

  /// How many tokens are listed: more would not help anybody.
  private static let mostTokens = 100

  /// Tokens that begin so, the more frequent before: vocabularies are about ordered by it.
  private func answerTokens(_ word: String, on model: LanguageModel?) -> [Candidate] {
    guard let tokenizer = model?.tokenizer, word.utf8.count > 1 else { return [] }
    let wanted = Array(word.utf8)
    var found: [Candidate] = []
    for id in 0..<tokenizer.vocabularySize where found.count < Self.mostTokens {
      guard let bytes = tokenizer.bytes(of: id), bytes.starts(with: wanted),
        !tokenizer.isSpecial(id), let text = String(validating: bytes, as: UTF8.self)
      else { continue }
      // What a line cannot have as it is.
      guard !text.contains(where: { "\"\\".contains($0) || $0.isNewline }) else { continue }
      found.append(Candidate(text: text + "\"", summary: "token \(id)"))
    }
    return found
  }

  /// The column that a text is compared with: `span == "`, `span in ["`.
  private func comparedColumn(_ words: [Token], in source: SourceText) -> String? {
    var rest = words[...]
    if rest.last?.kind == .comma || rest.last?.kind == .leftBracket {
      while let last = rest.popLast(), last.kind != .leftBracket {}
      guard rest.last?.kind == .keyword(.in) else { return nil }
    }
    switch rest.popLast()?.kind {
    case .equal, .notEqual: break
    case .keyword(.in): if rest.last?.kind == .keyword(.not) { rest.removeLast() }
    default: return nil
    }
    guard let name = rest.popLast() else { return nil }
    let text = source.text(in: name.span)
    return name.kind == .column ? String(text.dropFirst().dropLast()) : text
  }

  /// Different texts that the column has, where these are known without a run: what names rows always
  /// is.
  private func values(of column: String, in preview: Preview?) -> [Candidate] {
    let names: Set = ["component", "span", "source_span", "metric"]
    guard case .table(let value)? = preview?.value,
      case .texts(let texts)? = value.table[column]?.values,
      preview?.isExact == true || names.contains(column)
    else { return [] }
    var seen: Set<String> = []
    for text in texts where seen.count < 1000 {
      if let text, !text.contains("\"") { seen.insert(text) }
    }
    return seen.sorted().map { Candidate(text: $0 + "\"", summary: "") }
  }
}
