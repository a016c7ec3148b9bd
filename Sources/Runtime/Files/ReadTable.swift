/// The formats that tables are read from.
enum TableFormat: String, Sendable, CaseIterable {
  case tsv, csv, json, ndjson

  /// By the end of the file's name; nil where it says nothing.
  init?(path: String) {
    guard let format = OutputFormat(path: path) else { return nil }
    self.init(rawValue: format.rawValue)
  }
}

/// The table in a file of TSV, CSV, JSON, NDJSON, Parquet or an array: by its name, else by how it
/// begins. Columns get
/// the narrowest type that holds their values (see `inferred`). CounterFact and the relations of
/// Hernandez et al. become the columns subject, answer, relation, template, foils. Throws with
/// status `unreadable`, the file and the line.
///
/// - Parameter asTexts: TSV and CSV as they are written: what is a word, `True` or `2`, stays one.
func readTable(
  path: String, format: TableFormat? = nil, asTexts: Bool = false
) throws -> Table {
  let bytes = try readBytes(path: path)
  if format == nil, let binary = BinaryFormat(bytes, path: path) {
    return try binary.table(bytes, path: path)
  }
  return try parseTable(
    bytes, name: path, format: format ?? TableFormat(path: path), asTexts: asTexts)
}

/// The same for text that is in memory already; `name` is what messages call it.
func parseTable(
  _ bytes: [UInt8], name: String, format: TableFormat? = nil, asTexts: Bool = false
) throws -> Table {
  let source = try TextSource(bytes, name: name)
  guard !source.bytes.isEmpty else {
    throw source.failure("is empty", help: "a table needs at least the names of its columns")
  }
  switch format ?? sniffed(source.bytes) {
  case .tsv: return try readSeparated(source, with: TabSeparated(source), asTexts: asTexts)
  case .csv: return try readSeparated(source, with: CommaSeparated(), asTexts: asTexts)
  case .json: return try tableFromJSON(source)
  case .ndjson: return try tableFromNDJSON(source)
  }
}

/// A bracket begins JSON, a brace too, unless the first line is an object by itself and more
/// follows; else the first line has tabs, or commas.
func sniffed(_ bytes: ArraySlice<UInt8>) -> TableFormat {
  let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
  let body = bytes.drop(while: isSpace)
  let line = body.prefix { $0 != 0x0A }
  switch body.first {
  case UInt8(ascii: "["): return .json
  case UInt8(ascii: "{"):
    let hasMore = !bytes[line.endIndex...].drop(while: isSpace).isEmpty
    let isWhole = (try? JSONParser.parse(line)) != nil
    return isWhole && hasMore ? .ndjson : .json
  default:
    return line.contains(0x2C) && !line.contains(0x09) ? .csv : .tsv
  }
}

/// Text of a file, known to be UTF-8, and what messages call it.
struct TextSource {
  var name: String
  /// Without a byte order mark.
  var bytes: ArraySlice<UInt8>

  init(_ bytes: [UInt8], name: String) throws {
    self.name = name
    self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
    guard String(validating: self.bytes, as: UTF8.self) == nil else { return }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw failure("is UTF-16", help: "save it as UTF-8")
    }
    var line = 1
    for content in self.bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
      if String(validating: content, as: UTF8.self) == nil { break }
      line += 1
    }
    throw failure("is not UTF-8", line: line, help: "save it as UTF-8")
  }

  /// `NAME, line N: PROBLEM`, or `NAME PROBLEM` where no line is to blame.
  func failure(_ problem: String, line: Int? = nil, help: String? = nil) -> Failure {
    let place = line.map { "`\(name)`, line \($0): " } ?? "`\(name)` "
    return Failure(place + problem, help: help, status: .unreadable)
  }

  /// Refuses a table that would be almost nothing but holes: a small file, each of whose records has
  /// a key of its own, would become one that no memory holds.
  func check(rows: Int, columns: Int) throws {
    guard rows * columns <= (1 << 20) + 16 * bytes.count else {
      throw failure(
        "would be \(rows) rows of \(columns) columns or more, with almost nothing in them",
        help: "a table's records have the same keys")
    }
  }

  /// The line, from 1, of the byte at `index`.
  func line(of index: Int) -> Int {
    1 + bytes[..<min(index, bytes.endIndex)].count { $0 == 0x0A }
  }
}
