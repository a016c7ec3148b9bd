import Lang

extension HelpText {
  /// `text` with lines of at most `width` columns. What explains something goes on in its own column;
  /// an indented line without columns is an example, which people copy, and stays whole.
  static func fitted(_ text: String, to width: Int?) -> String {
    guard let width else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { fitted(line: $0, to: width) }.joined(separator: "\n")
  }

  private static func fitted(line: Substring, to width: Int) -> String {
    let indent = line.prefix { $0 == " " }
    let gap = line.dropFirst(indent.count).ranges(of: "  ").last
    guard displayWidth(of: String(line)) > width, gap != nil || indent.isEmpty else {
      return String(line)
    }
    let start =
      gap.map { line[$0.upperBound...].firstIndex { $0 != " " } ?? line.endIndex }
      ?? line.startIndex
    let column = displayWidth(of: String(line[..<start]))
    // A column at the right edge has no room for words.
    let isNarrow = column > width - 20
    let margin = String(
      repeating: " ", count: gap == nil ? 2 : isNarrow ? indent.count + 2 : column)
    return lines(of: line[start...], width: width, after: String(line[..<start]), margin: margin)
      .joined(separator: "\n")
  }

  /// The words of `text` in lines of at most `width` columns, unless a word is longer.
  ///
  /// - Parameters:
  ///   - start: what the first line begins with.
  ///   - margin: what the others begin with.
  static func lines(of text: Substring, width: Int, after start: String, margin: String) -> [String]
  {
    var lines = [start]
    for (index, word) in text.split(separator: " ").enumerated() {
      let next = (index == 0 ? "" : " ") + word
      if displayWidth(of: lines[lines.count - 1]) + displayWidth(of: next) <= width {
        lines[lines.count - 1] += next
      } else {
        lines.append(margin + word)
      }
    }
    // Where no word had room after the start, blanks end the line.
    while lines[0].last == " " { lines[0].removeLast() }
    return lines
  }
}
