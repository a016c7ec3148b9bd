/// A text to be parsed and the name under which errors speak of it: a file's path, `-c`, `stdin`.
///
/// Offsets everywhere in Lang are offsets into `bytes`, a byte-order mark at the start included.
public struct SourceText: Sendable {
  public let name: String
  public let bytes: [UInt8]
  /// Where each line begins.
  private let lineStarts: [Int]

  /// Takes the bytes as they are; `parse` refuses them if they are not UTF-8.
  public init(name: String, bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
    lineStarts = Self.lineStarts(in: bytes)
  }

  public init(name: String, text: String) {
    self.init(name: name, bytes: Array(text.utf8))
  }

  /// - Throws: a `Diagnostic` that names the first byte which is not UTF-8, and its line.
  public init(name: String, validating bytes: [UInt8]) throws(Diagnostic) {
    self.init(name: name, bytes: bytes)
    if let diagnostic = encodingError() { throw diagnostic }
  }

  /// Line and column from 1; a column is a character as a person sees it.
  public func position(of offset: Int) -> (line: Int, column: Int) {
    let index = lineIndex(of: offset)
    let start = index == 0 ? textStart : lineStarts[index]
    let end = min(max(offset, start), bytes.count)
    return (index + 1, String(decoding: bytes[start..<end], as: UTF8.self).count + 1)
  }

  /// The text of a span; what lies outside of the source is left out.
  public func text(in span: SourceSpan) -> String {
    let start = min(max(span.start, 0), bytes.count)
    let end = min(max(span.end, start), bytes.count)
    return String(decoding: bytes[start..<end], as: UTF8.self)
  }

  /// The whole text, without a byte-order mark.
  public var text: String {
    text(in: SourceSpan(textStart, bytes.count))
  }

  /// The line that holds `offset`, without its line end and without a byte-order mark.
  public func lineSpan(at offset: Int) -> SourceSpan {
    let index = lineIndex(of: offset)
    let start = index == 0 ? textStart : lineStarts[index]
    var end = index + 1 < lineStarts.count ? lineStarts[index + 1] : bytes.count
    while end > start, bytes[end - 1] == .lineFeed || bytes[end - 1] == .carriageReturn { end -= 1 }
    return SourceSpan(start, end)
  }

  /// The length of a byte-order mark, if there is one.
  var textStart: Int {
    bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// The first byte that is not UTF-8, as an error.
  func encodingError() -> Diagnostic? {
    guard let offset = firstInvalidUTF8(in: bytes) else { return nil }
    let line = lineIndex(of: offset) + 1
    let isUTF16 = bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF])
    return Diagnostic(
      "\(name) is not UTF-8 text: byte 0x\(hexadecimal(bytes[offset])) at offset \(offset), "
        + "line \(line)",
      at: SourceSpan(offset, offset + 1),
      help: isUTF16
        ? "it looks like UTF-16: save it as UTF-8" : "save it as UTF-8")
  }

  /// The last line whose start is not after `offset`, from 0.
  private func lineIndex(of offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// LF, CRLF and a lone CR each end a line.
  private static func lineStarts(in bytes: [UInt8]) -> [Int] {
    var starts = [0]
    for (offset, byte) in bytes.enumerated() {
      let next = offset + 1
      let isReturn =
        byte == .carriageReturn && !(next < bytes.count && bytes[next] == .lineFeed)
      if byte == .lineFeed || isReturn { starts.append(next) }
    }
    return starts
  }
}

/// The offset of the first byte that cannot stand where it stands in UTF-8.
func firstInvalidUTF8(in bytes: [UInt8]) -> Int? {
  var offset = 0
  while offset < bytes.count {
    if bytes[offset] < 0x80 {
      offset += 1
    } else if let (_, length) = decodeScalar(in: bytes, at: offset) {
      offset += length
    } else {
      return offset
    }
  }
  return nil
}

/// The character whose encoding begins at `offset`, and its length in bytes; nil where there is none.
func decodeScalar(in bytes: [UInt8], at offset: Int) -> (Unicode.Scalar, length: Int)? {
  guard offset >= 0, offset < bytes.count else { return nil }
  let first = bytes[offset]
  let length: Int
  var value: UInt32
  switch first {
  case 0x00...0x7F: return (Unicode.Scalar(first), 1)
  case 0xC2...0xDF: (length, value) = (2, UInt32(first & 0x1F))
  case 0xE0...0xEF: (length, value) = (3, UInt32(first & 0x0F))
  case 0xF0...0xF4: (length, value) = (4, UInt32(first & 0x07))
  default: return nil
  }
  guard offset + length <= bytes.count else { return nil }
  for index in offset + 1..<offset + length {
    guard bytes[index] & 0xC0 == 0x80 else { return nil }
    value = value << 6 | UInt32(bytes[index] & 0x3F)
  }
  // Longer encodings than a character needs are not UTF-8; `Unicode.Scalar` refuses surrogates.
  guard value >= (length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000) else { return nil }
  return Unicode.Scalar(value).map { ($0, length) }
}

func hexadecimal(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16, uppercase: true)
  return digits.count == 1 ? "0" + digits : digits
}

extension UInt8 {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")

  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

  /// Letters, digits and `_` in ASCII. Letters beyond ASCII are judged by their character.
  var isWord: Bool { isDigit || isWordStart }

  var isWordStart: Bool {
    (self | 0x20) >= UInt8(ascii: "a") && (self | 0x20) <= UInt8(ascii: "z")
      || self == UInt8(ascii: "_")
  }

  var isSpaceOrTab: Bool { self == UInt8(ascii: " ") || self == .tab }
  var isLineEnd: Bool { self == .lineFeed || self == .carriageReturn }
}
