/// Fields between tabs, a record a line. A field in double quotes is a text: quotes in it are
/// doubled, and tabs and line ends stand in it as they are. In other fields `\t`, `\n`, `\r` and
/// `\\` stand for what cannot stand there, and any other backslash is itself.
///
/// Files without such quotes may have fields that begin with a quote all the same: Summand's format
/// `escaped` has, for tokens. What a file means by its quotes is decided once, for all of it.
struct TabSeparated: SeparatedFormat {
  let separatorName = "tab"
  private let quotes: Quotes

  private enum Quotes {
    /// Characters like others.
    case literal
    /// Around texts, as a file has them that comes from elsewhere.
    case around
    /// Around the names of columns too, so that nothing needs a backslash.
    case everywhere
  }

  var quotesMeanText: Bool { quotes != .literal }

  init(_ source: TextSource) {
    let bytes = source.bytes.drop { $0 == 0x0A || $0 == 0x0D }
    if bytes.first == 0x22 {
      quotes = .everywhere
    } else if !bytes.contains(0x22) {
      quotes = .literal
    } else {
      quotes = Self.hasLiteralQuotes(source) ? .literal : .around
    }
  }

  /// Whether every line is a record by itself, and a field of one begins with a quote that does not
  /// end with the field. In a file of one or two columns that may also be a text of several lines.
  private static func hasLiteralQuotes(_ source: TextSource) -> Bool {
    var width: Int?
    var hasOpenQuote = false
    var rest = source.bytes
    while !rest.isEmpty {
      var line = rest.prefix { $0 != 0x0A }
      rest = rest[min(line.endIndex + 1, rest.endIndex)...]
      if line.last == 0x0D { line.removeLast() }
      if line.isEmpty { continue }
      let fields = line.split(separator: 0x09, omittingEmptySubsequences: false)
      guard fields.count == width ?? fields.count else { return false }
      width = fields.count
      hasOpenQuote = hasOpenQuote || fields.contains { $0.first == 0x22 && !isQuoted($0) }
    }
    guard hasOpenQuote, let width, width <= 2 else { return hasOpenQuote }
    let quoted = TabSeparated(quotes: .around)
    var (index, line) = (source.bytes.startIndex, 1)
    do {
      while let record = try quoted.nextRecord(source, at: &index, line: &line) {
        if record.count != width, record != [.nothing] { return true }
      }
      return false
    } catch {
      return true
    }
  }

  private init(quotes: Quotes) { self.quotes = quotes }

  /// Whether a quote opens the field, another closes it, and those between are doubled.
  private static func isQuoted(_ field: ArraySlice<UInt8>) -> Bool {
    guard field.count > 1, field.last == 0x22 else { return false }
    var inner = field.dropFirst().dropLast()
    while let quote = inner.firstIndex(of: 0x22) {
      guard quote + 1 < inner.endIndex, inner[quote + 1] == 0x22 else { return false }
      inner = inner[(quote + 2)...]
    }
    return true
  }

  func nextRecord(
    _ source: TextSource, at index: inout Int, line: inout Int
  ) throws -> [SeparatedField]? {
    let bytes = source.bytes
    guard index < bytes.endIndex else { return nil }
    var record: [SeparatedField] = []
    while true {
      if quotes != .literal, index < bytes.endIndex, bytes[index] == 0x22 {
        let text = try quotedField(source, at: &index, line: &line) {
          $0 == 0x09 || $0 == 0x0A || $0 == 0x0D
        }
        record.append(SeparatedField(text: text, isQuoted: true))
        if index < bytes.endIndex, bytes[index] == 0x0D {
          index += 1
          guard index == bytes.endIndex || bytes[index] == 0x0A else {
            throw source.textAfterQuote(line: line)
          }
        }
      } else {
        let end = bytes[index...].firstIndex { $0 == 0x09 || $0 == 0x0A } ?? bytes.endIndex
        var content = bytes[index..<end]
        if content.last == 0x0D, end == bytes.endIndex || bytes[end] == 0x0A {
          content.removeLast()
        }
        record.append(
          SeparatedField(text: quotes == .everywhere ? plain(content) : unescaped(content)))
        index = end
      }
      guard index < bytes.endIndex, bytes[index] == 0x09 else { break }
      index += 1
    }
    if index < bytes.endIndex, bytes[index] == 0x0A { index += 1 }
    line += 1
    return record
  }

  private func plain(_ bytes: ArraySlice<UInt8>) -> String? {
    bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  private func unescaped(_ bytes: ArraySlice<UInt8>) -> String? {
    guard bytes.contains(0x5C) else { return plain(bytes) }
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
