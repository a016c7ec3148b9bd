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
    var lines = [String(line[..<start])]
    var isFirst = true
    for word in line[start...].split(separator: " ") {
      let used = displayWidth(of: lines[lines.count - 1])
      if used + (isFirst ? 0 : 1) + displayWidth(of: String(word)) <= width {
        lines[lines.count - 1] += (isFirst ? "" : " ") + word
      } else {
        lines.append(margin + word)
      }
      isFirst = false
    }
    // Where no word had room after the columns, blanks end the line.
    while lines[0].last == " " { lines[0].removeLast() }
    return lines.joined(separator: "\n")
  }
}
