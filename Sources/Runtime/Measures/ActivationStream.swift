import Lang
import Model

/// The numbers of `activations`, computed as they are pulled: the table of all of them may be larger
/// than any memory.
///
/// It can be pulled once, by the thread of its session.
final class ActivationStream: @unchecked Sendable {
  private let set: PromptSet
  private let call: Invocation
  private var inspection: Inspection

  init(_ inspection: Inspection, of set: PromptSet, for call: Invocation) {
    self.inspection = inspection
    self.set = set
    self.call = call
  }

  var origins: [Origin] { [set.origin] }
  /// The measure as written, where its rows are a shard's.
  var stages: [String] = []

  private func next() throws -> Inspection.Row? {
    try placing(at: call.span, in: call.session.source) { try inspection.next() }
  }

  /// All of it as a table, a row for each number.
  func table() throws -> TableValue {
    try inspection.reserveTable(call)
    var value = TableValue(try part(rows: .max), origins: origins)
    value.stages = stages
    return value
  }

  /// The next rows of that table, no more than `rows` unless one run has more; none at its end.
  func part(rows: Int) throws -> Table {
    var table = Part(set)
    while table.rowCount < rows, let row = try next() { try table.append(row) }
    return table.table
  }

  /// The mean of all rows, summed in double precision in their order.
  ///
  /// - Throws: `Failure` where the rows are of several places, have differently many numbers, or have some
  ///   that are not numbers.
  func mean() throws -> VectorValue {
    guard set.shard == nil else {
      throw Failure("the mean over a shard is not that of the whole", help: "omit `shard`")
    }
    guard let place = inspection.onlyPlace else {
      throw Failure(
        "a vector belongs to one place, and these are several",
        help: "name one site: activations L9.resid_post@last | vector")
    }
    guard let width = inspection.commonWidth else {
      throw Failure("\(place.label) is as wide as its position, and has no mean")
    }
    var sum = [Double](repeating: 0, count: width)
    var count = 0
    while let row = try next() {
      guard row.numbers.isFinite else {
        throw Failure("\(place.label) of '\(row.prompt.name)' has numbers that are infinite or NaN")
      }
      for i in 0..<width { sum[i] += Double(row.numbers[i]) }
      count += 1
    }
    // A plan has no numbers, and what divides by a length needs one.
    if !call.statement.runner.isHeard { (sum, count) = (VectorValue.planned(width), 1) }
    guard count > 0 else { throw Failure("there is nothing to take the mean of") }
    return VectorValue(
      sum.map { $0 / Double(count) }, of: set.model, place: place.label,
      layer: place.layerOfControlVector, origins: origins)
  }

  /// Computes all of it for nothing: so a plan learns what it costs.
  func drain() throws {
    while try next() != nil {}
  }

  /// As an array with a row for each prompt, place and position; nil where these have differently
  /// many numbers.
  func array(_ prompts: IndexedPrompts) throws -> ArrayDocument? {
    guard let width = inspection.commonWidth else { return nil }
    return ArrayDocument(
      index: try index(prompts), columns: ["value"], width: width,
      forEachPiece: { [self] write in
        var bytes: [UInt8] = []
        while let row = try next() {
          bytes.append(inMemory: row.shown)
          guard bytes.count >= 1 << 16 else { continue }
          try write(bytes)
          bytes.removeAll(keepingCapacity: true)
        }
        try write(bytes)
      })
  }

  private func index(_ prompts: IndexedPrompts) throws -> Table {
    var table = TableBuilder()
    let columns = PromptColumns(set, in: &table)
    let placed = PlaceColumns(in: &table)
    var hasHead = false
    var owners: [Prompt] = []
    try inspection.forEachPlace { prompt, _, place, position in
      table.addRow()
      columns.set(prompt, in: &table)
      placed.set(place, position, in: &table)
      hasHead = hasHead || place.head != nil
      owners.append(prompt)
    }
    let made = table.table()
    let index = hasHead ? made : try made.dropping(["head"])
    let numbers = Dictionary(
      prompts.prompts.enumerated().map { ($1.identity, $0) },
      uniquingKeysWith: { first, _ in first })
    var number: (owner: Int, of: Int)?
    return try prompts.adding(to: index) { row in
      // A prompt's rows follow each other.
      if number?.owner != owners[row].number {
        number = (owners[row].number, numbers[owners[row].identity] ?? 0)
      }
      return (number?.of ?? 0, owners[row])
    }
  }

  /// A part of the table.
  private struct Part {
    private var builder = TableBuilder()
    private let prompts: PromptColumns
    private let placed: PlaceColumns
    private let element: TableBuilder.Key<Int>
    private let value: TableBuilder.Key<Float>

    init(_ set: PromptSet) {
      prompts = PromptColumns(set, in: &builder)
      placed = PlaceColumns(in: &builder)
      (element, value) = (builder.integers("element"), builder.singles("value"))
    }

    var rowCount: Int { builder.rowCount }
    var table: Table { builder.table(measure: "value") }

    mutating func append(_ row: Inspection.Row) throws {
      try row.shown.enumerated().forEachChecked { index, number in
        builder.addRow()
        prompts.set(row.prompt, in: &builder)
        placed.set(row.place, row.position, in: &builder)
        builder[element] = index
        builder[value] = number.isNaN ? nil : number
      }
    }
  }
}
