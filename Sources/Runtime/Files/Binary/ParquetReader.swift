import Lang
import Model

/// Reads Parquet as Summand writes it: flat columns without compression, encoded PLAIN or with a
/// dictionary. What a file of another program has beyond that is refused by its name.
struct ParquetReader {
  private let bytes: ArraySlice<UInt8>
  private let name: String
  private let columns: [ParquetColumn]
  private let groups: [ThriftValue]
  private let rows: Int
  /// What Summand wrote next to the rows, if it wrote the file.
  let provenance: Provenance?

  init(_ bytes: ArraySlice<UInt8>, name: String) throws {
    self.bytes = bytes
    self.name = name
    let magic = Parquet.magic
    guard bytes.count >= 12, bytes.prefix(4).elementsEqual(magic) else {
      throw unreadableFile(name, "is not a Parquet file: it does not begin with PAR1")
    }
    guard bytes.suffix(4).elementsEqual(magic) else { throw truncated(name, in: "its rows") }
    var ending = BinaryReader(bytes.suffix(8), name: name)
    let length = Int(try ending.number(UInt32.self, of: "its end"))
    guard length <= bytes.count - 12 else { throw truncated(name, in: "its footer") }
    var footer = BinaryReader(
      bytes[(bytes.endIndex - 8 - length)..<(bytes.endIndex - 8)], name: name)
    let metadata = try footer.thriftStruct(of: "its footer")
    guard let schema = metadata[2]?.list, let rows = metadata[3]?.integer, rows >= 0,
      let groups = metadata[4]?.list
    else { throw unreadableFile(name, "is damaged: its footer lacks the schema or the rows") }
    columns = try Self.columns(schema, name: name)
    self.groups = groups
    self.rows = rows
    let text = metadata[5]?.list?.first { $0[1]?.text == Parquet.provenanceKey }?[2]?.text
    let members = text.flatMap { try? JSONParser.parse(Array($0.utf8)[...]) }?.members
    provenance = members.map { members in
      var provenance = Provenance()
      provenance.members = members
      return provenance
    }
    let (cells, overflow) = rows.multipliedReportingOverflow(by: max(1, columns.count))
    // A group of rows whose every column is one value, over and over, takes some 90 bytes a column.
    guard !overflow, cells <= (1 << 16) + 1024 * bytes.count else {
      throw unreadableFile(
        name, "is damaged: \(bytes.count) bytes cannot hold \(thousands(rows)) rows")
    }
    try Memory.reserve(16 * cells, for: "the table of `\(name)`, \(Runtime.rows(rows)),")
  }

  /// The columns of the root, which must have no columns of their own.
  private static func columns(_ schema: [ThriftValue], name: String) throws -> [ParquetColumn] {
    guard let root = schema.first, root[5]?.integer == schema.count - 1 else {
      throw unreadableFile(
        name, "has nested columns, which are not read", help: "save flat columns only")
    }
    let columns = try schema.dropFirst().map { try ParquetColumn($0, file: name) }
    if let twice = firstRepeated(columns.map(\.name)) {
      throw unreadableFile(name, "has two columns named `\(excerpt(twice))`")
    }
    return columns
  }

  func table() throws -> Table {
    var values = columns.map { Values.missing($0.kind, count: 0) }
    var total = 0
    for group in groups {
      guard let count = group[3]?.integer, count >= 0, count <= rows - total,
        let chunks = group[1]?.list, chunks.count == columns.count
      else { throw unreadableFile(name, "is damaged: a group of rows does not fit the schema") }
      total += count
      for (index, (column, chunk)) in zip(columns, chunks).enumerated() {
        try Interruption.check()
        if count == 0 { continue }
        let found = try read(chunk, of: column, rows: count)
        try values[index].append(found)
      }
    }
    guard total == rows else {
      throw unreadableFile(name, "is damaged: it has \(total) rows, and its footer says \(rows)")
    }
    return Table(columns: zip(columns, values).map { Column($0.name, $1) })
  }

