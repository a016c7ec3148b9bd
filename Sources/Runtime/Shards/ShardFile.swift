import Lang
import Model

/// A file that a shard was saved to, as `merge` reads it.
struct ShardFile {
  let path: String
  let record: ShardRecord
  let table: Table
  /// The prompts that it lists.
  let prompts: [JSONValue]
  /// What else its provenance has: the same in every shard of one whole.
  let shared: [JSONValue.Member]

  init(path: String) throws {
    self.path = path
    let bytes = try readBytes(path: path)
    let members: [JSONValue.Member]
    (members, table) =
      bytes.starts(with: Parquet.magic)
      ? try Self.parquet(bytes, path) : try Self.json(bytes, path)
    func member(_ key: String) -> JSONValue? { members.first { $0.key == key }?.value }
    guard let written = member(ShardRecord.key) else {
      throw unreadableFile(path, "is not of a shard", help: "`read` reads a whole result")
    }
    guard let record = ShardRecord(written), let prompts = member("prompts")?.array,
      prompts.count == record.prompts.places?.count ?? record.prompts.count,
      record.rowCount == table.rowCount
    else { throw unreadableFile(path, "is damaged: its rows are not those that it speaks of") }
    if case .boolean(true)? = member("partial") {
      throw unreadableFile(
        path, "has only a part of shard \(record.shard.number): its runs were interrupted",
        help: "compute that shard again")
    }
    self.record = record
    self.prompts = prompts
    shared = members.filter { ![ShardRecord.key, "prompts"].contains($0.key) }
  }

  private static func parquet(_ bytes: [UInt8], _ path: String) throws -> (
    [JSONValue.Member], Table
  ) {
    let reader = try ParquetReader(bytes[...], name: path)
    guard let provenance = reader.provenance else { throw noProvenance(path) }
    return (provenance.members, try reader.table())
  }

  private static func json(_ bytes: [UInt8], _ path: String) throws -> ([JSONValue.Member], Table) {
    let format = TableFormat(path: path)
    switch format {
    case .tsv, .csv, .ndjson: throw noProvenance(path)
    case .json, nil: break
    }
    if BinaryFormat(bytes, path: path) != nil { throw noProvenance(path) }
    let source = try TextSource(bytes, name: path)
    let value: JSONValue
    do {
      value = try JSONParser.parse(source.bytes)
    } catch {
      try Interruption.check()
      if format == nil { throw noProvenance(path) }
      throw source.failure(error.message, line: source.line(of: error.index), help: error.help)
    }
    guard let members = value["provenance"]?.members, let table = try documentedTable(value, source)
    else { throw noProvenance(path) }
    return (members, table)
  }

  private static func noProvenance(_ path: String) -> Failure {
    unreadableFile(
      path, "has no provenance, so nothing tells what it is a part of",
      help: "`merge` takes shards that were saved as JSON or Parquet: … | save \"out/3.json\"")
  }
}
