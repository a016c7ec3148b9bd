import Lang
import Model

/// An affine map between states of one model: a linear relational embedding.
struct MapValue: Sendable {
  let map: AffineMap
  let model: LanguageModel
  /// Where it takes states from, and what it makes of them: `L8.resid_post@subject`.
  var source, target: String
  var fit: RelationFit
  /// What it was measured on.
  var origins: [Origin]

  /// What is shown of it: a row.
  var card: Table {
    var table = TableBuilder()
    let columns = RelationColumns(in: &table)
    columns.add(self, to: &table)
    return table.table()
  }

  /// The bytes of a file of safetensors with the tensors `weight` and `bias`, which `AffineMap` reads, and where
  /// they are from.
  func fileBytes(in session: Session) throws -> [UInt8] {
    let (weights, bias) = try map.numbers()
    let (end, whole) = (4 * weights.count, 4 * (weights.count + bias.count))
    func tensor(_ shape: [Int], _ start: Int, _ end: Int) -> JSONValue {
      .object([
        JSONValue.Member("dtype", .string("F32")),
        JSONValue.Member("shape", .array(shape.map(JSONValue.integer))),
        JSONValue.Member("data_offsets", .array([.integer(start), .integer(end)])),
      ])
    }
    let header = JSONValue.object([
      JSONValue.Member(
        "__metadata__",
        .object([
          JSONValue.Member("model", .string(session.name(of: model))),
          JSONValue.Member("source", .string(source)), JSONValue.Member("target", .string(target)),
          JSONValue.Member("beta", .string("\(fit.beta)")),
        ])),
      JSONValue.Member("weight", tensor([map.outputWidth, map.inputWidth], 0, end)),
      JSONValue.Member("bias", tensor([map.outputWidth], end, whole)),
    ]).text
    // The data begins at a multiple of 8.
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + padded.utf8.count + whole)
    bytes.append(inMemory: [UInt64(padded.utf8.count)])
    bytes += padded.utf8
    bytes.append(inMemory: weights)
    bytes.append(inMemory: bias)
    return bytes
  }
}

/// How a relation's map was found, and how often it agrees with the model on prompts that it has not seen.
struct RelationFit: Sendable {
  /// How many prompts the Jacobian is averaged over.
  var examples: Int
  /// What it is multiplied by.
  var beta: Double
  /// How many prompts it was tried on.
  var test = 0
  /// Of how many of them the map's best token is the model's; nil for a plan.
  var faithful: Int?
  /// Of how many it is an answer of the prompt; nil where a prompt has none.
  var right: Int?
}

/// source, target, examples, beta, test, faithfulness, low, high, accuracy
struct RelationColumns {
  private typealias Number = TableBuilder.Key<Double>
  private let (source, target): (TableBuilder.Key<String>, TableBuilder.Key<String>)
  private let (examples, test): (TableBuilder.Key<Int>, TableBuilder.Key<Int>)
  private let (beta, faithfulness, low, high, accuracy): (Number, Number, Number, Number, Number)

  init(in table: inout TableBuilder) {
    (source, target) = (table.texts("source"), table.texts("target"))
    examples = table.integers("examples")
    beta = table.doubles("beta")
    test = table.integers("test")
    faithfulness = table.doubles("faithfulness")
    (low, high) = (table.doubles("low"), table.doubles("high"))
    accuracy = table.doubles("accuracy")
  }

  func add(_ value: MapValue, to table: inout TableBuilder) {
    let fit = value.fit
    table.addRow()
    (table[source], table[target]) = (value.source, value.target)
    (table[examples], table[beta], table[test]) = (fit.examples, fit.beta, fit.test)
    guard fit.test > 0 else { return }
    let count = Double(fit.test)
    table[faithfulness] = fit.faithful.map { Double($0) / count }
    let interval = fit.faithful.flatMap { DirectionFit.interval($0, of: fit.test) }
    (table[low], table[high]) = (interval?.low, interval?.high)
    table[accuracy] = fit.right.map { Double($0) / count }
  }
}

extension Invocation {
  /// The map that a parameter gives: one of `lre`, or the path of a file.
  func affineMap(_ parameter: String, of model: LanguageModel) throws -> AffineMap? {
    guard let expression = expression(parameter) else { return nil }
    return try placing(at: expression.span) {
      switch try session.evaluate(expression) {
      case .text(let path): return try AffineMap(path: path)
      case .map(let value):
        guard value.model === model else {
          throw Failure(
            "this map is of '\(session.name(of: value.model))', and not of "
              + "'\(session.name(of: model))'", help: "a map of one model says nothing of another")
        }
        return value.map
      case let other:
        throw Failure(
          "expected a map, got \(other.kind)",
          help: "PROMPTS | lre L8.resid_post@subject, or the path of a .safetensors file in quotes")
      }
    }
  }
}
