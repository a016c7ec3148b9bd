import Lang
import Model

extension Command {
  static let known = Command(
    name: "known", group: .inputs,
    summary: "Keep the prompts whose answer is among the model's likeliest tokens.",
    input: .prompts,
    parameters: [.keyword("top", .number, "how many tokens count as likely; default: 10")],
    examples: [
      "country | take 8 | known --top 10 | rank",
      #"facts "Examples/facts" relation landmark_country | take 5 | known top 1"#,
    ]
  ) { call in
    let top = try call.integer("top") ?? 10
    guard top > 0 else {
      throw Failure(
        "`known top` takes a count from 1",
        help: "`known top 1` keeps prompts whose answer is the likeliest token",
        span: call.span(of: "top"))
    }
    var set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "known") }
    try placing(at: call.span) { try set.requireAnswers(for: "known") }
    // Of a shard too, all: what is left is divided.
    let whole = set.undivided
    let measured = try MeasuredMetrics(whole, Readings(lastOf: whole)) { _ in [ChosenMetric(.rank)]
    }
    var gatherer = measured.gatherer
    var isKnown = [Bool](repeating: false, count: set.prompts.count)
    var results = try call.session.results(
      of: try call.session.cases(of: measured.completed.set), on: set.model, label: "known",
      measuring: measured.measurement)
    while let (item, parts) = try results.next() {
      guard let runs = gatherer.add(item, parts),
        let (_, metrics, found) = measured.found(item, runs).first
      else { continue }
      isKnown[measured.completed.owner(of: item)] =
        metrics.values(found)[0] <= Double(top)
    }
    call.session.note(note(of: set.prompts, isKnown, top: top))
    set.keep(isKnown.indices.filter { isKnown[$0] })
    guard !set.prompts.isEmpty else {
      throw call.failure(
        "no prompt's answer is among the model's likeliest tokens: a set needs at least one prompt",
        help: "`rank` shows how they fare; `known top \(top * 10)` asks for less")
    }
    return .prompts(set)
  }

  /// How many stayed, in all and of each relation.
  private static func note(of prompts: [Prompt], _ isKnown: [Bool], top: Int) -> String {
    var relations: [String] = []
    var counts: [String: (known: Int, all: Int)] = [:]
    for (prompt, known) in zip(prompts, isKnown) {
      guard let relation = prompt.fact?.relation else { continue }
      if counts[relation] == nil { relations.append(relation) }
      let count = counts[relation] ?? (0, 0)
      counts[relation] = (count.known + (known ? 1 : 0), count.all + 1)
    }
    let whole = "known: \(isKnown.count { $0 }) of \(isKnown.count) answers are in the top \(top)"
    let parts = relations.compactMap { name in
      counts[name].map { "\(name) \($0.known) of \($0.all)" }
    }
    return whole + (parts.isEmpty ? "" : ": " + parts.joined(separator: ", "))
  }
}
