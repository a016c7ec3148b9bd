/// A field as it was read: nil where nothing stands there.
typealias Field = String?

/// How the records of a text are told apart.
protocol SeparatedFormat {
  /// What stands between two fields, for messages.
  var separatorName: String { get }
  /// The next record and the line that it begins on; nil at the end. `[nil]` is an empty line.
  func nextRecord(_ source: TextSource, at index: inout Int, line: inout Int) throws -> [Field]?
}

/// The first record names the columns, each other is a row with a field for each.
func readSeparated(
  _ source: TextSource, with format: some SeparatedFormat, asTexts: Bool
) throws -> Table {
  var index = source.bytes.startIndex
  var line = 1
  var header: [Field]?
  while header == nil || header == [nil] {
    header = try format.nextRecord(source, at: &index, line: &line)
    if header == nil {
      throw source.failure("has no header", help: "the first line must name the columns")
    }
  }
  let names = try columnNames(header ?? [], source, line: line - 1, format.separatorName)

  var columns = [[Field]](repeating: [], count: names.count)
  while true {
    let start = line
    guard let record = try format.nextRecord(source, at: &index, line: &line) else { break }
    // In a table of one column, an empty line is a row whose value is missing.
    if record == [nil], names.count > 1 { continue }
    guard record.count == names.count else {
      throw source.failure(
        "\(record.count) \(record.count == 1 ? "field" : "fields"), "
          + "where the header names \(names.count)",
        line: start,
        help: record.count > names.count
          ? "a \(format.separatorName) inside a field needs \(format is CommaSeparated ? "quotes" : "`\\t`")"
          : "an empty field still needs its \(format.separatorName)")
    }
    for (column, field) in record.enumerated() { columns[column].append(field) }
  }
  return Table(columns: zip(names, columns).map { Column($0, asTexts ? .texts($1) : inferred($1)) })
}

private func columnNames(
  _ header: [Field], _ source: TextSource, line: Int, _ separator: String
) throws -> [String] {
  var names: [String] = []
  var known: [String: Int] = [:]
  for (index, field) in header.enumerated() {
    guard let name = field, !name.isEmpty else {
      throw source.failure(
        "column \(index + 1) has no name", line: line,
        help: index == 0
          ? "name it in the first line (pandas: `index=False` leaves its index out)"
          : "name it in the first line, or take away the \(separator)")
    }
    if let first = known.updateValue(index, forKey: name) {
      throw source.failure(
        "columns \(first + 1) and \(index + 1) are both named `\(excerpt(name))`", line: line,
        help: "rename one of them")
    }
    names.append(name)
  }
  return names
}

/// Fields between tabs; `\t`, `\n`, `\r` and `\\` stand for what cannot stand there. Any other
/// backslash is itself.
struct TabSeparated: SeparatedFormat {
  let separatorName = "tab"

  func nextRecord(_ source: TextSource, at index: inout Int, line: inout Int) -> [Field]? {
    let bytes = source.bytes
    guard index < bytes.endIndex else { return nil }
    let end = bytes[index...].firstIndex(of: 0x0A) ?? bytes.endIndex
    var content = bytes[index..<end]
    if content.last == 0x0D { content.removeLast() }
    index = end + 1
    line += 1
    return content.split(separator: 0x09, omittingEmptySubsequences: false).map(unescaped)
  }

  private func unescaped(_ bytes: ArraySlice<UInt8>) -> Field {
    guard !bytes.isEmpty else { return nil }
    guard bytes.contains(0x5C) else { return String(decoding: bytes, as: UTF8.self) }
    var result: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      guard byte == 0x5C, let next = rest.first, let meant = escapes[next] else {
        result.append(byte)
        continue
      }
      result.append(meant)
      rest.removeFirst()
    }
    return String(decoding: result, as: UTF8.self)
  }
}

private let escapes: [UInt8: UInt8] = [
  UInt8(ascii: "t"): 0x09, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, 0x5C: 0x5C,
]

/// RFC 4180: a field in quotes may hold commas, line ends and doubled quotes. Lines end with LF,
/// CRLF or CR. `""` is an empty text, nothing at all is missing.
struct CommaSeparated: SeparatedFormat {
  let separatorName = "comma"

  func nextRecord(
    _ source: TextSource, at index: inout Int, line: inout Int
  ) throws -> [Field]? {
    let bytes = source.bytes
    guard index < bytes.endIndex else { return nil }
    var record: [Field] = []
    while true {
      if index < bytes.endIndex, bytes[index] == 0x22 {
        record.append(try quotedField(source, at: &index, line: &line))
      } else {
        let end = bytes[index...].firstIndex { isBreak($0) } ?? bytes.endIndex
        record.append(index == end ? nil : String(decoding: bytes[index..<end], as: UTF8.self))
        index = end
      }
      guard index < bytes.endIndex, bytes[index] == 0x2C else { break }
      index += 1
    }
    if index < bytes.endIndex {
      let isPair = bytes[index] == 0x0D && index + 1 < bytes.endIndex && bytes[index + 1] == 0x0A
      index += isPair ? 2 : 1
    }
    line += 1
    return record
  }

  private func quotedField(
    _ source: TextSource, at index: inout Int, line: inout Int
  ) throws -> String {
    let bytes = source.bytes
    let start = line
    var content: [UInt8] = []
    index += 1
    while true {
      guard index < bytes.endIndex else {
        throw source.failure(
          "a quote is opened and never closed", line: start,
          help: "a quote inside a quoted field is written twice")
      }
      let byte = bytes[index]
      index += 1
      if byte == 0x0A { line += 1 }
      guard byte == 0x22 else {
        content.append(byte)
        continue
      }
      guard index < bytes.endIndex, bytes[index] == 0x22 else { break }
      content.append(0x22)
      index += 1
    }
    if index < bytes.endIndex, !isBreak(bytes[index]) {
      throw source.failure(
        "text follows a closing quote", line: line,
        help: "a quote inside a quoted field is written twice")
    }
    return String(decoding: content, as: UTF8.self)
  }

  private func isBreak(_ byte: UInt8) -> Bool { byte == 0x2C || byte == 0x0A || byte == 0x0D }
}
