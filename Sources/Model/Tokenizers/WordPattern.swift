/// The regular expressions with which the families cut text into words, each as the code that
/// matches what it does: an expression that is not one of these is refused.
enum WordPattern: Sendable, Equatable, CaseIterable {
  case gpt2
  case llama3
  case qwen2

  /// As the files of the family write it.
  var expression: String {
    switch self {
    case .gpt2: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    case .llama3: Self.modern(digits: #"\p{N}{1,3}"#)
    case .qwen2: Self.modern(digits: #"\p{N}"#)
    }
  }

  private static func modern(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// Where the match ends that begins with `range`, which is not empty. Every text is covered by
  /// matches.
  func end(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int {
    switch self {
    case .gpt2: Self.gpt2End(text, range)
    case .llama3: Self.modernEnd(text, range, digits: 3)
    case .qwen2: Self.modernEnd(text, range, digits: 1)
    }
  }

  private static func gpt2End(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int {
    if let end = contraction(text, range, ignoresCase: false) { return end }
    var start = range.lowerBound
    if text[start] == UInt8(ascii: " "), start + 1 < range.upperBound,
      ScalarKind.at(start + 1, in: text).kind != .space
    {
      start += 1
    }
    let kind = ScalarKind.at(start, in: text).kind
    return kind == .space
      ? spacesEnd(text, start..<range.upperBound)
      : run(of: kind, text, start..<range.upperBound)
  }

  private static func modernEnd(
    _ text: ArraySlice<UInt8>, _ range: Range<Int>, digits: Int
  ) -> Int {
    if let end = contraction(text, range, ignoresCase: true) { return end }
    let start = range.lowerBound
    let (kind, length) = ScalarKind.at(start, in: text)
    let next = start + length
    let nextKind = next < range.upperBound ? ScalarKind.at(next, in: text).kind : nil
    switch kind {
    case .letter: return run(of: .letter, text, range)
    case .number: return run(of: .number, text, range, atMost: digits)
    case .space, .other:
      // One character that is no line's end belongs to the letters after it.
      if nextKind == .letter, !isLineEnd(text[start]) {
        return run(of: .letter, text, next..<range.upperBound)
      }
      let takesMarks = kind == .other || (text[start] == UInt8(ascii: " ") && nextKind == .other)
      guard takesMarks else { break }
      var end = run(
        of: .other, text, (kind == .other ? start : next)..<range.upperBound)
      while end < range.upperBound, isLineEnd(text[end]) { end += 1 }
      return end
    }
    // White space: to the last line's end in it, if there is one.
    let end = run(of: .space, text, range)
    if let lineEnd = text[start..<end].lastIndex(where: isLineEnd) { return lineEnd + 1 }
    return spacesEnd(text, range)
  }

  private static func isLineEnd(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\n")
  }

  /// Where the characters of `kind` end that `range` begins with.
  private static func run(
    of kind: ScalarKind, _ text: ArraySlice<UInt8>, _ range: Range<Int>, atMost limit: Int = .max
  ) -> Int {
    var (end, count) = (range.lowerBound, 0)
    while end < range.upperBound, count < limit, case let next = ScalarKind.at(end, in: text),
      next.kind == kind
    {
      end += next.length
      count += 1
    }
    return end
  }

  /// `\s+(?!\S)|\s+`: white space before something else leaves its last character to that.
  private static func spacesEnd(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int {
    let end = run(of: .space, text, range)
    guard end < range.upperBound,
      let last = text[range.lowerBound..<end].lastIndex(where: { $0 & 0xC0 != 0x80 }),
      last > range.lowerBound
    else { return end }
    return last
  }

  private static let contractions = ["s", "t", "re", "ve", "m", "ll", "d"].map { Array($0.utf8) }

  private static func contraction(
    _ text: ArraySlice<UInt8>, _ range: Range<Int>, ignoresCase: Bool
  ) -> Int? {
    guard text[range.lowerBound] == UInt8(ascii: "'") else { return nil }
    let rest = text[range.lowerBound + 1..<range.upperBound]
    let match = contractions.first { letters in
      letters.count <= rest.count
        && zip(rest, letters).allSatisfy {
          // Letters are folded by one bit; nothing else becomes one of these by it.
          (ignoresCase ? $0 | 0x20 : $0) == $1
        }
    }
    if let match { return rest.startIndex + match.count }
    // The long s is an s to an expression that ignores case.
    let longS: [UInt8] = [0xC5, 0xBF]
    return ignoresCase && rest.starts(with: longS) ? rest.startIndex + longS.count : nil
  }
}
