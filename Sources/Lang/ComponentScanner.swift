/// Reads component literals: the lexer asks where they end, the parser what they say.
struct ComponentScanner {
  enum Result {
    /// An ordinary word.
    case none
    case component(end: Int, ComponentLiteral)
    /// What was surely meant as a component.
    case malformed(end: Int, Problem)
  }

  struct Problem: Error {
    var message: String
    var help: String?
  }

  private let bytes: [UInt8]
  private let start: Int
  private var position: Int

  /// What a word that begins at `start` is.
  static func scan(_ bytes: [UInt8], at start: Int) -> Result {
    var scanner = ComponentScanner(bytes: bytes, start: start, position: start)
    return bytes[start] == UInt8(ascii: "L") ? scanner.component() : scanner.hookName()
  }

  // MARK: L9H8.z

  private mutating func component() -> Result {
    position += 1
    guard beginsIndices else { return .none }
    let isStar = byte == UInt8(ascii: "*")
    do throws(Problem) {
      let layers = try indices(of: "layer", repeatedPrefix: UInt8(ascii: "L"))
      let part = try part()
      if part == .whole, isStar, continuesOperand { return .none }
      if isInWord {
        // `L2_norm` and `L9foo` are names.
        if part == .whole, bytes[start..<position].dropFirst().allSatisfy(\.isDigit),
          !looksLikePart
        {
          return .none
        }
        throw problemOfPart()
      }
      let path = path(from: [])
      return .component(
        end: position,
        ComponentLiteral(layers: layers, part: part, path: path, text: text(from: start)))
    } catch {
      skipRestOfSet()
      position = Lexer.wordEnd(in: bytes, from: position)
      return .malformed(end: position, error)
    }
  }

  private mutating func part() throws(Problem) -> ComponentLiteral.Part {
    let before = position
    let isKeyValue = byte == UInt8(ascii: "K") && byte(at: position + 1) == UInt8(ascii: "V")
    let letter = byte
    guard isKeyValue || letter.map({ "HNF".utf8.contains($0) }) == true else {
      return .whole
    }
    position += isKeyValue ? 2 : 1
    guard beginsIndices else {
      position = before
      return .whole
    }
    if isKeyValue { return .keyValueHeads(try indices(of: "key/value head")) }
    switch letter {
    case UInt8(ascii: "H"): return .heads(try indices(of: "head"))
    case UInt8(ascii: "N"): return .neurons(try indices(of: "neuron"))
    default: return .features(try indices(of: "feature"))
    }
  }

  /// `*`, `9`, `5..12` or `{1,3,5..7}`.
  private mutating func indices(
    of noun: String, repeatedPrefix: UInt8? = nil
  ) throws(Problem) -> Indices {
    switch byte {
    case UInt8(ascii: "*"):
      position += 1
      return .all
    case UInt8(ascii: "{"):
      return .some(try set(of: noun))
    default:
      return .some([try range(of: noun, repeatedPrefix: repeatedPrefix)])
    }
  }

  private mutating func set(of noun: String) throws(Problem) -> [ClosedRange<Int>] {
    position += 1
    var ranges: [ClosedRange<Int>] = []
    while true {
      skipSpaces()
      guard byte?.isDigit == true else {
        throw Problem(
          message: "a \(noun)'s number is missing in `\(text(from: start))`",
          help: "write a set as \(noun == "layer" ? "L" : "L9H"){1,3,5..7}")
      }
      ranges.append(try range(of: noun, repeatedPrefix: nil))
      skipSpaces()
      if byte == UInt8(ascii: ",") {
        position += 1
      } else if byte == UInt8(ascii: "}") {
        position += 1
        return ranges
      } else {
        throw Problem(
          message: "the set in `\(text(from: start))` is not closed",
          help: "put a `}` after its last number")
      }
    }
  }

  /// After an error in a set: past its `}`, if only what could be in a set comes before that.
  private mutating func skipRestOfSet() {
    let braces = bytes[start..<position].filter { "{}".utf8.contains($0) }
    guard braces.last == UInt8(ascii: "{") else { return }
    var end = position
    while let next = byte(at: end), next.isWord || ", .*-".utf8.contains(next) { end += 1 }
    if byte(at: end) == UInt8(ascii: "}") { position = end + 1 }
  }

  private mutating func range(
    of noun: String, repeatedPrefix: UInt8?
  ) throws(Problem) -> ClosedRange<Int> {
    let lower = try number(of: noun)
    guard byte == UInt8(ascii: "."), byte(at: position + 1) == UInt8(ascii: ".") else {
      return lower...lower
    }
    var next = position + 2
    if let repeatedPrefix, byte(at: next) == repeatedPrefix { next += 1 }
    guard byte(at: next)?.isDigit == true else { return lower...lower }
    position = next
    let upper = try number(of: noun)
    guard lower <= upper else {
      throw Problem(
        message: "the range of \(noun)s \(lower)..\(upper) runs backwards",
        help: "write \(upper)..\(lower)")
    }
    return lower...upper
  }

