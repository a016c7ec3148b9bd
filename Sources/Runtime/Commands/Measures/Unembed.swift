import Lang
import Model

extension Command {
  static let unembed = Command(
    name: "unembed", group: .measures,
    summary: "List the tokens that a vector promotes.",
    details: """
      `score` is what the vector, added to the last stream, adds to the token's logit, before the final \
      norm divides it by its scale: V times the norm's gain and the unembedding. `unembed -V`, or \
      `lowest N`, are the tokens that it demotes.
      """,
    input: .any,
    parameters: [
      .positional(
        "vector", .value, required: false,
        "a vector as wide as the stream; default: what is piped in"),
      .keyword("top", .number, "how many tokens; default: 10"),
      .flag("lowest", "those with the lowest scores"),
    ],
    examples: ["unembed (colosseum | activations L29.mlp_out@last | vector) top 3"],
    run: readTokens)

  private static func readTokens(_ call: Invocation) throws -> Value {
    let (wanted, isLowest) = (try call.integer("top") ?? 10, call.hasFlag("lowest"))
    let vectors = try call.vectorArgument()
    let model = vectors.model
    let width = model.configuration.width
    guard vectors.elements.count == width else {
      throw call.failure(
        "the stream has \(width) elements, and this vector \(vectors.elements.count)",
        help: "of heads, `result` is as wide as the stream, and of neurons W_out")
    }
    let count = min(wanted, model.configuration.vocabulary)
    guard count > 0 else {
      throw Failure("`top` takes a count from 1", span: call.span(of: "top"))
    }
    let numbers = vectors.elements.map { Float($0) }
    guard numbers.isFinite else {
      throw call.failure("this vector has numbers that F32 cannot hold")
    }
    var table = TableBuilder()
    let rank = table.integers("rank")
    let token = TokenColumns(in: &table)
    let score = table.singles("score")
    let scores = try call.statement.runner.compute {
      try model.transformer.unembedded([numbers])[0]
    }
    if let scores {
      let ranked = isLowest ? scores.map { -$0 } : scores
      for (place, id) in Distribution.largest(count, among: ranked).enumerated() {
        table.addRow()
        table[rank] = place + 1
        token.set(id, of: model.tokenizer, in: &table)
        table[score] = scores[id].isFinite ? scores[id] : nil
      }
    }
    return .table(TableValue(table.table(measure: "score"), origins: vectors.origins))
  }
}

extension Invocation {
  /// The vector that the parameter `vector` gives, or what is piped in. Numbers alone are of the model in
  /// use.
  func vectorArgument() throws -> VectorValue {
    var given = input
    var place = span
    if let expression = expression("vector") {
      guard case .nothing = input else {
        throw Failure(
          "`\(command.name)` takes a vector or what is piped in, not both", span: expression.span)
      }
      (given, place) = (try session.evaluate(expression), expression.span)
    }
    return try placing(at: place) {
      if case .vector(let vector) = given { return vector }
      if case .table(let table) = given, let model = table.origins.first?.model {
        return try given.vector(of: model, in: session)
      }
      return try given.vector(of: session.requireModel(), in: session)
    }
  }
}
