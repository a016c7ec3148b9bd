/// What a variable holds and a pipeline passes on.
enum Value: Sendable {
  /// The value of a command that has none: nothing is printed.
  case nothing
  case missing
  case boolean(Bool)
  case integer(Int)
  case number(Double)
  case text(String)
  case list([Value])
  case table(TableValue)
  /// A table that is computed as it is pulled: only `save` and `vector` are ever given one.
  case stream(ActivationStream)
  case prompts(PromptSet)
  case selector(Selector)
  case vector(VectorValue)
  case map(MapValue)
  case circuit(CircuitValue)
  /// `args`
  case record([String: Value])

  /// For messages: "a table", "text".
  var kind: String {
    switch self {
    case .nothing: "nothing"
    case .missing: "a missing value"
    case .boolean: "true or false"
    case .integer: "a whole number"
    case .number: "a number"
    case .text: "text"
    case .list: "a list"
    case .table, .stream: "a table"
    case .prompts(let set): set.prompts.count == 1 ? "a prompt" : "a set of prompts"
    case .selector: "a selector"
    case .vector: "a vector"
    case .map: "a map"
    case .circuit: "a circuit"
    case .record: "a record"
    }
  }

  var isList: Bool { if case .list = self { true } else { false } }

  var asDouble: Double? {
    switch self {
    case .integer(let value): Double(value)
    case .number(let value): value
    case .nothing, .missing, .boolean, .text, .list, .table, .stream, .prompts, .selector, .vector,
      .map, .circuit, .record:
      nil
    }
  }

  init(_ cell: Cell) {
    switch cell {
    case .missing: self = .missing
    case .integer(let value): self = .integer(value)
    case .single(let value): self = .number(Double(value))
    case .double(let value): self = .number(value)
    case .text(let value): self = .text(value)
    case .boolean(let value): self = .boolean(value)
    }
  }

  /// The value as a table's cell; nil for what no cell can hold.
  var cell: Cell? {
    switch self {
    case .missing: .missing
    case .boolean(let value): .boolean(value)
    case .integer(let value): .integer(value)
    case .number(let value): Cell(measured: value)
    case .text(let value): .text(value)
    case .selector(let selector): .text(selector.text)
    case .nothing, .list, .table, .stream, .prompts, .vector, .map, .circuit, .record: nil
    }
  }

  /// As interpolation and a bare expression print it; nil for what has no short text.
  var shortText: String? {
    switch self {
    case .nothing: nil
    case .missing: "missing"
    case .boolean(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value):
      value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    case .text(let value): value
    case .selector(let selector): selector.text
    case .list(let values):
      values.allSatisfy { $0.shortText != nil }
        ? values.compactMap(\.shortText).joined(separator: ", ") : nil
    case .prompts(let set): set.prompts.count == 1 ? set.prompts[0].name : nil
    case .circuit(let circuit): circuit.summary
    case .table, .stream, .vector, .map, .record: nil
    }
  }
}

/// A table and where it comes from.
struct TableValue: Sendable {
  var table: Table
  /// The runs that it was measured on, those of every input.
  var origins: [Origin]
  /// What `merge` read of the files that the table is from.
  var recorded: [Provenance] = []
  /// Of a shard: its measure, and what was done to the rows since, as written.
  var stages: [String] = []

  init(_ table: Table, origins: [Origin] = []) {
    self.table = table
    self.origins = origins
  }

  /// The same origins, another table.
  func with(_ table: Table) -> TableValue {
    var value = self
    value.table = table
    return value
  }

  /// Adds what another table was measured on, whose rows or columns come to this one's.
  mutating func take(sourcesOf other: TableValue) {
    origins += other.origins
    recorded += other.recorded.filter { !recorded.contains($0) }
  }
}
