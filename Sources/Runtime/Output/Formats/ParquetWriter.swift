import Model

/// Writes a table as Parquet, a group of rows at a time: no compression, one page for each column and
/// group, levels as runs, texts from a dictionary where that is shorter.
///
/// Format: https://github.com/apache/parquet-format, `README.md`, `Encodings.md`, `parquet.thrift`.
struct ParquetWriter {
  /// Rows of a group, at most.
  static let rowsPerGroup = 1 << 16
  /// Bytes of text in a column's page, about: a group ends earlier with them.
  private static let textPerGroup = 1 << 26

  private let columns: [(name: String, kind: Values.Kind)]
  private var offset = 0
  private var groups: [Group] = []
  /// Rows of the group that is not full yet: where groups end does not depend on the parts in which rows
  /// come.
  private var pending: Table?

  private struct Group {
    var rows: Int
    var chunks: [Chunk]
  }

  private struct Chunk {
    var offset: Int
    /// Nil where there is no dictionary.
    var dataOffset: Int?
    var bytes: Int
  }

  /// - Parameter table: its columns are those of the file; its rows are not written.
  init(columnsOf table: Table, into sink: inout ByteSink) throws {
    columns = table.columns.map { ($0.name, $0.kind) }
    try write(Parquet.magic, into: &sink)
  }

  /// Writes the rows of a table that has the file's columns.
  mutating func append(_ table: Table, into sink: inout ByteSink) throws {
    var table = table
    if let pending { table = try Table.stacked([pending, table]) }
    pending = nil
    var start = 0
    while table.rowCount - start >= Self.rowsPerGroup {
      start = try writeGroup(from: start, of: table, into: &sink)
    }
    if start < table.rowCount {
      pending = start == 0 ? table : try table.gathered(Array(start..<table.rowCount))
    }
  }

  /// - Returns: where the next group begins.
  private mutating func writeGroup(from start: Int, of table: Table, into sink: inout ByteSink)
    throws -> Int
  {
    let end = Self.end(ofGroupFrom: start, in: table)
    var group = Group(rows: end - start, chunks: [])
    for column in table.columns {
      group.chunks.append(try write(column.values, rows: start..<end, into: &sink))
    }
    groups.append(group)
    return end
  }

  private static func end(ofGroupFrom start: Int, in table: Table) -> Int {
    var end = min(table.rowCount, start + rowsPerGroup)
    for case .texts(let texts) in table.columns.map(\.values) {
      var bytes = 0
      for row in start..<end {
        bytes += texts[row]?.utf8.count ?? 0
        if bytes > textPerGroup {
          end = max(start + 1, row)
          break
        }
      }
    }
    return end
  }

  /// Writes what comes after the rows.
  mutating func finish(_ provenance: Provenance, into sink: inout ByteSink) throws {
    if let table = pending {
      var start = 0
      while start < table.rowCount { start = try writeGroup(from: start, of: table, into: &sink) }
      pending = nil
    }
    var footer = ThriftWriter()
    footer.int32(1, 2)
    footer.structures(2, [nil] + columns.map(Optional.some)) { column, schema in
      guard let column else {
        schema.text(4, "schema")
        schema.int32(5, columns.count)
        return
      }
      schema.int32(1, Parquet.PhysicalType(column.kind).rawValue)
      schema.int32(3, Parquet.Repetition.optional.rawValue)
      schema.text(4, column.name)
      if column.kind == .texts { schema.int32(6, Parquet.utf8) }
    }
    footer.int64(3, groups.reduce(0) { $0 + $1.rows })
    footer.structures(4, groups) { group, thrift in write(group, into: &thrift) }
    footer.structures(5, [Parquet.provenanceKey]) { key, pair in
      pair.text(1, key)
      pair.text(2, JSONValue.object(provenance.members).text)
    }
    footer.text(6, "summand")
    footer.end()
    guard footer.bytes.count <= Int(Int32.max) else {
      throw Failure("the description of the prompts is too long for a Parquet file")
    }
    try write(footer.bytes, into: &sink)
    var ending: [UInt8] = []
    ending.append(little: UInt32(footer.bytes.count))
    try write(ending + Parquet.magic, into: &sink)
  }

