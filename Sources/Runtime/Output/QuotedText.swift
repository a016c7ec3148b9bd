/// The text in double quotes, with what cannot be seen escaped as the language writes it.
func quotedText(_ text: String) -> String { "\"" + escapedText(text, quotes: true) + "\"" }

/// Control characters, line separators and invisible marks as `\n`, `\t`, `\u{…}`; a backslash and
/// a quote escaped where `quotes`.
func escapedText(_ text: String, quotes: Bool = false) -> String {
  var result = ""
  result.unicodeScalars.reserveCapacity(text.utf8.count)
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case "\\" where quotes: result += "\\\\"
    case "\"" where quotes: result += "\\\""
    case _ where isInvisible(scalar):
      result += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

/// Whether a terminal would act on it, or show nothing: controls, separators, direction marks,
/// private use. The joiner and the selectors of emoji are spared.
func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
  if scalar.isASCII { return scalar.value < 0x20 || scalar.value == 0x7F }
  switch scalar.properties.generalCategory {
  case .control, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
    return true
  case .format: return scalar.value != 0x200D
  default: return false
  }
}
