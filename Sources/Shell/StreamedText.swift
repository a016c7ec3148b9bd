import Lang

/// A text of UTF-8 that comes in pieces, each as a terminal may show it. A character that is cut
/// by the end of a piece waits for the rest.
struct StreamedText {
  private var pending: [UInt8] = []

  /// What can be shown now that `bytes` have come.
  mutating func shown(adding bytes: [UInt8]) -> String {
    pending += bytes
    let count = pending.count - Self.unfinished(pending)
    defer { pending.removeFirst(count) }
    return withPictures(String(decoding: pending.prefix(count), as: UTF8.self))
  }

  /// How many bytes at the end are the beginning of a character of more.
  static func unfinished(_ bytes: [UInt8]) -> Int {
    for (index, byte) in bytes.suffix(3).reversed().enumerated() {
      let length =
        switch byte {
        case 0xC2...0xDF: 2
        case 0xE0...0xEF: 3
        case 0xF0...0xF4: 4
        case 0x80...0xBF: 0
        default: 1
        }
      // A continuation byte: the first one is before it.
      if length == 0 { continue }
      return length > index + 1 ? index + 1 : 0
    }
    return 0
  }
}

/// `text` with no escape sequences but those that select a style, `ESC [ … m`; all else that would
/// command a terminal as pictures.
func withStylesAlone(_ text: String) -> String {
  var shown = ""
  var rest = text.unicodeScalars[...]
  while let start = rest.firstIndex(of: "\u{1B}") {
    shown += withPictures(String(rest[..<start]))
    let end = endOfStyle(rest[start...])
    shown += end == nil ? withPictures("\u{1B}") : String(rest[start..<(end ?? start)])
    rest = rest[(end ?? rest.index(after: start))...]
  }
  return shown + withPictures(String(rest))
}

/// Where the style that `scalars` begin with ends; nil where they begin with another sequence.
private func endOfStyle(_ scalars: Substring.UnicodeScalarView) -> Substring.Index? {
  let rest = scalars.dropFirst()
  guard rest.first == "[" else { return nil }
  let end = rest.dropFirst().firstIndex { !("0"..."9").contains($0) && $0 != ";" }
  guard let end, rest[end] == "m" else { return nil }
  return rest.index(after: end)
}
