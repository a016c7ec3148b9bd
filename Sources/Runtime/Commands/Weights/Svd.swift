import Lang
import Model

extension Command {
  static let svd = Command(
    name: "svd", group: .weights,
    summary:
      "List heads' largest singular values, with the tokens that their vectors read and write.",
    details: """
      ov (the default): a head writes `writes` in proportion to how much of `reads` it reads. qk: a query \
      like `writes` attends to a key like `reads`; RoPE is left out. Tokens are those whose embedding, or for \
      what OV writes, whose logit, is largest along the vector. Both sides of a pair may change their sign \
      together: that token of `reads` is positive whose number is largest.
      """,
    input: .none,
    parameters: [
      .heads,
      .positional("product", .choice(HeadProduct.self), required: false, "which; default: ov"),
      .keyword("top", .number, "how many singular values; default: 3"),
      .keyword("tokens", .number, "how many tokens of each vector; default: 5"),
    ],
    examples: ["svd L29H1 top 2"],
    run: list)

  private static func list(_ call: Invocation) throws -> Value {
    let selection = try HeadSelection(call)
    let product = try call.choice("product", HeadProduct.self) ?? .ov
    let c = selection.model.configuration
    let (count, tokens) = (
      min(try call.count("top", default: 3), c.headWidth, c.width),
      min(try call.count("tokens", default: 5), c.vocabulary)
    )
    var table = TableBuilder()
    let columns = HeadColumns(in: &table)
    let number = table.integers("number")
    let (value, share) = (table.doubles("value"), table.doubles("share"))
    let (reads, writes) = (table.texts("reads"), table.texts("writes"))
    try selection.eachHead { head, weights in
      let found = try call.statement.runner.compute {
        try SingularPairs(weights, product, count: count)
      }
      let named = try found.map { try $0.named(by: selection.model, product, tokens: tokens) }
      for (place, pair) in (named?.pairs ?? []).enumerated() {
        table.addRow()
        columns.set(head, in: &table)
        table[number] = place + 1
        (table[value], table[share]) = (pair.value, pair.value * pair.value / (named?.size ?? 1))
        (table[reads], table[writes]) = (pair.reads, pair.writes)
      }
    }
    return .table(TableValue(table.table(measure: "value"), origins: [selection.origin]))
  }
}

/// Which product of a head's weights.
enum HeadProduct: String, Choice {
  case ov, qk

  var summary: String {
    switch self {
    case .ov: "what it writes of what it reads"
    case .qk: "what its queries attend to"
    }
  }
}

extension Invocation {
  /// A count from 1.
  func count(_ parameter: String, default fallback: Int) throws -> Int {
    let count = try integer(parameter) ?? fallback
    guard count > 0 else {
      throw Failure("`\(parameter)` takes a count from 1", span: span(of: parameter))
    }
    return count
  }
}

/// The largest singular values of a head's product, and their vectors in the stream.
private struct SingularPairs {
  var values: [Double] = []
  var left: [[Float]] = []
  var right: [[Float]] = []
  /// Σ of the squares of all singular values.
  var size: Double

  struct Named {
    var pairs: [(value: Double, reads: String, writes: String)]
    var size: Double
  }

  init(_ weights: HeadWeights, _ kind: HeadProduct, count: Int) throws {
    let product = try kind == .ov ? weights.ov : weights.qk
    let found = try SingularValues(product.core)
    size = found.values.reduce(0) { $0 + $1 * $1 }
    for place in 0..<count {
      values.append(found.values[place])
      left.append(product.left.transposedTimes(Array(found.left[row: place])).map { Float($0) })
      right.append(product.right.transposedTimes(Array(found.right[row: place])).map { Float($0) })
    }
  }

  /// With the tokens of each vector.
  func named(by model: LanguageModel, _ kind: HeadProduct, tokens: Int) throws -> Named {
    let transformer = model.transformer
    let read = try transformer.embedded(right)
    let written = try kind == .ov ? transformer.unembedded(left) : transformer.embedded(left)
    let pairs = values.indices.map { place in
      let highest = read[place].max() ?? 0
      let lowest = read[place].min() ?? 0
      let sign: Float = -lowest > highest ? -1 : 1
      func names(_ scores: [Float]) -> String {
        Distribution.largest(tokens, among: scores.map { $0 * sign })
          .map { quotedText(model.tokenizer.text(of: $0)) }.joined(separator: " ")
      }
      return (value: values[place], reads: names(read[place]), writes: names(written[place]))
    }
    return Named(pairs: pairs, size: size)
  }
}
