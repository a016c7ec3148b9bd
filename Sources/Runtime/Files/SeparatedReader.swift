import Lang
import Model

/// A field as it was read: its text is nil where nothing stands there.
struct SeparatedField: Equatable {
  var text: String?
  var isQuoted = false

  static let nothing = SeparatedField(text: nil)
}

/// How the records of a text are told apart.
protocol SeparatedFormat {
  /// What stands between two fields, for messages.
  var separatorName: String { get }
  /// Whether a value in quotes is a text, even where it looks like a number, and `inf` or `NaN`
  /// without them is a number, even where a column has no others.
  var quotesMeanText: Bool { get }
  /// The next record and the line that it begins on; nil at the end. `[.nothing]` is an empty line.
  func nextRecord(_ source: TextSource, at index: inout Int, line: inout Int) throws
    -> [SeparatedField]?
}

/// The first record names the columns, each other is a row with a field for each.
func readSeparated(
  _ source: TextSource, with format: some SeparatedFormat, asTexts: Bool
) throws -> Table {
  var index = source.bytes.startIndex
  var line = 1
  var header: [SeparatedField]?
  while header == nil || header == [.nothing] {
    header = try format.nextRecord(source, at: &index, line: &line)
    if header == nil {
      throw source.failure("has no header", help: "the first line must name the columns")
    }
  }
  let names = try columnNames(header ?? [], source, line: line - 1, format.separatorName)

  var columns = [[String?]](repeating: [], count: names.count)
  var isText = [Bool](repeating: asTexts, count: names.count)
  while true {
    try Interruption.check()
    let start = line
    guard let record = try format.nextRecord(source, at: &index, line: &line) else { break }
    // In a table of one column, an empty line is a row whose value is missing.
    if record == [.nothing], names.count > 1 { continue }
    guard record.count == names.count else {
      throw source.failure(
        "\(record.count) \(record.count == 1 ? "field" : "fields"), "
          + "where the header names \(names.count)",
        line: start,
        help: record.count > names.count
          ? "a \(format.separatorName) inside a field needs quotes"
          : "an empty field still needs its \(format.separatorName)")
    }
    for (column, field) in record.enumerated() {
      columns[column].append(field.text)
      if field.isQuoted, format.quotesMeanText { isText[column] = true }
    }
  }
  return Table(
    columns: try names.indices.map { column in
      let fields = columns[column]
      return Column(
        names[column],
        isText[column]
          ? .texts(fields)
          : try inferred(fields, areWordsNumbers: format.quotesMeanText))
    })
}

private func columnNames(
  _ header: [SeparatedField], _ source: TextSource, line: Int, _ separator: String
) throws -> [String] {
  var names: [String] = []
  var known: [String: Int] = [:]
  for (index, field) in header.enumerated() {
    guard let name = field.text, !name.isEmpty else {
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

/// RFC 4180: a field in quotes may hold commas, line ends and doubled quotes. Lines end with LF,
/// CRLF or CR. `""` is an empty text, nothing at all is missing.
struct CommaSeparated: SeparatedFormat {
  let separatorName = "comma"
  /// Many programs put quotes around every field, numbers included.
  let quotesMeanText = false

  func nextRecord(
    _ source: TextSource, at index: inout Int, line: inout Int
  ) throws -> [SeparatedField]? {
    let bytes = source.bytes
    guard index < bytes.endIndex else { return nil }
    var record: [SeparatedField] = []
    while true {
      if index < bytes.endIndex, bytes[index] == 0x22 {
        let text = try quotedField(source, at: &index, line: &line) { isBreak($0) }
        record.append(SeparatedField(text: text, isQuoted: true))
      } else {
        let end = bytes[index...].firstIndex { isBreak($0) } ?? bytes.endIndex
        record.append(
          index == end
            ? .nothing : SeparatedField(text: String(decoding: bytes[index..<end], as: UTF8.self)))
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

  private func isBreak(_ byte: UInt8) -> Bool { byte == 0x2C || byte == 0x0A || byte == 0x0D }
}

/// A field from its opening quote to behind its closing one.
func quotedField(
  _ source: TextSource, at index: inout Int, line: inout Int, isBreak: (UInt8) -> Bool
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
    throw source.textAfterQuote(line: line)
  }
  return String(decoding: content, as: UTF8.self)
}

extension TextSource {
  func textAfterQuote(line: Int) -> Failure {
    failure(
      "text follows a closing quote", line: line,
      help: "a quote inside a quoted field is written twice")
  }
}