  private mutating func number(of noun: String) throws(Problem) -> Int {
    var value = 0
    var isTooLarge = false
    while let digit = byte, digit.isDigit {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
      isTooLarge = isTooLarge || overflow || carry
      value = isTooLarge ? 0 : sum
      position += 1
    }
    if isTooLarge {
      throw Problem(message: "the number of a \(noun) is too large", help: nil)
    }
    return value
  }

  /// What follows a layer in the same word: is it a head, a neuron, a key/value head gone wrong?
  private var looksLikePart: Bool {
    guard let letter = byte, "HNKFhnkf".utf8.contains(letter) else { return false }
    let end = Lexer.wordEnd(in: bytes, from: position)
    var digits = position + 1
    if byte(at: digits).map({ $0 | 0x20 }) == UInt8(ascii: "v") { digits += 1 }
    return digits >= end || bytes[digits].isDigit
  }

  private mutating func problemOfPart() -> Problem {
    let layers = text(from: start)
    let rest = position
    position = Lexer.wordEnd(in: bytes, from: position)
    let digits = bytes[rest..<position].drop { !$0.isDigit }
    let number = String(decoding: digits.prefix { $0.isDigit }, as: UTF8.self)
    let letter = bytes[rest] & 0xDF
    let part =
      letter == UInt8(ascii: "K") ? "KV" : "NF".utf8.contains(letter) ? letterText(letter) : "H"
    let isWhole = !layers.dropFirst().contains { $0.isLetter }
    let isFixable = isWhole && looksLikePart(letter)
    return Problem(
      message: "`\(text(from: start))` is not a component",
      help: isFixable
        ? "write \(layers)\(part)\(number.isEmpty ? "0" : number)"
        : "after the layer come H and a head, KV and a key/value head, N and a neuron, or F and a "
          + "feature: L9H8, L9KV2, L9N123, L9F5; then, after a dot, a site: L9H8.z")
  }

  private func looksLikePart(_ letter: UInt8) -> Bool {
    "HNKF".utf8.contains(letter)
  }

  private func letterText(_ letter: UInt8) -> String {
    String(decoding: [letter], as: UTF8.self)
  }

  // MARK: blocks.9.attn.hook_z

  private mutating func hookName() -> Result {
    position = Lexer.wordEnd(in: bytes, from: start)
    let isBlock =
      bytes[start..<position].elementsEqual("blocks".utf8) && byte == UInt8(ascii: ".")
      && byte(at: position + 1)?.isDigit == true
    let holdsHook =
      beginsHook(at: start) || (byte == UInt8(ascii: ".") && beginsHook(at: position + 1))
    guard isBlock || holdsHook else { return .none }
    let path = path(from: [text(from: start)])
    return .component(
      end: position,
      ComponentLiteral(layers: nil, part: .whole, path: path, text: text(from: start)))
  }

  private func beginsHook(at offset: Int) -> Bool {
    let prefix = "hook_".utf8
    return offset + prefix.count < bytes.count && bytes[offset...].starts(with: prefix)
      && bytes[offset + prefix.count].isWord
  }

  // MARK: Common

  /// The names after dots; in a hook's name, numbers too.
  private mutating func path(from first: [String]) -> [String] {
    var path = first
    while byte == UInt8(ascii: "."), let next = byte(at: position + 1),
      first.isEmpty ? next.isWordStart : next.isWord
    {
      let end = Lexer.wordEnd(in: bytes, from: position + 1)
      path.append(String(decoding: bytes[position + 1..<end], as: UTF8.self))
      position = end
    }
    return path
  }

  private var byte: UInt8? { byte(at: position) }

  private func byte(at offset: Int) -> UInt8? {
    offset < bytes.count ? bytes[offset] : nil
  }

  private var beginsIndices: Bool {
    guard let byte else { return false }
    return byte.isDigit || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "{")
  }

  private var isInWord: Bool {
    guard let byte else { return false }
    return byte.isWord
      || byte >= 0x80
        && decodeScalar(in: bytes, at: position)?.0.properties.isXIDContinue == true
  }

  private var continuesOperand: Bool {
    isInWord || byte == UInt8(ascii: "(") || byte == UInt8(ascii: "\"")
  }

  private mutating func skipSpaces() {
    while byte?.isSpaceOrTab == true { position += 1 }
  }

  private func text(from start: Int) -> String {
    String(decoding: bytes[start..<position], as: UTF8.self)
  }
}
