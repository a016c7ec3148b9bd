/// Prints values: data to standard output in the format that was asked for.
struct Printer {
  let host: any Host
  let format: OutputFormat

  /// - Parameter format: another than the host's.
  init(host: any Host, format: OutputFormat? = nil) {
    self.host = host
    self.format = format ?? host.format
  }

  func print(_ value: Value) throws {
    switch value {
    case .nothing: break
    case .table(let table):
      // Tables for people have styles and escape their own texts.
      let write = format == .table ? host.write(styled:) : host.write(_:)
      try render(table.table, as: format, settings: host.settings, into: write)
    case .prompts, .list, .record: try value.printedTable.map { try print(.table($0)) }
    case .missing, .boolean, .integer, .number, .text, .selector:
      host.write((value.shortText ?? "") + "\n")
    }
  }
}

extension Value {
  /// The table that it is shown as; nil for what is shown as text.
  var printedTable: TableValue? {
    switch self {
    case .table(let table): return table
    case .prompts(let set): return TableValue(set.listing, origins: [set.origin])
    case .list(let values):
      let cells = values.map { $0.cell ?? .text($0.shortText ?? $0.kind) }
      return TableValue(Table(columns: [Column("value", cells: cells)]))
    case .record(let members):
      let names = members.keys.sorted()
      let values = names.map { Cell.text(members[$0]?.shortText ?? "") }
      return TableValue(
        Table(columns: [Column("name", .texts(names)), Column("value", cells: values)]))
    case .nothing, .missing, .boolean, .integer, .number, .text, .selector: return nil
    }
  }
}

extension PromptSet {
  /// How a set of prompts shows itself: of facts with their relation, and how many tokens R and S
  /// have beside the answer.
  var listing: Table {
    let facts = prompts.map(\.fact)
    let relations = facts.map { $0?.relation }
    var columns = [Column("prompt", .texts(prompts.map(\.name)))]
    if relations.contains(where: { $0 != nil }) {
      columns.append(Column("relation", .texts(relations)))
    }
    columns += [
      Column("tokens", .integers(prompts.map(\.tokens.count))),
      Column("answer", .texts(prompts.map { $0.answer?.text })),
      Column(
        "foils",
        .texts(
          prompts.map { prompt in
            prompt.foils.isEmpty ? nil : prompt.foils.map(\.text).joined(separator: "|")
          })),
    ]
    for (name, attributes) in [
      ("R", facts.map { $0?.ofRelation }), ("S", facts.map { $0?.ofSubject }),
    ]
    where attributes.contains(where: { $0?.whole.isEmpty == false }) {
      columns.append(Column(name, .integers(attributes.map { $0?.others.count })))
    }
    return Table(columns: columns)
  }
}
