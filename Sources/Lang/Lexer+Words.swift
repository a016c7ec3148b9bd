// Numbers, and the words that are neither quoted nor expressions: file names.

extension Lexer {
  // MARK: Numbers

  /// `3` `0.5` `1e-3` `10%` `2GB` `30s`
  mutating func lexNumber() {
    var end = digitsEnd(from: position)
    var kind = Token.Kind.integer
    if byte(end) == UInt8(ascii: "."), byte(end + 1)?.isDigit == true {
      end = digitsEnd(from: end + 1)
      kind = .number
    }
    if let exponent = exponentEnd(from: end) {
      end = exponent
      kind = .number
    }
    let suffixEnd = wordEnd(from: end)
    if suffixEnd > end {
      let suffix = String(decoding: bytes[end..<suffixEnd], as: UTF8.self)
      return emit(NumberSuffix(suffix) == nil ? .invalid(.number) : .number, to: suffixEnd)
    }
    if byte(end) == UInt8(ascii: "%"), !beginsOperand(at: end + 1) {
      return emit(.number, to: end + 1)
    }
    emit(kind, to: end)
  }

  private func digitsEnd(from start: Int) -> Int {
    var end = start
    while byte(end)?.isDigit == true { end += 1 }
    return end
  }

  private func exponentEnd(from start: Int) -> Int? {
    guard let letter = byte(start), letter | 0x20 == UInt8(ascii: "e") else { return nil }
    let sign = byte(start + 1)
    let digits = sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") ? start + 2 : start + 1
    return byte(digits)?.isDigit == true ? digitsEnd(from: digits) : nil
  }

  /// Whether `10%x` divides: else the `%` is per cent.
  private func beginsOperand(at offset: Int) -> Bool {
    guard let next = byte(offset) else { return false }
    return next.isWord || next >= 0x80 || next == UInt8(ascii: "(") || next == UInt8(ascii: "\"")
      || next == UInt8(ascii: "'")
  }

  // MARK: File names

  /// The end of a path that begins here with `/`, `./`, `../` or `~/`.
  func pathEnd() -> Int? {
    if let end = parentOrHomeEnd() { return end }
    guard isAtWordStart, let root = rootLength() else { return nil }
    var end = position + root
    while let next = byte(end), !endsPath(next) { end += 1 }
    // `/2` and a lone `/` are divisions, well or badly spaced.
    let isDivision = root == 1 && (end == position + 1 || bytes[position + 1].isDigit)
    return isDivision ? nil : end
  }

  /// The end of what no expression is: the `..` of `cd ..`, the `.` of `cd .`, the `~` of `cd ~`.
  private func parentOrHomeEnd() -> Int? {
    guard tokens.count >= 2, tokens[tokens.count - 1].kind == .whitespace,
      tokens[tokens.count - 2].kind == .identifier,
      bytes[tokens[tokens.count - 2].span.start..<tokens[tokens.count - 2].span.end]
        .elementsEqual("cd".utf8)
    else { return nil }
    for folder in ["..", ".", "~"] where bytes[position...].starts(with: folder.utf8) {
      let end = position + folder.utf8.count
      if byte(end).map(endsPath) ?? true { return end }
    }
    return nil
  }

  private func rootLength() -> Int? {
    let slash = UInt8(ascii: "/")
    switch bytes[position] {
    case slash: return byte(position + 1) == slash ? nil : 1
    case UInt8(ascii: "~"): return byte(position + 1) == slash ? 2 : nil
    case UInt8(ascii: "."):
      if byte(position + 1) == slash { return 2 }
      return byte(position + 1) == bytes[position] && byte(position + 2) == slash ? 3 : nil
    default: return nil
    }
  }

  private func endsPath(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "|"), UInt8(ascii: ";"), UInt8(ascii: ")"), UInt8(ascii: "]"),
      UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: "\""), UInt8(ascii: "'"), 0x7F:
      true
    default: byte <= UInt8(ascii: " ")
    }
  }

  /// The end of an unquoted file name that no expression could be: `Qwen2.5-0.5B.gguf`,
  /// `smollm2-135m.gguf`, `models/`. Nil for what can be read as an expression (`org/name`,
  /// `lib.summand`) and where a stage begins.
  func bareFileNameEnd() -> Int? {
    guard isAtWordStart, !isAtStageStart else { return nil }
    var end = position
    while let next = byte(end), next.isWord || next >= 0x80 || isJoint(next) { end += 1 }
    let word = bytes[position..<end]
    guard !word.contains(adjacentPair: UInt8(ascii: ".")), word.contains(where: isJoint) else {
      return nil
    }
    if word.last == UInt8(ascii: "/") { return isFollowedBySpace(end) ? end : nil }
    guard let last = word.last, !isJoint(last) else { return nil }
    return hasPartThatIsNoOperand(word) ? end : nil
  }

  private func isJoint(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "/")
  }

  private func isFollowedBySpace(_ end: Int) -> Bool {
    byte(end).map { $0.isSpaceOrTab || $0.isLineEnd } ?? true
  }

  /// Looks for what follows a joint and can be neither a name nor a number: `135m` in `a-135m`,
  /// the `5` of `Qwen2.5`.
  private func hasPartThatIsNoOperand(_ word: ArraySlice<UInt8>) -> Bool {
    var start = word.startIndex
    var isAfterNumber = false
    var isAfterDot = false
    while start < word.endIndex {
      let end = word[start...].firstIndex(where: isJoint) ?? word.endIndex
      let isNumber = bytes[start].isDigit
      if isNumber {
        let letters = word[digitsEnd(from: start)..<end]
        let suffix = String(decoding: letters, as: UTF8.self)
        let isExponent = exponentEnd(from: end - letters.count) != nil
        if !letters.isEmpty, !isExponent, NumberSuffix(suffix) == nil { return true }
        if isAfterDot, !isAfterNumber { return true }
      }
      isAfterDot = end < word.endIndex && word[end] == UInt8(ascii: ".")
      isAfterNumber = isNumber
      start = end + 1
    }
    return false
  }
}

extension ArraySlice<UInt8> {
  fileprivate func contains(adjacentPair byte: UInt8) -> Bool {
    zip(self, dropFirst()).contains { $0 == byte && $1 == byte }
  }
}

/// The letters after a number's digits, and what they multiply it by.
struct NumberSuffix {
  let unit: Unit
  let scale: Scale

  enum Scale {
    /// The scaled number is the decimal number moved by `exponent` digits: rounded once.
    case decimal(exponent: Int)
    case factor(Double)
  }

  init?(_ text: String) {
    guard let scale = Self.scales[text] else { return nil }
    self.scale = scale
    unit =
      text == "%" ? .percent : text.hasSuffix("B") ? .bytes(suffix: text) : .seconds(suffix: text)
  }

  /// As a person may write them, for help and completion.
  static let all = ["KB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "ms", "s", "min", "h"]

  private static let scales: [String: Scale] = [
    "%": .decimal(exponent: -2),
    "B": .decimal(exponent: 0), "KB": .decimal(exponent: 3), "MB": .decimal(exponent: 6),
    "GB": .decimal(exponent: 9), "TB": .decimal(exponent: 12),
    "KiB": .factor(1024), "MiB": .factor(1_048_576), "GiB": .factor(1_073_741_824),
    "TiB": .factor(1_099_511_627_776),
    "ms": .decimal(exponent: -3), "s": .decimal(exponent: 0), "min": .factor(60),
    "h": .factor(3600),
  ]
}
