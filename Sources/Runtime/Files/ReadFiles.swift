import Lang
import Model

/// What `read` reads.
enum ReadFormat: String, Choice {
  case tsv, csv, json, ndjson, lines, parquet, npz, safetensors, npy

  var summary: String {
    switch self {
    case .tsv: "tab-separated"
    case .csv: "comma-separated"
    case .json: "an array of objects or values, or a file of `save`"
    case .ndjson: "one object per line"
    case .lines: "one text per line"
    case .parquet: "as Summand writes it"
    case .npz, .npy: "an array of NumPy"
    case .safetensors: "one tensor"
    }
  }

  /// By the name of the file, then by its bytes. A `.txt` of lines that have tabs is a table.
  fileprivate init(_ bytes: [UInt8], path: String) {
    if let binary = BinaryFormat(bytes, path: path), let format = Self(rawValue: binary.rawValue) {
      self = format
    } else if let format = TableFormat(path: path), let named = Self(rawValue: format.rawValue) {
      self = named
    } else if path.lowercased().hasSuffix(".txt"), !bytes.prefix(while: { $0 != 0x0A }).contains(9)
    {
      self = .lines
    } else {
      self = Self(rawValue: sniffed(bytes[...]).rawValue) ?? .tsv
    }
  }
}

/// The file at `path` as a table; or of a pattern all files that match, in the order of their names,
/// below each other, with the path of each in a column `file`.
func readFiles(_ path: String, format: ReadFormat?) throws -> Table {
  guard path.contains(where: { "*?[".contains($0) }), fileStatus(of: path) == nil else {
    return try readFile(path, format: format)
  }
  let paths = try paths(matching: path)
  guard !paths.isEmpty else {
    throw Failure(
      "no file matches '\(excerpt(path, limit: 80))'",
      help: "`*` stands for any part of a name, `?` for one character", status: .unreadable)
  }
  return try Table.stacked(
    try paths.map { file in
      try Interruption.check()
      let table = try readFile(file, format: format)
      guard table["file"] == nil else {
        throw unreadableFile(
          file, "has a column `file`, which reading many files adds",
          help: "read it by itself, and give the column another name")
      }
      let names = [String?](repeating: file, count: table.rowCount)
      return Table(
        columns: [Column("file", .texts(names))] + table.columns, measure: table.measure)
    })
}

private func readFile(_ path: String, format: ReadFormat?) throws -> Table {
  let bytes = try readBytes(path: path)
  return try parseFile(bytes, path: path, format: format ?? ReadFormat(bytes, path: path))
}

/// What `read` makes of a file's bytes.
func parseFile(_ bytes: [UInt8], path: String, format: ReadFormat) throws -> Table {
  switch format {
  case .tsv: try parseTable(bytes, name: path, format: .tsv)
  case .csv: try parseTable(bytes, name: path, format: .csv)
  case .json: try parseTable(bytes, name: path, format: .json)
  case .ndjson: try parseTable(bytes, name: path, format: .ndjson)
  case .lines: try tableOfLines(bytes, name: path)
  case .parquet: try BinaryFormat.parquet.table(bytes, path: path)
  case .npz: try BinaryFormat.npz.table(bytes, path: path)
  case .npy: try BinaryFormat.npy.table(bytes, path: path)
  case .safetensors: try BinaryFormat.safetensors.table(bytes, path: path)
  }
}

/// A row a line, in the column `text`.
private func tableOfLines(_ bytes: [UInt8], name: String) throws -> Table {
  let source = try TextSource(bytes, name: name)
  var lines = source.bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
  if lines.last?.isEmpty == true { lines.removeLast() }
  return Table(columns: [
    Column(
      "text",
      .texts(
        try lines.mapChecked { line in
          String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        }))
  ])
}

/// The files, not folders, that a pattern of the shell means, sorted by the bytes of their names.
func paths(matching pattern: String) throws -> [String] {
  var found = glob_t()
  defer { globfree(&found) }
  switch glob(pattern, GLOB_NOSORT | GLOB_MARK, nil, &found) {
  case 0: break
  case GLOB_NOMATCH: return []
  case GLOB_NOSPACE: throw Memory.Exhausted()
  default:
    throw Failure("'\(excerpt(pattern, limit: 80))' cannot be looked up", status: .unreadable)
  }
  return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    .filter { !$0.hasSuffix("/") }
    .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}
