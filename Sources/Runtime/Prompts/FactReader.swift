import Lang
import Model

/// Makes prompts of facts, and keeps count of what a model's tokenizer leaves out.
struct FactReader {
  let source: FactSource
  let model: LanguageModel
  let addsBOS: Bool
  /// Whether the subject is asked for, by a template that has the answer.
  let isReversed: Bool
  let extent: Answer.Extent
  let spacing: AnswerSpacing
  /// How many answers of prompts a space was put before.
  private(set) var spaced = 0

  /// The chat template that prompts go through; nil where they do not.
  var chat: ChatFormat?

  /// What each prompt's answer is held against.
  /// Nil: what the fact's own column says.
  var foils: Foils?

  enum Foils: String, Choice {
    case ofRelation = "R"
    case ofSubject = "S"

    var summary: String {
      switch self {
      case .ofRelation: "the attributes of the relation"
      case .ofSubject: "the attributes of the subject"
      }
    }
  }

  /// Why facts are left out: how many for each reason, and the first of them as an example.
  private var left: [(reason: Reason, example: String, count: Int)] = []
  private var ofRelations: [String: [Int]] = [:]
  private var ofSubjects: [String: [Int]] = [:]

  enum Reason { case absent, severalTokens, noToken, border }

  init(
    source: FactSource, model: LanguageModel, addsBOS: Bool, isReversed: Bool,
    extent: Answer.Extent,
    spacing: AnswerSpacing
  ) {
    self.source = source
    self.model = model
    self.addsBOS = addsBOS
    self.isReversed = isReversed
    self.extent = extent
    self.spacing = spacing
  }

  func require(_ columns: [String]) throws {
    let names = source.table.columnNames
    for column in columns where !names.contains(column) {
      throw Failure(
        "'\(source.path)' has no column `\(column)`",
        help: suggestion(for: column, among: names).map { "did you mean {\($0)}?" }
          ?? "its columns are \(listed(names))")
    }
  }

  // MARK: Prompts

  /// The prompt of a row; nil where it is left out.
  mutating func prompt(_ row: Int, _ template: Template) throws -> Prompt? {
    try require(template.fields)
    var fields: [String: String] = [:]
    for name in template.fields { fields[name] = text(name, row) ?? "" }
    if let empty = template.fields.first(where: { fields[$0] == "" }) {
      return leave(.absent, "row \(row + 1) has no \(empty)")
    }
    let wanted = answers(row)
    guard !wanted.isEmpty else {
      return leave(.absent, "row \(row + 1) has no \(isReversed ? "subject" : "answer")")
    }
    let filled = FilledTemplate(template, fields: fields)
    let before = try chat?.ending() ?? filled.text
    let written = wanted.map { spacing.written($0, after: before) }
    var read: [Answer] = []
    for text in written {
      switch self.read(text) {
      case .answer(let answer): read.append(answer)
      case .noToken:
        return leave(.noToken, "the tokenizer has no token for the answer \(quotedText(text))")
      case .several(let count):
        return leave(
          .severalTokens,
          "the answer \(quotedText(text)) is \(count == 1 ? "not a token" : "several tokens")")
      }
    }
    var prompt: Prompt
    do {
      prompt = try self.prompt(filled.text, labels: filled.labels)
    } catch let failure as Failure {
      for piece in model.tokenizer.encode(filled.text) { try model.require(token: piece.id) }
      return leave(.border, "'\(filled.text)': \(failure.message)")
    }
    spaced += zip(written, wanted).count { $0 != $1 }
    prompt.answers = read.distinct
    for token in prompt.answers.flatMap(\.tokens) { try model.require(token: token) }
    // R and S are tokens.
    prompt.row = PromptRow(table: source.table, number: row)
    prompt.fact = fact(row, answers: read.filter { $0.tokens.count == 1 }.map(\.token))
    prompt.foils =
      switch foils {
      // A foil that is several tokens cannot be compared: the fact stays, the foil goes.
      case nil:
        list("foils", row).compactMap { foil in
          self.read(spacing.written(foil, after: before)).answer
        }.distinct.filter { foil in !read.contains { $0.tokens == foil.tokens } }
      case .ofRelation: (prompt.fact?.ofRelation.others ?? []).map(made)
      case .ofSubject: (prompt.fact?.ofSubject.others ?? []).map(made)
      }
    let named = prompt.foils.flatMap(\.tokens) + (prompt.fact?.ofRelation.right ?? [])
    for token in named { try model.require(token: token) }
    return prompt
  }

  /// What a row has besides the prompt. A prompt that asks for the subject has no R and no S.
  private mutating func fact(_ row: Int, answers: [Int]) -> Fact? {
    var fact = Fact(relation: text("relation", row), subject: text("subject", row))
    guard fact.relation != nil || fact.subject != nil else { return nil }
    if isReversed { return fact }
    let right = answers + list("also", row).compactMap(token)
    fact.ofRelation = attributes(fact.relation, of: source.ofRelations, &ofRelations, right)
    fact.ofSubject = attributes(fact.subject, of: source.ofSubjects, &ofSubjects, right)
    return fact
  }

