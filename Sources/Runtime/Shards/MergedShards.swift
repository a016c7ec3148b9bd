import Lang
import Model

/// The whole, put together from the files of its shards.
struct MergedShards {
  /// By their numbers.
  private let files: [ShardFile]

  /// - Throws: `Failure` that names the files which do not belong together, and what is missing.
  init(_ files: [ShardFile]) throws {
    try Self.checkAreOfOne(files)
    self.files = files.sorted { $0.record.shard.number < $1.record.shard.number }
    try checkNumbers()
  }

  /// - Throws: `Failure` where shards do not have the same columns or list other prompts than they say.
  func value() throws -> TableValue {
    var value = TableValue(try table())
    value.recorded = [try provenance()]
    return value
  }

  // MARK: What belongs together

  private static func checkAreOfOne(_ files: [ShardFile]) throws {
    let first = files[0]
    for file in files.dropFirst() {
      guard let difference = first.difference(from: file) else { continue }
      throw Failure(
        "`\(first.path)` and `\(file.path)` are not shards of one result: \(difference)",
        help: "give only the files of one run, and compute shards again that are of another",
        status: .unreadable)
    }
  }

  private func checkNumbers() throws {
    let count = files[0].record.shard.count
    for (file, next) in zip(files, files.dropFirst())
    where file.record.shard.number == next.record.shard.number {
      throw Failure(
        "`\(file.path)` and `\(next.path)` are both \(file.record.shard.text)",
        help: "omit one of them", status: .unreadable)
    }
    guard files.count < count else { return }
    let there = Set(files.map(\.record.shard.number))
    let missing = (1...count).lazy.filter { !there.contains($0) }.prefix(20).map(String.init)
    let more = count - files.count - missing.count
    throw Failure(
      "\(thousands(count - files.count)) of \(thousands(count)) shards are missing: "
        + missing.joined(separator: ", ") + (more > 0 ? ", and \(thousands(more)) more" : ""),
      help: "compute them, each with its numbers: SUMMAND_SHARD=\(missing.first ?? "1")/\(count)",
      status: .unreadable)
  }

  // MARK: The table

  private func table() throws -> Table {
    for file in files.dropFirst() {
      let (names, others) = (files[0].table.columnNames, file.table.columnNames)
      guard names == others else {
        throw Failure(
          "`\(files[0].path)` has the columns \(enumeration(names)), and `\(file.path)` has "
            + enumeration(others), status: .unreadable)
      }
    }
    // What a table without rows says of its columns' types is only a guess.
    let filled = files.map(\.table).filter { $0.rowCount > 0 }
    try checkKinds(filled)
    let stacked = try Table.stacked(filled.isEmpty ? [files[0].table] : filled)
    var table = try stacked.gathered(try order(of: stacked.rowCount))
    let measure = files[0].record.measure
    table.measure = table.columnNames.contains { $0 == measure } ? measure : nil
    return table
  }

  private func checkKinds(_ tables: [Table]) throws {
    for index in tables.first?.columns.indices ?? 0..<0 {
      let columns = tables.map { $0.columns[index] }.filter { $0.values.missingCount < $0.count }
      guard let first = columns.first,
        let other = columns.first(where: { $0.kind.isNumeric != first.kind.isNumeric })
      else { continue }
      throw Failure(
        "`\(first.name)` is of type \(first.kind.rawValue) in one shard and of type "
          + "\(other.kind.rawValue) in another", help: "derive it after `merge`",
        status: .unreadable)
    }
  }

  /// For each row of the whole its place in the shards' rows below each other.
  private func order(of count: Int) throws -> [Int] {
    var order: [Int] = []
    order.reserveCapacity(count)
    var cursors: [Cursor] = []
    var start = 0
    for file in files {
      cursors.append(Cursor(file.record.runs, start: start))
      start += file.table.rowCount
    }
    while order.count < count {
      try Interruption.check()
      for index in cursors.indices { order += cursors[index].next() }
    }
    return order
  }

