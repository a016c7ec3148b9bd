/// A number as the decimal digits that reproduce it, to be rounded for people without going through
/// binary arithmetic again: ±0.d₁d₂d₃… × 10^point.
struct DecimalText {
  var isNegative: Bool
  /// Without leading or trailing zeros; empty for zero.
  var digits: [UInt8]
  var point: Int

  init(_ value: Double) { self.init(description: value.description) }
  init(_ value: Float) { self.init(description: value.description) }

  /// `description` is that of a finite Float or Double: `-12.5`, `1e-05`, `5.0`.
  private init(description: String) {
    isNegative = false
    digits = []
    point = 0
    var exponent = 0
    var exponentIsNegative = false
    var seenPoint = false
    var inExponent = false
    for byte in description.utf8 {
      switch byte {
      case UInt8(ascii: "-"):
        if inExponent { exponentIsNegative = true } else { isNegative = true }
      case UInt8(ascii: "."): seenPoint = true
      case UInt8(ascii: "e"): inExponent = true
      case 0x30...0x39 where inExponent: exponent = exponent * 10 + Int(byte - 0x30)
      case 0x30...0x39:
        if !seenPoint { point += 1 }
        digits.append(byte - 0x30)
      default: break
      }
    }
    point += exponentIsNegative ? -exponent : exponent
    let zeros = digits.prefix { $0 == 0 }.count
    digits.removeFirst(zeros)
    point -= zeros
    trim()
  }

  var isZero: Bool { digits.isEmpty }

  /// How many decimals it needs to be written in full.
  var neededDecimals: Int { max(0, digits.count - point) }

  /// The exponent of its first digit: 0 for 1 to 9.99, -1 for 0.1 to 0.99.
  var exponent: Int { point - 1 }

  /// With this many digits after the point.
  func fixed(decimals: Int) -> String {
    let rounded = rounded(keeping: point + decimals)
    var text = rounded.isNegative ? "-" : ""
    let whole = rounded.point > 0 ? rounded.digits(0..<rounded.point) : "0"
    text += whole
    if decimals > 0 {
      text += "." + rounded.digits(rounded.point..<rounded.point + decimals)
    }
    return text
  }

  /// `1.23e-9`, with this many digits after the point.
  func scientific(decimals: Int) -> String {
    guard !isZero else { return decimals > 0 ? fixed(decimals: decimals) : "0" }
    let rounded = rounded(keeping: 1 + decimals)
    var text = (rounded.isNegative ? "-" : "") + rounded.digits(0..<1)
    if decimals > 0 { text += "." + rounded.digits(1..<1 + decimals) }
    return text + "e\(rounded.exponent)"
  }

  /// Rounded to its first `count` digits, halves away from zero.
  private func rounded(keeping count: Int) -> DecimalText {
    guard count < digits.count else { return self }
    var result = self
    guard count >= 0 else {
      result.digits = []
      return result
    }
    let carries = digits[count] >= 5
    result.digits.removeLast(digits.count - count)
    if carries {
      var place = count - 1
      while place >= 0, result.digits[place] == 9 {
        result.digits[place] = 0
        place -= 1
      }
      if place >= 0 {
        result.digits[place] += 1
      } else {
        result.digits.insert(1, at: 0)
        result.point += 1
      }
    }
    result.trim()
    return result
  }

  private mutating func trim() {
    while digits.last == 0 { digits.removeLast() }
  }

  /// The digits at these places, zeros where there are none on either side.
  private func digits(_ places: Range<Int>) -> String {
    String(
      decoding: places.map { digits.indices.contains($0) ? digits[$0] + 0x30 : 0x30 },
      as: UTF8.self)
  }
}
