/// Between the digits that a person writes and the value in the tree.
enum NumberText {
  struct Problem: Error {
    var message: String
    var help: String?
  }

  /// `text` is what the lexer took for a whole number or a number with fraction, exponent or unit.
  static func value(of text: String) -> Result<Expression.Kind, Problem> {
    let (digits, suffix) = split(text)
    guard !suffix.isEmpty else {
      if digits.allSatisfy(\.isNumber) {
        return Int(digits).map { .success(.integer($0)) }
          ?? .failure(
            tooLarge(
              digits,
              help: "whole numbers go from \(Int.min) to \(Int.max); with a point, as in 1e19 or "
                + "1.0, it is a number of 64 bits with about 16 digits"))
      }
      return number(Double(digits), digits, .none)
    }
    guard let known = NumberSuffix(suffix) else {
      return .failure(Problem(message: "`\(suffix)` is not a unit"))
    }
    return number(scaled(digits, by: known.scale), text, known.unit)
  }

  /// The decimal digits times the scale, rounded once where the scale is a power of ten.
  static func scaled(_ digits: String, by scale: NumberSuffix.Scale) -> Double? {
    switch scale {
    case .factor(let factor):
      return Double(digits).map { $0 * factor }
    case .decimal(let exponent):
      let parts = digits.split(whereSeparator: { $0 == "e" || $0 == "E" })
      guard let mantissa = parts.first else { return nil }
      guard parts.count > 1 else { return Double("\(mantissa)e\(exponent)") }
      // An exponent that no Int holds is as good as one that no Double holds.
      guard let own = Int(parts[1]), abs(own) < 100_000 else { return Double(digits) }
      return Double("\(mantissa)e\(own + exponent)")
    }
  }

  private static func number(
    _ value: Double?, _ text: String, _ unit: Unit
  ) -> Result<Expression.Kind, Problem> {
    guard let value, value.isFinite else { return .failure(tooLarge(text)) }
    return .success(.number(value, unit))
  }

  private static func tooLarge(_ text: String, help: String? = nil) -> Problem {
    Problem(message: "\(excerpt(text, limit: 40)) is too large a number", help: help)
  }

  /// Whether these digits are those of `Int.min`.
  static func isMagnitudeOfSmallest(_ digits: String) -> Bool {
    Int(digits) == nil && Int("-" + digits) == .min
  }

  /// The exponent belongs to the digits.
  private static func split(_ text: String) -> (digits: String, suffix: String) {
    var rest = text.utf8.reversed().prefix { !$0.isDigit }.count
    rest = text.utf8.count - rest
    let digits = String(decoding: text.utf8.prefix(rest), as: UTF8.self)
    return (digits, String(text.utf8.dropFirst(rest)) ?? "")
  }

  /// The shortest text that reads as this number again.
  static func text(of value: Double, _ unit: Unit) -> String {
    switch unit {
    case .none: return value.description
    case .percent: return digits(of: value, suffix: "%") + "%"
    case .bytes(let suffix), .seconds(let suffix):
      return digits(of: value, suffix: suffix) + suffix
    }
  }

  private static func digits(of value: Double, suffix: String) -> String {
    guard let scale = NumberSuffix(suffix)?.scale else { return value.description }
    switch scale {
    case .factor(let factor):
      // One of the neighbours of the quotient gives the value back.
      let quotient = value / factor
      let candidates = [quotient, quotient.nextDown, quotient.nextUp]
      return plain((candidates.first { $0 * factor == value } ?? quotient).description)
    case .decimal(let exponent):
      return shifted(value.description, by: -exponent)
    }
  }

  /// A decimal number times a power of ten, by moving the point of its text.
  private static func shifted(_ text: String, by exponent: Int) -> String {
    let parts = text.split(separator: "e")
    let own = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    let mantissa = parts.first.map(String.init) ?? text
    let point = mantissa.split(separator: ".", omittingEmptySubsequences: false)
    var digits = String(point[0])
    var power = own + exponent
    if point.count > 1, point[1] != "0" {
      digits += point[1]
      power -= point[1].count
    }
    return plain(digits: digits, power: power)
  }

  /// Without an exponent where that is short enough, and without `.0`.
  private static func plain(digits: String, power: Int) -> String {
    var digits = String(digits.drop { $0 == "0" })
    var power = power
    while digits.last == "0" {
      digits.removeLast()
      power += 1
    }
    if digits.isEmpty { return "0" }
    if power >= 0, power <= 15 { return digits + String(repeating: "0", count: power) }
    guard power < 0, power >= -20 else { return "\(digits)e\(power)" }
    let whole = digits.count + power
    if whole > 0 { return digits.prefix(whole) + "." + digits.suffix(-power) }
    return "0." + String(repeating: "0", count: -whole) + digits
  }

  private static func plain(_ text: String) -> String {
    text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }
}
