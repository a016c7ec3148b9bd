import Lang
import Model

extension Command {
  static let fewShot = Command(
    name: "few_shot", group: .inputs,
    summary: "Put solved facts of the same relation in front of each prompt, one per line.",
    details: """
      They are drawn from a set of prompts with answers by the seed, the same for all prompts of a \
      relation; where a prompt's own fact is among them, another takes its place. The span `shots` \
      covers them. Answers are written whole. Counterparts get the same.
      """,
    input: .prompts,
    parameters: [
      .positional("count", .number, "how many"),
      .keyword("from", .prompts, required: true, "the prompts with answers to draw from"),
      .keyword("seed", .number, "of the draw; default: 0"),
    ],
    examples: [
      "country | take 4 | few_shot 3 from country seed 1 | rank",
      "country | take 1 | few_shot 1 from country | tokens | take 3",
    ]
  ) { call in
    let set = try call.promptInput()
    guard set.edits.isEmpty else {
      throw call.failure("`few_shot` goes before edits", help: "… | few_shot 3 from SET | ablate …")
    }
    let count = try call.integer(required: "count")
    guard count > 0 else {
      throw Failure("`few_shot` needs one fact at least", span: call.span(of: "count"))
    }
    let source = try call.prompts(required: "from")
    let shots = try placing(at: call.span(of: "from")) {
      try Shots(from: source, count: count, seed: try call.seed())
    }
    return .prompts(
      PromptSet(
        prompts: try placing(at: call.span) {
          try set.prompts.mapChecked { try $0.preceded(by: try shots.text(for: $0)) }
        }
      ).divided(as: set))
  }
}

/// Solved facts in the order in which they are drawn, by relation.
private struct Shots {
  private let count: Int
  private var drawn: [String?: [Prompt]] = [:]

  init(from set: PromptSet, count: Int, seed: Int) throws {
    self.count = count
    try set.requireAnswers(for: "few_shot")
    var relations: [String?] = []
    var found: [String?: [Prompt]] = [:]
    var keys: Set<[String?]> = []
    // One fact twice would be drawn twice.
    for prompt in set.prompts where keys.insert([prompt.fact?.relation, prompt.factKey]).inserted {
      let relation = prompt.fact?.relation
      if found[relation] == nil { relations.append(relation) }
      found[relation, default: []].append(prompt)
    }
    for (stream, relation) in relations.enumerated() {
      var generator = SplitMix64(seed: seed, stream: stream)
      drawn[relation] = try shuffled(found[relation] ?? [], &generator)
    }
  }

  /// The lines before a prompt.
  func text(for prompt: Prompt) throws -> String {
    let relation = prompt.fact?.relation
    let others = (drawn[relation] ?? []).lazy.filter { $0.factKey != prompt.factKey }
    let shots = Array(others.prefix(count))
    guard shots.count == count else {
      let place = relation.map { " of the relation '\($0)'" } ?? " without a relation"
      throw Failure(
        "`few_shot` needs \(count) other facts\(place) for '\(prompt.name)', and there are "
          + "\(shots.count)",
        help: "ask for fewer, or draw from a larger set")
    }
    return shots.map { $0.text + ($0.answers.first?.written ?? "") + "\n" }.joined()
  }
}

extension Prompt {
  /// What tells the facts of one relation apart.
  fileprivate var factKey: String {
    fact?.relation == nil ? text : fact?.subject ?? text
  }

  /// The same with some lines before it, which the span `shots` covers; its name stays.
  fileprivate func preceded(by lines: String) throws -> Prompt {
    guard !isOfIDs else {
      throw Failure("'\(name)' was given as token ids, and nothing can be put before it")
    }
    guard conversation == nil else {
      throw Failure(
        "`few_shot` puts facts before a text, and '\(name)' is a chat prompt",
        help: "give the solved facts as turns: chat \"question\", \"answer\", \"question\"")
    }
    let size = lines.utf8.count
    let moved = labels.map { label, range in
      (label: label, range: range.lowerBound + size..<range.upperBound + size)
    }
    var prompt = try Prompt(
      text: lines + text, labels: [("shots", 0..<size)] + moved, name: name, model: model,
      addsBOS: hasBOS)
    prompt.answers = answers
    prompt.foils = foils
    prompt.fact = fact
    try prompt.pair(with: try counterpart?.preceded(by: lines))
    return prompt
  }
}
