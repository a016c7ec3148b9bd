import Model

/// The numbers of one column as people read them: about six digits of the largest, all with the same
/// decimals, points under each other. What would lose its digits that way is written `1.23e-9`.
struct PeopleNumbers {
  private let decimals: Int
  private let allScientific: Bool

  private static let significant = 6

  /// Fit for showing `values`.
  init(_ values: [DecimalText], significant: Int = PeopleNumbers.significant) {
    let largest = values.lazy.filter { !$0.isZero }.map(\.exponent).max() ?? 0
    allScientific = largest < -4 || largest >= 15
    let needed = values.lazy.map(\.neededDecimals).max() ?? 0
    let wanted = allScientific ? significant - 1 : significant - 1 - largest
    decimals = max(1, allScientific ? wanted : min(wanted, needed))
  }

  func text(_ value: DecimalText) -> String {
    if value.isZero { return value.fixed(decimals: decimals) }
    if allScientific { return value.scientific(decimals: decimals) }
    // Fewer than two digits would be left of it.
    guard value.exponent < 1 - decimals, value.neededDecimals > decimals else {
      return value.fixed(decimals: decimals)
    }
    let exponentWidth = String(value.exponent).count + 1
    return value.scientific(decimals: max(1, decimals - exponentWidth))
  }
}

/// How a column of numbers reads in a table: nil where it is missing.
func peopleTexts(_ values: Values, rows: Range<Int>, significant: Int = 6) throws -> [String?] {
  switch values {
  case .integers(let values):
    return try rows.mapChecked { values[$0].map(String.init) }
  case .texts(let values):
    return try rows.mapChecked { values[$0] }
  case .booleans(let values):
    return try rows.mapChecked { values[$0].map { $0 ? "true" : "false" } }
  case .singles(let values):
    let parts = try rows.mapChecked { NumberPart(values[$0]) }
    return try aligned(parts, significant: significant)
  case .doubles(let values):
    let parts = try rows.mapChecked { NumberPart(values[$0]) }
    return try aligned(parts, significant: significant)
  }
}

private enum NumberPart {
  case missing
  case infinite(String)
  case finite(DecimalText)

  init(_ value: Float) {
    self =
      value.isNaN
      ? .missing
      : value.isFinite ? .finite(DecimalText(value)) : .infinite(value.description)
  }

  init(_ value: Double) {
    self =
      value.isNaN
      ? .missing
      : value.isFinite ? .finite(DecimalText(value)) : .infinite(value.description)
  }
}

/// Points under each other: filled up with spaces on the right.
private func aligned(_ parts: [NumberPart], significant: Int) throws -> [String?] {
  let numbers = PeopleNumbers(
    try parts.compactMapChecked { if case .finite(let number) = $0 { number } else { nil } },
    significant: significant)
  let texts: [String?] = try parts.mapChecked { part in
    switch part {
    case .missing: nil
    case .infinite(let text): text
    case .finite(let number): numbers.text(number)
    }
  }
  // An infinity stands at the right, whatever the decimals of the others.
  let tails: [Int?] = try zip(parts, texts).mapChecked { part, text in
    guard case .finite = part, let text else { return nil }
    return text.firstIndex(of: ".").map { text[$0...].count } ?? 0
  }
  let longest = tails.lazy.compactMap(\.self).max() ?? 0
  return try zip(texts, tails).mapChecked { text, tail in
    text.map { $0 + String(repeating: " ", count: tail.map { longest - $0 } ?? 0) }
  }
}