  /// Goes through the units of a shard.
  private struct Cursor {
    private var runs: ArraySlice<ShardRecord.UnitRun>
    private var row: Int

    init(_ runs: [ShardRecord.UnitRun], start: Int) {
      self.runs = runs[...]
      row = start
    }

    /// The rows of the next unit.
    mutating func next() -> Range<Int> {
      guard var run = runs.first else { return row..<row }
      run.units -= 1
      runs[runs.startIndex] = run
      if run.units == 0 { runs.removeFirst() }
      defer { row += run.rows }
      return row..<row + run.rows
    }
  }

  // MARK: The provenance

  /// That of the run of the whole.
  private func provenance() throws -> Provenance {
    let prompts = try prompts()
    guard try digest(ofPrompts: prompts) == files[0].record.prompts.digest else {
      throw Failure(
        "the prompts that these shards list are not those of the whole",
        help: "a file was changed: compute its shard again", status: .unreadable)
    }
    var provenance = Provenance()
    var members = files[0].shared
    let place = members.firstIndex { $0.key == "edits" } ?? members.endIndex
    members.insert(JSONValue.Member("prompts", .array(prompts)), at: place)
    provenance.members = members
    return provenance
  }

  private func prompts() throws -> [JSONValue] {
    guard files[0].record.prompts.places != nil else { return files[0].prompts }
    var prompts = [JSONValue](repeating: .null, count: files[0].record.prompts.count)
    for file in files {
      for (place, prompt) in zip(file.record.prompts.places ?? [], file.prompts) {
        prompts[place] = prompt
      }
    }
    return prompts
  }
}

extension ShardFile {
  /// What tells that another file is not of the same whole; nil where it may be.
  fileprivate func difference(from other: ShardFile) -> String? {
    func values(_ one: JSONValue?, _ other: JSONValue?) -> String {
      "\(excerpt(one?.text ?? "none", limit: 80)) and \(excerpt(other?.text ?? "none", limit: 80))"
    }
    for key in (shared + other.shared).map(\.key) {
      let mine = shared.first { $0.key == key }?.value
      let theirs = other.shared.first { $0.key == key }?.value
      guard mine != theirs else { continue }
      switch key {
      case "summand": return "their versions are \(values(mine, theirs))"
      case "model": return "their models are \(values(mine?.fileName, theirs?.fileName))"
      case "edits": return "their edits are \(values(mine, theirs))"
      default: return "their `\(excerpt(key))` is \(values(mine, theirs))"
      }
    }
    let (mine, theirs) = (record, other.record)
    guard
      (mine.prompts.digest, mine.prompts.count) == (theirs.prompts.digest, theirs.prompts.count)
    else {
      return mine.prompts.count == theirs.prompts.count
        ? "they are of different prompts"
        : "one is of \(mine.prompts.count) prompts, the other of \(theirs.prompts.count)"
    }
    if mine.stages != theirs.stages || mine.measure != theirs.measure {
      let lines = [mine, theirs].map { "`\(excerpt($0.stages.joined(separator: " | ")))`" }
      return "their lines are \(lines.joined(separator: " and "))"
    }
    if mine.shard.division != theirs.shard.division
      || (mine.prompts.places == nil) != (theirs.prompts.places == nil)
    {
      return "one divides \(mine.shard.division.rawValue), the other "
        + theirs.shard.division.rawValue
    }
    guard mine.shard.count == theirs.shard.count else {
      return "one is \(mine.shard.text), the other \(theirs.shard.text)"
    }
    return nil
  }
}

extension JSONValue {
  /// Of a model its file, with what tells it from another of that name.
  fileprivate var fileName: JSONValue? {
    guard let file = self["file"]?.string else { return self }
    return .string("\(file) (\((self["sha256"]?.string ?? "no SHA-256").prefix(12)))")
  }
}
