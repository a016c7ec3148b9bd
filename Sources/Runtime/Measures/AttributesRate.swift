import Lang
import Model

/// What a fact has of attributes.
enum AttributesWord: String, Choice {
  case ofSubject = "S"
  case ofRelation = "R"

  var summary: String {
    switch self {
    case .ofSubject: "the attributes of the subject"
    case .ofRelation: "the attributes of the relation"
    }
  }
}

/// The tokens of each prompt that count as attributes.
struct AttributesLists {
  /// As Geva et al. 2023 take.
  static let usualTop = 50

  private let ofPrompts: [Set<Int>]

  subscript(index: Int) -> Set<Int> { ofPrompts[index] }

  /// Nil where none are asked for.
  init?(_ call: Invocation, _ set: PromptSet) throws {
    guard call.has("attributes") else { return nil }
    var common: Set<Int> = []
    var words: [AttributesWord] = []
    for found in try call.tokensOrWords("attributes", AttributesWord.self) {
      switch found {
      case .word(let word): words.append(word)
      case .value(let expression):
        common.formUnion(
          try placing(at: expression.span) {
            try Self.tokens(try call.session.evaluate(expression), of: set.model)
          })
      }
    }
    ofPrompts = set.prompts.map { prompt in
      words.reduce(common) { all, word in
        let own = word == .ofSubject ? prompt.fact?.ofSubject : prompt.fact?.ofRelation
        return all.union(own?.whole ?? [])
      }
    }
    try placing(at: call.span(of: "attributes")) { try checkThatSomeAre(set, call) }
  }

  /// Every token of a text, as it stands and after a space.
  private static func tokens(_ value: Value, of model: LanguageModel) throws -> Set<Int> {
    switch value {
    case .text(let text):
      guard !text.isEmpty else { throw Failure("an empty text has no tokens") }
      let tokenizer = model.tokenizer
      return Set(
        [text, " " + text].flatMap { tokenizer.encode($0, isContinuation: true).map(\.id) })
    case .list(let values):
      guard !values.isEmpty else { throw Failure("this list is empty") }
      return try values.reduce(into: []) { $0.formUnion(try tokens($1, of: model)) }
    case let other: throw Failure("expected texts, got \(other.kind)")
    }
  }

  /// A set without attributes is a mistake; some prompts without them are a gap.
  private func checkThatSomeAre(_ set: PromptSet, _ call: Invocation) throws {
    let without = set.prompts.indices.filter { ofPrompts[$0].isEmpty }
    guard let first = without.first else { return }
    guard without.count < set.prompts.count else {
      throw Failure(
        "these prompts have no attributes",
        help: "they come with a folder of facts, or are texts: attributes [\" Rome\", \" Lazio\"]")
    }
    call.warn(
      "\(without.count) of \(set.prompts.count) prompts have no attributes, and no rate: "
        + "'\(excerpt(set.prompts[first].name))'")
  }
}

extension Invocation {
  /// The attributes rate of Geva et al. 2023: of the tokens with the largest logits, the share that is in
  /// the prompt's list. A row for each place and position.
  func attributesRates(
    of set: PromptSet, _ lists: AttributesLists, _ places: LensPlaces, _ readings: Readings,
    top count: Int
  ) throws -> Value {
    try reserve(rows: readings.count, places.all.count, bytes: 2 * (8 * 16 + 8))
    var table = TableBuilder()
    let prompt = PromptColumns(set, in: &table)
    let component = places.areNamed ? table.texts("component") : nil
    let (layer, position) = (table.integers("layer"), table.integers("position"))
    let (attributes, found) = (table.integers("attributes"), table.integers("found"))
    let rate = table.doubles("rate")
    try readStreams(
      of: set, places,
      asking: { item in readings[item].map { LogitQuery(position: $0.position, top: count) } },
      { item, place, summaries in
        let list = lists[item.index]
        for (reading, summary) in zip(readings[item], summaries) {
          table.addRow()
          prompt.set(item.prompt, in: &table)
          table[component] = places.all[place].label
          (table[layer], table[position]) = (places.all[place].layer, reading.position)
          table[attributes] = list.count
          guard !list.isEmpty, summary.isFinite else { continue }
          let hits = summary.top.count { list.contains($0.id) }
          table[found] = hits
          table[rate] = Double(hits) / Double(count)
        }
      })
    return .table(TableValue(table.table(measure: "rate"), origins: [set.origin]))
  }
}
