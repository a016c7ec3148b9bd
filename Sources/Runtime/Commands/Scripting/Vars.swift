import Lang

extension Command {
  static let vars = Command(
    name: "vars", group: .scripting, summary: "List the variables.", input: .none,
    examples: ["vars"], yieldsToNames: true
  ) { call in
    let session = call.session
    let names = Set(session.variables).sorted()
    let values = names.map { session.lookUp($0) ?? .missing }
    return .table(
      TableValue(
        Table(columns: [
          Column("name", .texts(names)), Column("kind", .texts(values.map(\.kind))),
          Column("size", .integers(values.map(\.size))),
          Column("value", .texts(values.map { $0.shortText.map { excerpt($0) } })),
        ])))
  }
}

extension Value {
  /// Rows, prompts or elements.
  fileprivate var size: Int? {
    switch self {
    case .table(let value): value.table.rowCount
    case .prompts(let set): set.prompts.count
    case .list(let values): values.count
    case .circuit(let circuit): circuit.circuit.count
    case .record(let members): members.count
    case .vector(let vector): vector.elements.count
    case .nothing, .missing, .boolean, .integer, .number, .text, .stream, .selector, .map: nil
    }
  }
}
