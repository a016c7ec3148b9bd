import Model

/// The values of a column of text in the narrowest type that holds them all: integers, floats,
/// booleans (`true`, `false`, or Python's `True`, `False`), else texts. What would not print again
/// as it was stays text: ` 5`, `007`, `1_000`, integers beyond 64 bits. Next to finite numbers `inf`
/// and `nan` are numbers too; where `areWordsNumbers`, without any as well.
func inferred(_ fields: [String?], areWordsNumbers: Bool = false) throws -> Values {
  try integers(fields) ?? doubles(fields, areWordsNumbers) ?? booleans(fields) ?? .texts(fields)
}

private func integers(_ fields: [String?]) throws -> Values? {
  var isAny = false
  var values: [Int?] = []
  values.reserveCapacity(fields.count)
  for (row, field) in fields.enumerated() {
    if row.isMultiple(of: Interruption.stride) { try Interruption.check() }
    guard let field, !field.isEmpty else {
      values.append(nil)
      continue
    }
    guard field.utf8.count <= 20, let value = Int(field), hasNoPadding(field) else { return nil }
    values.append(value)
    isAny = true
  }
  return isAny ? .integers(values) : nil
}

private func doubles(_ fields: [String?], _ areWordsNumbers: Bool) throws -> Values? {
  var isAny = false
  var values: [Double] = []
  values.reserveCapacity(fields.count)
  for (row, field) in fields.enumerated() {
    if row.isMultiple(of: Interruption.stride) { try Interruption.check() }
    guard let field, !field.isEmpty else {
      values.append(.nan)
      continue
    }
    if let value = finiteNumber(field) {
      isAny = true
      values.append(value)
    } else if let value = namedNumber(field) {
      isAny = isAny || areWordsNumbers
      values.append(value)
    } else {
      return nil
    }
  }
  return isAny ? .doubles(values) : nil
}

private func booleans(_ fields: [String?]) throws -> Values? {
  var isAny = false
  var values: [Bool?] = []
  for (row, field) in fields.enumerated() {
    if row.isMultiple(of: Interruption.stride) { try Interruption.check() }
    switch field {
    case nil, "": values.append(nil)
    case "true", "True":
      values.append(true)
      isAny = true
    case "false", "False":
      values.append(false)
      isAny = true
    default: return nil
    }
  }
  return isAny ? .booleans(values) : nil
}

/// Infinities and NaN as Swift, C and JavaScript print them.
func namedNumber(_ text: String) -> Double? {
  switch text {
  case "inf", "Infinity": .infinity
  case "-inf", "-Infinity": -.infinity
  case "nan", "NaN": .nan
  default: nil
  }
}

/// Decimal digits with at most a sign, a point and an exponent; no hexadecimal, no spaces. An
/// integer that no double holds exactly is none, so that its digits are kept.
private func finiteNumber(_ text: String) -> Double? {
  let isPlain = text.utf8.allSatisfy { byte in
    (0x30...0x39).contains(byte) || byte == 0x2D || byte == 0x2E || byte == 0x2B
      || byte == 0x65 || byte == 0x45
  }
  guard isPlain, hasNoPadding(text), let value = Double(text), value.isFinite else { return nil }
  let isWhole = !text.utf8.contains { $0 == 0x2E || $0 == 0x65 || $0 == 0x45 }
  if isWhole, Int(text) == nil || Int(text) != Int(exactly: value) { return nil }
  return value
}

/// No plus sign before it, no zero before another digit, and not the integer -0.
private func hasNoPadding(_ text: String) -> Bool {
  var digits = text.utf8[...]
  let isNegative = digits.first == UInt8(ascii: "-")
  if isNegative { digits = digits.dropFirst() }
  guard let first = digits.first, first != UInt8(ascii: "+") else { return false }
  guard first == UInt8(ascii: "0") else { return true }
  guard let second = digits.dropFirst().first else { return !isNegative }
  return !(0x30...0x39).contains(second)
}
