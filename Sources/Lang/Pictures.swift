/// The text as it may be shown on a terminal or a page: what would command the one, or turn the
/// order of the other around, is seen instead.
///
/// Texts of models, files and other programs pass through here wherever they meet a person.
///
/// - Parameter keepsLines: whether line ends and tabs stay.
public func withPictures(_ text: String, keepsLines: Bool = true) -> String {
  guard text.unicodeScalars.contains(where: { picture(of: $0) != nil }) else { return text }
  var shown = ""
  for scalar in text.unicodeScalars {
    let stays = keepsLines && (scalar == "\n" || scalar == "\t")
    if !stays, let picture = picture(of: scalar) {
      shown += picture
    } else {
      shown.unicodeScalars.append(scalar)
    }
  }
  return shown
}

/// Line ends and tabs as the language writes them in a text: `\n`, `\r`, `\t`.
func onOneLine(_ text: String) -> String {
  let escapes: [Unicode.Scalar: String] = ["\n": "\\n", "\r": "\\r", "\t": "\\t"]
  guard text.unicodeScalars.contains(where: { escapes[$0] != nil }) else { return text }
  return text.unicodeScalars.map { escapes[$0] ?? String($0) }.joined()
}

/// What is shown in place of a character that acts: `␛` of ESC, `\u{9B}` of a control of C1,
/// `\u{202E}` of a mark that changes the direction of writing, `\u{2028}` of a line separator. Nil
/// of any other.
public func picture(of scalar: Unicode.Scalar) -> String? {
  switch scalar.value {
  case 0..<0x20: return Unicode.Scalar(0x2400 + scalar.value).map { String(Character($0)) }
  case 0x20..<0x7F: return nil
  case 0x7F: return "␡"
  case 0x80...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x206F:
    return "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
  default: return nil
  }
}
