/// The regular expressions with which the families cut text into words, each as the code that
/// matches what it does: an expression that is not one of these is refused.
enum WordPattern: Sendable, Equatable, CaseIterable {
  case gpt2
  case llama3
  case qwen2
  /// Mistral's since Nemo.
  case tekken
  /// Of GPT-4o, and of Phi-4 mini.
  case gpt4o

  /// As GGUF files name the family (`tokenizer.ggml.pre`).
  var name: String {
    switch self {
    case .gpt2: "gpt-2"
    case .llama3: "llama-bpe"
    case .qwen2: "qwen2"
    case .tekken: "tekken"
    case .gpt4o: "gpt-4o"
    }
  }

  /// As the files of the family write it.
  var expression: String {
    switch self {
    case .gpt2: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    case .llama3: Self.modern(digits: #"\p{N}{1,3}"#)
    case .qwen2: Self.modern(digits: #"\p{N}"#)
    case .tekken: Self.cased(ending: "", digits: #"\p{N}"#)
    case .gpt4o: Self.cased(ending: "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", digits: #"\p{N}{1,3}"#)
    }
  }

  private static func modern(digits: String) -> String {
    #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
      + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  private static func cased(ending: String, digits: String) -> String {
    let (upper, lower) = (#"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#, #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#)
    let before = #"[^\r\n\p{L}\p{N}]?"#
    return "\(before)\(upper)*\(lower)+\(ending)|\(before)\(upper)+\(lower)*\(ending)|\(digits)"
      + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
  }

  /// Where the match ends that begins with `range`, which is not empty. Every text is covered by
  /// matches.
  func end(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int {
    switch self {
    case .gpt2: Self.gpt2End(text, range)
    case .llama3: Self.modernEnd(text, range, digits: 3)
    case .qwen2: Self.modernEnd(text, range, digits: 1)
    case .tekken: Self.casedEnd(text, range, digits: 1, contracts: false)
    case .gpt4o: Self.casedEnd(text, range, digits: 3, contracts: true)
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
    let start = startAfterOne(text, range) ?? range.lowerBound
    if ScalarKind.at(start, in: text).kind == .letter {
      return run(of: .letter, text, start..<range.upperBound)
    }
    return restEnd(text, range, digits: digits) { isLineEnd($0) }
  }

  private static func casedEnd(
    _ text: ArraySlice<UInt8>, _ range: Range<Int>, digits: Int, contracts: Bool
  ) -> Int {
    guard let end = LetterCase.wordEnd(text, range, after: startAfterOne(text, range)) else {
      return restEnd(text, range, digits: digits) { isLineEnd($0) || $0 == UInt8(ascii: "/") }
    }
    guard contracts, end < range.upperBound else { return end }
    return contraction(text, end..<range.upperBound, ignoresCase: true) ?? end
  }

  /// Where the letters after one character begin, if there are some: one that is neither a digit, a
  /// letter nor a line's end belongs to them.
  private static func startAfterOne(_ text: ArraySlice<UInt8>, _ range: Range<Int>) -> Int? {
    let start = range.lowerBound
    let (kind, length) = ScalarKind.at(start, in: text)
    let belongs = (kind == .space || kind == .other) && !isLineEnd(text[start])
    return belongs && start + length < range.upperBound ? start + length : nil
  }

  /// What is alike in all but the oldest: digits, marks, white space.
  ///
  /// - Parameter belongs: whether a byte after marks belongs to them.
  private static func restEnd(
    _ text: ArraySlice<UInt8>, _ range: Range<Int>, digits: Int,
    belongsToMarks belongs: (UInt8) -> Bool
  ) -> Int {
    let start = range.lowerBound
    let (kind, length) = ScalarKind.at(start, in: text)
    if kind == .number { return run(of: .number, text, range, atMost: digits) }
    let next = start + length
    let isBeforeMark =
      text[start] == UInt8(ascii: " ") && next < range.upperBound
      && ScalarKind.at(next, in: text).kind == .other
    if kind == .other || isBeforeMark {
      var end = run(of: .other, text, (isBeforeMark ? next : start)..<range.upperBound)
      while end < range.upperBound, belongs(text[end]) { end += 1 }
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