  private func write(_ group: Group, into thrift: inout ThriftWriter) {
    thrift.structures(1, Array(zip(columns, group.chunks))) { element, thrift in
      let (column, chunk) = element
      thrift.int64(2, chunk.offset)
      thrift.structure(3) { data in
        data.int32(1, Parquet.PhysicalType(column.kind).rawValue)
        let encodings: [Parquet.Encoding] =
          chunk.dataOffset == nil ? [.plain, .rle] : [.plain, .rle, .rleDictionary]
        data.int32s(2, encodings.map(\.rawValue))
        data.texts(3, [column.name])
        data.int32(4, Parquet.uncompressed)
        data.int64(5, group.rows)
        data.int64(6, chunk.bytes)
        data.int64(7, chunk.bytes)
        data.int64(9, chunk.dataOffset ?? chunk.offset)
        if chunk.dataOffset != nil { data.int64(11, chunk.offset) }
      }
    }
    thrift.int64(2, group.chunks.reduce(0) { $0 + $1.bytes })
    thrift.int64(3, group.rows)
  }

  // MARK: Pages

  private mutating func write(_ bytes: [UInt8], into sink: inout ByteSink) throws {
    try sink.write(bytes)
    offset += bytes.count
  }

  private mutating func write(_ values: Values, rows: Range<Int>, into sink: inout ByteSink) throws
    -> Chunk
  {
    let start = offset
    let levels = Self.levels(values, rows)
    var dataOffset: Int?
    if case .texts(let texts) = values, let coded = CodedTexts(texts[rows]) {
      try writePage(coded.dictionary, into: &sink) { header in
        header.int32(1, Parquet.PageType.dictionary.rawValue)
      } details: { header in
        header.structure(7) { dictionary in
          dictionary.int32(1, coded.count)
          dictionary.int32(2, Parquet.Encoding.plain.rawValue)
        }
      }
      dataOffset = offset
      try writeDataPage(levels + coded.indices, .rleDictionary, rows: rows.count, into: &sink)
    } else {
      try writeDataPage(
        levels + (try Self.plain(values, rows)), .plain, rows: rows.count, into: &sink)
    }
    return Chunk(offset: start, dataOffset: dataOffset, bytes: offset - start)
  }

  private mutating func writeDataPage(
    _ body: [UInt8], _ encoding: Parquet.Encoding, rows: Int, into sink: inout ByteSink
  ) throws {
    try writePage(body, into: &sink) { header in
      header.int32(1, Parquet.PageType.data.rawValue)
    } details: { header in
      header.structure(5) { data in
        data.int32(1, rows)
        data.int32(2, encoding.rawValue)
        data.int32(3, Parquet.Encoding.rle.rawValue)
        data.int32(4, Parquet.Encoding.rle.rawValue)
      }
    }
  }

  private mutating func writePage(
    _ body: [UInt8], into sink: inout ByteSink, kind: (inout ThriftWriter) -> Void,
    details: (inout ThriftWriter) -> Void
  ) throws {
    guard body.count <= Int(Int32.max) else {
      throw Failure("a text is too long for a Parquet file")
    }
    var header = ThriftWriter()
    kind(&header)
    header.int32(2, body.count)
    header.int32(3, body.count)
    details(&header)
    header.end()
    try write(header.bytes, into: &sink)
    try write(body, into: &sink)
  }

  /// Which values are there: 1, or missing: 0, as runs.
  private static func levels(_ values: Values, _ rows: Range<Int>) -> [UInt8] {
    var runs: [UInt8] = []
    var row = rows.lowerBound
    while row < rows.upperBound {
      let isMissing = values.isMissing(row)
      var end = row + 1
      while end < rows.upperBound, values.isMissing(end) == isMissing { end += 1 }
      runs.append(variable: UInt64(end - row) << 1)
      runs.append(isMissing ? 0 : 1)
      row = end
    }
    var levels: [UInt8] = []
    levels.append(little: UInt32(runs.count))
    return levels + runs
  }

