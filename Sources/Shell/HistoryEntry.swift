/// One thing that was typed at the prompt, of one line or several.
struct HistoryEntry: Sendable, Equatable {
  /// Seconds since 1970.
  var time: Int
  var text: String
}

extension HistoryEntry {
  /// The entry as one line of the history file, without the newline: the time, a space, the text
  /// with `\` `\n` `\r` for a backslash and the line's ends.
  var fileLine: String {
    var line = "\(time) "
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": line += "\\\\"
      case "\n": line += "\\n"
      case "\r": line += "\\r"
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  /// Nil where the line is damaged: half a line, not UTF-8, an unknown escape.
  init?(fileLine bytes: some Collection<UInt8>) {
    guard let line = String(validating: bytes, as: UTF8.self),
      let space = line.firstIndex(of: " "), let time = Int(line[..<space])
    else { return nil }
    var text = ""
    var scalars = line[line.index(after: space)...].unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      guard scalar == "\\" else {
        text.unicodeScalars.append(scalar)
        continue
      }
      switch scalars.next() {
      case "\\": text += "\\"
      case "n": text += "\n"
      case "r": text += "\r"
      default: return nil
      }
    }
    // A C string ends at NUL, and so would the line when it is recalled.
    guard !text.isEmpty, !text.unicodeScalars.contains("\0") else { return nil }
    self.init(time: time, text: text)
  }
}
