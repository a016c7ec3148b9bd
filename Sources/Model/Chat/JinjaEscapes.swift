/// The escapes of a text in a template: those of Python, read as jinja2 does, which first writes every
/// character beyond ASCII as an escape of its own.
enum JinjaEscapes {
  static func unescaped(_ text: JinjaText) throws -> JinjaText {
    guard text.contains("\\") else { return text }
    let source =
      text.allSatisfy(\.isASCII) ? text : text.flatMap { $0.isASCII ? [$0] : $0.pythonEscape }
    var (result, index): (JinjaText, Int) = ([], 0)
    while index < source.count {
      guard source[index] == "\\", index + 1 < source.count else {
        result.append(source[index])
        index += 1
        continue
      }
      let (scalars, length) = try escape(source, after: index + 1)
      result += scalars
      index += 1 + length
    }
    return result
  }

  /// What an escape stands for, and how long it is behind its backslash.
  private static func escape(_ source: JinjaText, after index: Int) throws -> (JinjaText, Int) {
    let simple: [Unicode.Scalar: Unicode.Scalar] = [
      "\\": "\\", "'": "'", "\"": "\"", "a": "\u{7}", "b": "\u{8}", "f": "\u{C}", "n": "\n",
      "r": "\r", "t": "\t", "v": "\u{B}",
    ]
    let letter = source[index]
    if let scalar = simple[letter] { return ([scalar], 1) }
    switch letter {
    case "\n": return ([], 1)
    case "x": return ([try number(source, index + 1, count: 2)], 3)
    case "u": return ([try number(source, index + 1, count: 4)], 5)
    case "U": return ([try number(source, index + 1, count: 8)], 9)
    case "N": throw JinjaError("the escape \\N is not supported")
    case "0"..."7":
      let digits = source[index...].prefix(3).prefix { ("0"..."7").contains($0) }
      let value = digits.reduce(UInt32(0)) { $0 * 8 + $1.value - 48 }
      return ([Unicode.Scalar(value) ?? "\u{FFFD}"], digits.count)
    default: return (["\\", letter], 1)
    }
  }

  private static func number(_ source: JinjaText, _ start: Int, count: Int) throws
    -> Unicode.Scalar
  {
    let digits = source.dropFirst(start).prefix(count)
    guard digits.count == count, digits.allSatisfy({ Character($0).isHexDigit }),
      let value = UInt32(String(digits), radix: 16), let scalar = Unicode.Scalar(value)
    else { throw JinjaError("an escape in a text is not that of a character") }
    return scalar
  }
}

extension Unicode.Scalar {
  /// As Python escapes it: `\xe9`, `\u20ac`, `\U0001f600`.
  var pythonEscape: JinjaText {
    let (mark, width) = value < 0x100 ? ("x", 2) : value < 0x10000 ? ("u", 4) : ("U", 8)
    let digits = String(value, radix: 16)
    return JinjaText("\\\(mark)" + String(repeating: "0", count: width - digits.count) + digits)
  }
}
