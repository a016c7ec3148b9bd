import Lang

extension Command {
  static let sample = Command(
    name: "sample", group: .tables,
    summary: "Draw rows or prompts at random, and keep their order.",
    details: """
      `sample 20` draws twenty rows, `sample 50%` half of them. Prompts are drawn in the same \
      way. With `by`, COUNT is per group of rows with equal values in these columns.
      `like TABLE by layer` draws as many rows of each layer as TABLE has, for example heads to \
      compare others with.
      `rest` returns the complement: the rows the same line without `rest` would leave out.
      """,
    input: .any,
    parameters: [
      .positional("count", .number, required: false, "how many, or a share of them: 50%"),
      .keyword("like", .table, "draw as many rows of each group as this table has"),
      .keyword(
        "by", .column, list: true, "draw from each group with equal values in these columns"),
      .keyword("seed", .number, "the seed of the draw; default: 0"),
      .flag("rest", "return the rows that were not drawn"),
    ],
    examples: [
      "country | sample 3 seed 1 | rank",
      "colosseum | dla by head | sample 1 by layer | take 3",
      "let best = colosseum | dla by head | top 5; colosseum | dla by head | sample like (best) by layer",
    ],
    run: drawSample)

  private static func drawSample(_ call: Invocation) throws -> Value {
    let names = try call.columns("by")
    let size = try Sample.Size(call, by: names)
    let sample = Sample(size: size, seed: try call.seed(), takesRest: call.hasFlag("rest"))
    if case .prompts(var set) = call.input {
      let drawn = try call.drawn(sample, from: set.undivided.listing, by: names)
      guard !drawn.isEmpty else {
        throw call.failure("this leaves no prompts", help: "a set needs at least one")
      }
      set.keep(drawn)
      return .prompts(set)
    }
    let input = try call.tableInput()
    let drawn = try call.drawn(sample, from: input.table, by: names)
    return .table(input.with(try input.table.gathered(drawn)))
  }
}

extension Invocation {
  fileprivate func drawn(_ sample: Sample, from table: Table, by names: [String]) throws -> [Int] {
    let (rows, warnings) = try placing(at: span) { try sample.rows(of: table, by: names) }
    for warning in warnings { warn(warning) }
    return rows
  }
}

extension Sample.Size {
  fileprivate init(_ call: Invocation, by names: [String]) throws {
    switch (call.expression("count"), call.expression("like")) {
    case (nil, nil):
      throw call.failure("`sample` needs a number or a share", help: "sample 20, sample 50%")
    case (_?, let like?):
      throw Failure("`like` already gives the number", help: "omit the number", span: like.span)
    case (nil, let like?):
      guard case .table(let wanted)? = try call.value("like") else {
        throw Failure("`like` takes a table", help: "like (… | top 5) by layer", span: like.span)
      }
      self = .like(try placing(at: like.span) { try Self.counts(wanted.table, by: names) })
    case (let count?, nil):
      // 100% is all of them, and 1 is one.
      switch (try call.value("count"), try call.number("count") ?? 0) {
      case (.integer(let whole), _) where whole >= 0: self = .count(whole)
      case (.number, let share) where (0...1).contains(share): self = .share(share)
      case (.number, let number) where Int(exactly: number) ?? -1 >= 0: self = .count(Int(number))
      default:
        throw Failure(
          "how many is a whole number, or a share up to 100%", help: "sample 20, sample 50%",
          span: count.span)
      }
    }
  }
}