  private func read(_ chunk: ThriftValue, of column: ParquetColumn, rows: Int) throws -> Values {
    guard let data = chunk[3], chunk[1] == nil, let codec = data[4]?.integer,
      let bytes = data[7]?.integer, let dataOffset = data[9]?.integer,
      data[5]?.integer == rows, data[1]?.integer == column.type.rawValue
    else {
      throw unreadableFile(
        name, "is damaged: column `\(excerpt(column.name))` has no proper header")
    }
    guard codec == Parquet.uncompressed else {
      let codec = Parquet.codecs[codec] ?? "a codec of number \(codec)"
      throw unreadableFile(
        name, "is compressed with \(codec), which is not read",
        help: "save it without: pandas `to_parquet(…, compression=None)`, polars "
          + "`write_parquet(…, compression=\"uncompressed\")`")
    }
    let offset = data[11]?.integer.map { min($0, dataOffset) } ?? dataOffset
    guard offset >= 4, bytes >= 0, offset <= self.bytes.count, bytes <= self.bytes.count - offset
    else { throw truncated(name, in: "column `\(excerpt(column.name))`") }
    let start = self.bytes.startIndex + offset
    var pages = ParquetPages(
      BinaryReader(self.bytes[start..<start + bytes], name: name), of: column)
    return try pages.values(rows)
  }
}

/// A column as the schema describes it.
struct ParquetColumn {
  var name: String
  var type: Parquet.PhysicalType
  var kind: Values.Kind
  var isOptional: Bool

  init(_ element: ThriftValue, file: String) throws {
    guard let name = element[4]?.text, !name.isEmpty else {
      throw unreadableFile(file, "is damaged: a column has no name")
    }
    self.name = name
    let shown = "column `\(excerpt(name))`"
    guard element[5]?.integer ?? 0 == 0,
      element[3]?.integer ?? 0 != Parquet.Repetition.repeated.rawValue
    else { throw unreadableFile(file, "has lists or structs in \(shown), which are not read") }
    guard let number = element[1]?.integer, let type = Parquet.PhysicalType(rawValue: number) else {
      throw unreadableFile(file, "is damaged: \(shown) has no type")
    }
    guard let kind = type.kind else {
      throw unreadableFile(file, "has \(shown) of the type \(type), which is not read")
    }
    self.type = type
    self.kind = kind
    isOptional = element[3]?.integer == Parquet.Repetition.optional.rawValue
    if let meaning = Self.meaning(element, of: kind) {
      throw unreadableFile(
        file, "has \(shown) of the type \(meaning), which is not read",
        help: "convert it to a number or a text")
    }
  }

  /// What the bits of a column mean beyond their physical type; nil where that is the plain meaning.
  private static func meaning(_ element: ThriftValue, of kind: Values.Kind) -> String? {
    let converted = element[6]?.integer
    let logical = element[10].flatMap { value -> Int? in
      if case .structure(let fields) = value { fields.keys.min() } else { nil }
    }
    switch kind {
    case .texts:
      // Text, JSON and names of enumerations are UTF-8.
      let isText = [0, 4, 19].contains(converted) || [1, 4, 12].contains(logical)
      return isText ? nil : "BYTE_ARRAY without UTF8"
    case .integers:
      // Signed widths; of INT64 unsigned ones might not fit.
      if let converted, !(11...13).contains(converted), !(15...18).contains(converted) {
        return Parquet.convertedTypes[converted] ?? "\(converted)"
      }
      if let logical, logical != 10 { return Parquet.logicalTypes[logical] ?? "\(logical)" }
      return nil
    case .singles, .doubles, .booleans:
      if let converted { return Parquet.convertedTypes[converted] ?? "\(converted)" }
      return logical.map { Parquet.logicalTypes[$0] ?? "\($0)" }
    }
  }
}
