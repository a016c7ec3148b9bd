import Lang

/// What a process has printed so far, by which a reader of its output tells one result from the
/// next.
struct PrintedResults {
  /// How many, single values among them.
  var count = 0
  /// Whether the last result was a table; nil where there was none.
  var endsWithTable: Bool?
}

/// Prints values: data to standard output in the format that was asked for.
struct Printer {
  let session: Session
  let format: OutputFormat
  /// Whether the format is that of `show as`: what is printed is the table alone.
  let isChosen: Bool
  private let settings: RenderSettings

  private var host: any Host { session.host }

  /// - Parameters:
  ///   - format: another than the session's.
  ///   - isWhole: whether all rows are printed, however many the terminal has room for.
  init(_ session: Session, format: OutputFormat? = nil, isWhole: Bool = false) {
    self.session = session
    self.format = format ?? session.format
    isChosen = format != nil
    var settings = session.renderSettings
    if isWhole { settings.maximumRows = nil }
    self.settings = settings
  }

  func print(_ value: Value) throws {
    if let audience = session.audience, !isChosen {
      return try audience.show(value, line: session.line)
    }
    switch value {
    case .nothing, .stream: break
    case .table(let table): try print(table.table)
    case .prompts, .list, .vector, .map, .circuit, .record:
      try value.printedTable.map { try print($0.table) }
    case .missing, .boolean, .integer, .number, .text, .selector:
      separate(isTable: false)
      session.printed.count += 1
      let number = isChosen ? nil : session.printed.count
      host.write(format.declaration.line(value, number) + "\n")
    }
  }

  private func print(_ table: Table) throws {
    let isNumbered = format == .ndjson && !isChosen
    if isNumbered, table[resultKey] != nil {
      throw Failure(
        "the table has a column `\(resultKey)`, which `--format ndjson` adds to number the results",
        help: "give it another name (`derive NAME = \(resultKey)`, then `select` the columns), or "
          + "print with `show as ndjson`")
    }
    separate(isTable: true)
    session.printed.count += 1
    if isNumbered {
      return try writing(into: host.write(_:)) {
        try renderNDJSON(table, number: session.printed.count, into: &$0)
      }
    }
    if session.pager != nil {
      // Whole: only then it is known how high it is.
      var text = ""
      try render(table, as: format, settings: settings) {
        text += String(decoding: $0, as: UTF8.self)
      }
      return try session.show(
        styled: format.declaration.hasStyles ? text : withPictures(text))
    }
    try render(table, as: format, settings: settings) { bytes in
      if format.declaration.hasStyles {
        host.write(styled: String(decoding: bytes, as: UTF8.self))
      } else {
        host.write(bytes)
      }
    }
  }

  /// An empty line between a table and what comes before or after it, where nothing else would tell
  /// where the table ends.
  private func separate(isTable: Bool) {
    if session.format.declaration.isLines, let last = session.printed.endsWithTable, last || isTable
    {
      host.write("\n")
    }
    session.printed.endsWithTable = isTable
  }
}

extension Value {
  /// The table that it is shown as; nil for what is shown as text.
  var printedTable: TableValue? {
    switch self {
    case .table(let table): return table
    case .prompts(let set): return TableValue(set.listing, origins: [set.origin])
    case .vector(let vector): return TableValue(vector.card, origins: vector.origins)
    case .map(let map): return TableValue(map.card, origins: map.origins)
    case .list(let values):
      let cells = values.map { $0.cell ?? .text($0.shortText ?? $0.kind) }
      return TableValue(Table(columns: [Column("value", cells: cells)]))
    case .record(let members):
      let names = members.keys.sorted()
      let values = names.map { Cell.text(members[$0]?.shortText ?? "") }
      return TableValue(
        Table(columns: [Column("name", .texts(names)), Column("value", cells: values)]))
    case .circuit(let circuit): return TableValue(circuit.listing, origins: circuit.origins)
    case .nothing, .missing, .boolean, .integer, .number, .text, .selector, .stream: return nil
    }
  }
}

extension PromptSet {
  /// How a set of prompts is listed: facts with their relation, and how many tokens R and S have
  /// without the answer. Of a shard, its own prompts.
  var listing: Table {
    let facts = prompts.map(\.fact)
    let shown = measuredIndices
    func texts(_ text: (Prompt) -> String?) -> Values { .texts(shown.map { text(prompts[$0]) }) }
    var columns = [Column("prompt", texts(\.name))]
    if facts.contains(where: { $0?.relation != nil }) {
      columns.append(Column("relation", texts(\.fact?.relation)))
    }
    columns += [
      Column("tokens", .integers(shown.map { prompts[$0].tokens.count })),
      Column("answer", texts(\.answerText)),
      Column("foils", texts(\.foilText)),
    ]
    if prompts.contains(where: { $0.counterpart != nil }) {
      columns.append(Column("counterpart", texts(\.counterpart?.name)))
    }
    for (name, attributes) in [
      ("R", facts.map { $0?.ofRelation }), ("S", facts.map { $0?.ofSubject }),
    ]
    where attributes.contains(where: { $0?.whole.isEmpty == false }) {
      columns.append(Column(name, .integers(shown.map { attributes[$0]?.others.count })))
    }
    var table = Table(columns: columns)
    if shard?.division == .prompts { table.units = shown }
    return table
  }
}
