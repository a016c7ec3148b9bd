/// One thing that was typed at the prompt, of one line or several.
struct HistoryEntry: Sendable, Equatable {
  /// Seconds since 1970; nil where the file does not say.
  var time: Int?
  var text: String
}

extension HistoryEntry {
  /// Digits of a time, with zeros before it: fewer are the beginning of a line that somebody typed.
  private static let timeWidth = 10

  /// The entry as one line of the history file, without the newline: the time, a space, the text
  /// with `\` `\n` `\r` for a backslash and the line's ends.
  var fileLine: String {
    let digits = String(max(0, time ?? 0))
    var line = String(repeating: "0", count: max(0, Self.timeWidth - digits.count)) + digits + " "
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

  /// A line without a time is one that a person or another program wrote: it is taken as it is.
  /// Nil where it cannot be recalled: it is blank, not UTF-8, or has a NUL, which would end it.
  init?(fileLine bytes: some Collection<UInt8>) {
    guard let line = String(validating: bytes, as: UTF8.self) else { return nil }
    let timed = Self.timed(line)
    let text = timed?.text ?? (line.hasSuffix("\r") ? String(line.dropLast()) : line)
    guard text.contains(where: { !$0.isWhitespace }), !text.unicodeScalars.contains("\0") else {
      return nil
    }
    self.init(time: timed?.time, text: text)
  }

  /// Nil where the line is not what `fileLine` makes.
  private static func timed(_ line: String) -> (time: Int, text: String)? {
    let digits = line.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard digits.count >= timeWidth, let time = Int(Substring(digits)),
      line[digits.endIndex...].hasPrefix(" ")
    else { return nil }
    var text = ""
    var scalars = line[digits.endIndex...].unicodeScalars.dropFirst().makeIterator()
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
    return (time, text)
  }
}