  private func attributes(
    _ name: String?, of texts: [String: [String]], _ known: inout [String: [Int]], _ right: [Int]
  ) -> Fact.Attributes {
    guard let name, let texts = texts[name] else { return Fact.Attributes() }
    let whole = known[name] ?? uniqueTokens(texts)
    known[name] = whole
    return Fact.Attributes(whole: whole, right: whole.filter(right.contains))
  }

  private func uniqueTokens(_ texts: [String]) -> [Int] {
    var seen: Set<Int> = []
    // A token beyond the embedding has no logit, so it cannot be an attribute.
    return texts.compactMap(token).filter { (try? model.configuration.check(token: $0)) != nil }
      .filter { seen.insert($0).inserted }
  }

  // MARK: Cells and tokens

  func text(_ column: String, _ row: Int) -> String? {
    guard let cell = source.table[column]?[row], !cell.isMissing else { return nil }
    return cell.description.isEmpty ? nil : cell.description
  }

  /// The texts of a cell that has several, `|` between them.
  private func list(_ column: String, _ row: Int) -> [String] {
    textList(text(column, row) ?? "").map { part in
      spacing.isExact ? part : String(part.drop { $0 == " " })
    }
  }

  /// What is asked for: the answers, or the subject.
  private func answers(_ row: Int) -> [String] {
    if isReversed {
      // What comes next is the tower's name, with or without its article: the name is what tells.
      return [text("subject", row)].compactMap(\.self).map { subject in
        subject.hasPrefix("The ") ? String(subject.dropFirst("The ".count)) : subject
      }
    }
    guard let cell = text("answer", row) else { return [] }
    return textList(cell).count > 1 ? list("answer", row) : [cell]
  }

  /// What a text is as an answer or a foil.
  private enum Read {
    case answer(Answer)
    case noToken
    case several(Int)

    var answer: Answer? { if case .answer(let answer) = self { answer } else { nil } }
  }

  private func read(_ text: String) -> Read {
    let pieces = model.tokenizer.encode(text, isContinuation: true)
    guard let first = pieces.first else { return .noToken }
    switch extent {
    case .one:
      return model.tokenizer.isWholeToken(text).map {
        .answer(Answer([$0], of: model, written: text))
      } ?? .several(pieces.count)
    case .first: return .answer(Answer([first.id], of: model, written: text, .first))
    case .whole:
      guard model.tokenizer.isWhole(pieces, of: text) else { return .noToken }
      return .answer(Answer(pieces.map(\.id), of: model, written: text, .whole))
    }
  }

  /// The one token of an attribute, as it would follow a word.
  private func token(_ text: String) -> Int? {
    model.tokenizer.isWholeToken(spacing.written(text))
  }

  /// A text as it is, or as what a user says.
  func prompt(_ text: String, labels: [(label: String, range: Range<Int>)]) throws -> Prompt {
    try chat?.prompt(text, labels: labels)
      ?? Prompt(text: text, labels: labels, model: model, addsBOS: addsBOS)
  }

  private func made(_ id: Int) -> Answer { Answer([id], of: model) }

  // MARK: What was left out

  mutating func leave(_ reason: Reason, _ example: String) -> Prompt? {
    if let place = left.firstIndex(where: { $0.reason == reason }) {
      left[place].count += 1
    } else {
      left.append((reason, example, 1))
    }
    return nil
  }

  /// One for each reason.
  var warnings: [String] {
    left.map { _, example, count in
      "\(count) of \(source.table.rowCount) facts are left out: \(example)"
        + (count > 1 ? ", and \(count - 1) more" : "")
    }
  }

  /// That answers were not taken as they are written.
  var spacingNote: String? {
    guard spaced > 0 else { return nil }
    return
      "facts: \(spaced == 1 ? "an answer" : "\(thousands(spaced)) answers") got a leading space; "
      + "`exact` keeps answers as they are written"
  }

  /// How many attributes of the facts that were read are one token, where they have any.
  var attributeNote: String? {
    func count(_ name: String, _ found: [String: [Int]], _ all: [String: [String]]) -> String? {
      let whole = found.keys.reduce(0) { $0 + Set(all[$1] ?? []).count }
      let kept = found.values.reduce(0) { $0 + $1.count }
      return whole == 0 ? nil : "\(thousands(kept)) of \(thousands(whole)) attributes of \(name)"
    }
    let counts = [
      count("relations (R)", ofRelations, source.ofRelations),
      count("subjects (S)", ofSubjects, source.ofSubjects),
    ].compactMap { $0 }
    guard !counts.isEmpty else { return nil }
    return "facts: \(counts.joined(separator: " and ")) are one token, the others are left out"
  }
}
