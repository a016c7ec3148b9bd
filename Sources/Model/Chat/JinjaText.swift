/// A text as Python has it: code points, equal only where all of them are. Swift's `String` takes two
/// spellings of a character for equal, and counts characters.
typealias JinjaText = [Unicode.Scalar]

extension String {
  init(_ text: some Sequence<Unicode.Scalar>) {
    self.init(String.UnicodeScalarView(text))
  }
}

// The methods of Python's `str` that need no more than the text.
extension JinjaText {
  init(_ string: String) { self = Array(string.unicodeScalars) }

  func stripped(_ kept: (Unicode.Scalar) -> Bool, left: Bool = true, right: Bool = true)
    -> JinjaText
  {
    var range = 0..<count
    while left, let first = range.first, kept(self[first]) {
      range = first + 1..<range.upperBound
    }
    while right, let last = range.last, kept(self[last]) { range = range.lowerBound..<last }
    return Array(self[range])
  }

  /// The parts between runs of white space. After `limit` splits, the rest is one part.
  func splitAtSpaces(limit: Int) -> [JinjaText] {
    var (parts, index): ([JinjaText], Int) = ([], 0)
    while true {
      while index < count, self[index].isPythonSpace { index += 1 }
      guard index < count else { return parts }
      if parts.count == limit {
        return parts + [self[index...].stripped(\.isPythonSpace, left: false)]
      }
      let start = index
      while index < count, !self[index].isPythonSpace { index += 1 }
      parts.append(Array(self[start..<index]))
    }
  }

  /// `str.splitlines()`
  var lines: [JinjaText] {
    var (lines, start, index): ([JinjaText], Int, Int) = ([], 0, 0)
    while index < count {
      guard self[index].endsPythonLine else {
        index += 1
        continue
      }
      lines.append(Array(self[start..<index]))
      if self[index] == "\r", index + 1 < count, self[index + 1] == "\n" { index += 1 }
      index += 1
      start = index
    }
    if start < count { lines.append(Array(self[start...])) }
    return lines
  }

  var uppercased: JinjaText { flatMap { $0.properties.uppercaseMapping.unicodeScalars } }

  /// A Σ that ends a word becomes ς.
  var lowercased: JinjaText {
    indices.flatMap { index -> JinjaText in
      guard self[index] == "\u{3A3}" else {
        return JinjaText(self[index].properties.lowercaseMapping)
      }
      let before = self[..<index].last { !$0.properties.isCaseIgnorable }
      let after = self[(index + 1)...].first { !$0.properties.isCaseIgnorable }
      let isLast =
        before?.properties.isCased == true && after?.properties.isCased != true
      return [isLast ? "\u{3C2}" : "\u{3C3}"]
    }
  }

  /// `str.title()`: each letter after what is no letter becomes a capital, the others small.
  var titled: JinjaText {
    var isInWord = false
    let small = lowercased
    // Where a small form is longer than its capital, places do not match: each is mapped alone.
    let matches = small.count == count
    return indices.flatMap { index -> JinjaText in
      let properties = self[index].properties
      defer { isInWord = properties.isCased }
      guard isInWord else { return JinjaText(properties.titlecaseMapping) }
      return matches ? [small[index]] : JinjaText(properties.lowercaseMapping)
    }
  }

  var capitalized: JinjaText {
    guard let first else { return [] }
    return JinjaText(first.properties.titlecaseMapping) + Array(Array(self).lowercased.dropFirst())
  }

  /// `repr(str)`
  var representation: JinjaText {
    let quote: Unicode.Scalar = contains("'") && !contains("\"") ? "\"" : "'"
    var text: JinjaText = [quote]
    for scalar in self {
      switch scalar {
      case "\\", quote: text += ["\\", scalar]
      case "\n": text += ["\\", "n"]
      case "\r": text += ["\\", "r"]
      case "\t": text += ["\\", "t"]
      default:
        text += scalar.isPythonPrintable ? [scalar] : scalar.pythonEscape
      }
    }
    return text + [quote]
  }
}

extension ArraySlice<Unicode.Scalar> {
  fileprivate func stripped(_ kept: (Unicode.Scalar) -> Bool, left: Bool) -> JinjaText {
    Array(self).stripped(kept, left: left)
  }
}

extension Unicode.Scalar {
  /// `str.isspace()`, and `\s` of Python's regular expressions.
  var isPythonSpace: Bool {
    switch value {
    case 0x09...0x0D, 0x1C...0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F,
      0x205F, 0x3000:
      true
    default: false
    }
  }

  fileprivate var endsPythonLine: Bool {
    switch value {
    case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029: true
    default: false
    }
  }

  /// Whether `repr` leaves it as it is.
  fileprivate var isPythonPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator:
      false
    case .spaceSeparator: self == " "
    default: true
    }
  }

  var isASCIIDigit: Bool { ("0"..."9").contains(self) }
}

extension Double {
  /// `repr(float)`: the fewest digits that give it back, with an exponent below 1e-4 and from 1e16 on.
  var pythonText: String {
    if isNaN { return "nan" }
    if isInfinite { return self < 0 ? "-inf" : "inf" }
    let parts = "\(magnitude)".split(separator: "e")
    let (mantissa, power) = (parts[0], parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    let pieces = mantissa.split(separator: ".")
    let fraction = pieces.count > 1 && pieces[1] != "0" ? pieces[1] : ""
    var digits = (pieces[0] + fraction).drop { $0 == "0" }
    let leading = pieces[0].count + fraction.count - digits.count
    // The value is 0.DIGITS · 10^exponent.
    let exponent = pieces[0].count - leading + power
    while digits.last == "0" { digits.removeLast() }
    let sign = self.sign == .minus ? "-" : ""
    guard !digits.isEmpty else { return sign + "0.0" }
    if exponent > 16 || exponent < -3 {
      let rest = digits.dropFirst()
      let shown = abs(exponent - 1)
      return sign + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "e"
        + (exponent < 1 ? "-" : "+") + (shown < 10 ? "0" : "") + "\(shown)"
    }
    if exponent <= 0 { return sign + "0." + String(repeating: "0", count: -exponent) + digits }
    if digits.count <= exponent {
      return sign + digits + String(repeating: "0", count: exponent - digits.count) + ".0"
    }
    return sign + digits.prefix(exponent) + "." + digits.dropFirst(exponent)
  }
}