  private static func plain(_ values: Values, _ rows: Range<Int>) throws -> [UInt8] {
    try Interruption.check()
    var bytes: [UInt8] = []
    switch values {
    case .integers(let values):
      bytes.append(inMemory: values[rows].compactMap { $0.map(Int64.init) })
    case .singles(let values): bytes.append(inMemory: values[rows].filter { !$0.isNaN })
    case .doubles(let values): bytes.append(inMemory: values[rows].filter { !$0.isNaN })
    case .texts(let values):
      for case let text? in values[rows] { bytes.append(parquet: text) }
    case .booleans(let values):
      for (index, value) in values[rows].compactMap(\.self).enumerated() {
        if index % 8 == 0 { bytes.append(0) }
        if value { bytes[bytes.count - 1] |= 1 << UInt8(index % 8) }
      }
    }
    return bytes
  }
}

extension [UInt8] {
  fileprivate mutating func append(parquet text: String) {
    append(little: UInt32(text.utf8.count))
    append(contentsOf: text.utf8)
  }
}

/// A text by its bytes: to Swift, strings are equal where they only look alike.
private struct ExactText: Hashable {
  private let text: String

  init(_ text: String) { self.text = text }

  static func == (one: ExactText, other: ExactText) -> Bool {
    var (one, other) = (one.text, other.text)
    return one.withUTF8 { one in
      other.withUTF8 { other in
        one.count == other.count
          && (one.isEmpty || memcmp(one.baseAddress!, other.baseAddress!, one.count) == 0)
      }
    }
  }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}

/// A column's texts as places in a dictionary.
private struct CodedTexts {
  /// Of different texts.
  var count: Int
  var dictionary: [UInt8]
  /// Their width in bits, then runs of equal ones, and groups of eight where they differ.
  var indices: [UInt8]

  /// Nil where the texts by themselves are shorter.
  init?(_ texts: ArraySlice<String?>) {
    var places: [ExactText: Int] = [:]
    var dictionary: [UInt8] = []
    var codes: [Int] = []
    var plain = 0
    for case let text? in texts {
      plain += 4 + text.utf8.count
      let place = places[ExactText(text), default: places.count]
      if place == places.count {
        places[ExactText(text)] = place
        dictionary.append(parquet: text)
      }
      codes.append(place)
    }
    guard !codes.isEmpty, dictionary.count < plain else { return nil }
    let width = max(1, Int.bitWidth - (places.count - 1).leadingZeroBitCount)
    var indices = [UInt8(width)]
    indices.append(runs: codes, width: width)
    guard dictionary.count + indices.count < plain else { return nil }
    (count, self.dictionary, self.indices) = (places.count, dictionary, indices)
  }
}

extension [UInt8] {
  /// The hybrid of runs and packed bits of `Encodings.md`.
  fileprivate mutating func append(runs codes: [Int], width: Int) {
    var packed: [Int] = []
    func flush(_ bytes: inout [UInt8]) {
      guard !packed.isEmpty else { return }
      let groups = (packed.count + 7) / 8
      bytes.append(variable: UInt64(groups) << 1 | 1)
      var (bits, held): (UInt64, Int) = (0, 0)
      for code in packed + [Int](repeating: 0, count: groups * 8 - packed.count) {
        bits |= UInt64(code) << UInt64(held)
        held += width
        while held >= 8 {
          bytes.append(UInt8(truncatingIfNeeded: bits))
          bits >>= 8
          held -= 8
        }
      }
      packed = []
    }
    var (index, end) = (0, 0)
    while index < codes.count {
      if end <= index {
        end = index + 1
        while end < codes.count, codes[end] == codes[index] { end += 1 }
      }
      if packed.count % 8 == 0, end - index >= 8 {
        flush(&self)
        append(variable: UInt64(end - index) << 1)
        for byte in 0..<(width + 7) / 8 {
          append(UInt8(truncatingIfNeeded: codes[index] >> (8 * byte)))
        }
        index = end
      } else {
        packed.append(codes[index])
        index += 1
      }
    }
    flush(&self)
  }
}
