import Lang
import Model

extension Command {
  static let explain = Command(
    name: "explain", group: .measures,
    summary: "Describe one component on one prompt: what it writes, reads and does.",
    details: """
      `writes`: its attribution of the answer, and its place among all heads, or all MLPs.
      `writes from`: of a head, the same by the span that it reads.
      `reads`: of a head, the tokens that the last position attends to most.
      `class`: of a head, what `classify` says; it needs the spans `subject` and `relation`.
      `like it`: the heads of that class with the largest attribution.
      `without it`: the effect of its ablation at the last position.
      """,
    input: .prompts,
    parameters: [.positional("component", .selector, "one head or MLP: L9H8, L9.mlp")],
    examples: ["colosseum | explain L23H4"],
    yieldsToNames: true
  ) { call in
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "explain") }
    guard set.measuredIndices.count == 1 else {
      throw call.failure(
        "`explain` describes a component on one prompt, not on \(set.measuredIndices.count)",
        help: "SET | take 1 | explain …; for a set, `dla by head, span` and `classify`")
    }
    let place = try place(call, on: set.model)
    var card = Card(session: call.session, set: set, place: place)
    try placing(at: call.span) { try card.fill() }
    return .table(TableValue(card.table.table(), origins: [set.origin]))
  }

  private static func place(_ call: Invocation, on model: LanguageModel) throws -> Place {
    let selectors = try call.selectors("component")
    let span = call.span(of: "component")
    guard let selector = selectors.first?.selector, selectors.count == 1, selector.position == nil
    else {
      throw Failure(
        "`explain` takes one component without a position", help: "colosseum | explain L9H8",
        span: span)
    }
    return try placing(at: span) {
      let places = try selector.places(on: model.configuration, for: .editing)
      guard let place = places.first, places.count == 1, let layer = place.layer,
        place.label == place.head.map({ "L\(layer)H\($0)" }) ?? "L\(layer).mlp"
      else { throw Failure("`explain` takes one head or one MLP", help: "L9H8 or L9.mlp") }
      return place
    }
  }
}

/// What is known of a component, gathered by lines that anybody can run.
private struct Card {
  let session: Session
  let set: PromptSet
  let place: Place
  var table = TableBuilder()
  private let aspect: TableBuilder.Key<String>
  private let of: TableBuilder.Key<String>
  private let value: TableBuilder.Key<Double>

  private static let most = 3

  init(session: Session, set: PromptSet, place: Place) {
    self.session = session
    self.set = set
    self.place = place
    (aspect, of, value) = (table.texts("aspect"), table.texts("of"), table.doubles("value"))
  }

  private var name: String { place.label }
  private var isHead: Bool { place.head != nil }

  mutating func fill() throws {
    try fillWrites()
    if isHead {
      let spans = try rows("asked | dla by head, span", of: name)
      for row in spans { add("writes from", row.text("span"), row.number("dla")) }
      let read = try rows("asked | attention \(name)@last | top \(Self.most)", of: name)
      let prompt = set.prompts[set.measuredIndices[0]]
      for row in read {
        guard let source = row.number("source").map({ Int($0) }) else { continue }
        add("reads", "\(source) \(quotedText(prompt.tokenText(source)))", row.number("weight"))
      }
      try fillClass()
    }
    for row in try rows("asked | ablate \(name)@last | effect", of: nil) {
      add("without it", row.text("metric"), row.number("effect"))
    }
  }

  /// Its attribution, and how many of its kind have a larger one.
  private mutating func fillWrites() throws {
    let all = try rows("asked | dla by \(isHead ? "head" : "component")", of: nil).filter {
      isHead || $0.text("component").hasSuffix(".mlp")
    }
    guard let own = all.first(where: { $0.text("component") == name })?.number("dla") else {
      // A plan has no numbers.
      guard session.statement.runner.isHeard else { return }
      throw Failure("`dla` has no row for \(name)")
    }
    add("writes", "the answer", own)
    let rank = 1 + all.count { ($0.number("dla")?.magnitude ?? 0) > own.magnitude }
    add("writes", "place among \(all.count) by size", Double(rank))
  }

  private mutating func fillClass() throws {
    let labels = Set(set.prompts[set.measuredIndices[0]].spans.map(\.label))
    guard labels.isSuperset(of: ["subject", "relation"]) else {
      return add("class", "unlabelled", nil)
    }
    // There is nothing to classify in a plan, only runs to count.
    let isPlan = !session.statement.runner.isHeard
    let all = try rows("asked | dla by head, span" + (isPlan ? "" : " | classify"), of: nil)
    guard let own = all.first(where: { $0.text("component") == name }) else {
      return add("class", "none", nil)
    }
    let kind = own.text("class")
    add("class", kind, nil)
    guard kind != "none" else { return }
    let like = all.filter { $0.text("class") == kind && $0.text("component") != name }
      .sorted { ($0.number("total") ?? 0).magnitude > ($1.number("total") ?? 0).magnitude }
    for row in like.prefix(Self.most) {
      add("like it", row.text("component"), row.number("total"))
    }
  }

  private mutating func add(_ aspect: String, _ of: String, _ value: Double?) {
    table.addRow()
    table[self.aspect] = aspect
    table[self.of] = of
    table[self.value] = value
  }

  private struct Row {
    let table: Table
    let row: Int

    func text(_ column: String) -> String { table[column]?[row].description ?? "" }
    func number(_ column: String) -> Double? { table[column]?.values.number(row) }
  }

  /// The rows of a line's table, all or those of one component. Notes are not repeated.
  private func rows(_ line: String, of component: String?) throws -> [Row] {
    let table = try session.table(of: line, seeing: ["asked": .prompts(set)])
    return (0..<table.rowCount).map { Row(table: table, row: $0) }.filter {
      component == nil || $0.text("component") == component
    }
  }
}

extension Session {
  /// The table that a line of ours gives, which sees some names. Its errors have no place: nobody has
  /// written it.
  fileprivate func table(of line: String, seeing names: [String: Value]) throws -> Table {
    let text = SourceText(name: "explain", text: line)
    guard case .pipeline(let pipeline)? = parse(text).script.statements.first?.kind else {
      throw Failure("`\(line)` is not a line")
    }
    let (outer, wasQuiet) = (source, options.isQuiet)
    source = text
    options.isQuiet = true
    frames.append(names)
    defer {
      (source, options.isQuiet) = (outer, wasQuiet)
      frames.removeLast()
    }
    do {
      guard case .table(let value) = try run(pipeline) else {
        throw Failure("`\(line)` has no table")
      }
      return value.table
    } catch var failure as Failure {
      (failure.span, failure.source) = (nil, nil)
      throw failure
    }
  }
}
