extension FormatDeclaration {
  static let markdown = FormatDeclaration(
    summary: "a Markdown table",
    endings: ["md", "markdown"],
    write: { table, _, sink in try renderMarkdown(table, into: &sink) })
}

/// A table of GitHub's Markdown, the columns aligned in the source too; numbers rounded as on the
/// terminal.
func renderMarkdown(_ table: Table, into text: inout ByteSink) throws {
  guard !table.columns.isEmpty else { return }
  let columns = try table.columns.map { column in
    try PeopleColumn(column, rows: 0..<table.rowCount, missing: "").mapped(escapedForMarkdown)
  }
  func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
  try text.line(line(columns.map { $0.aligned($0.title, width: max(3, $0.naturalWidth)) }))
  try text.line(
    line(
      columns.map { column in
        let dashes = String(repeating: "-", count: max(3, column.naturalWidth) - 1)
        return column.isRight ? dashes + ":" : "-" + dashes
      }))
  for row in 0..<table.rowCount {
    try text.line(line(columns.map { $0.aligned($0.cells[row], width: max(3, $0.naturalWidth)) }))
  }
}

func escapedForMarkdown(_ text: String) -> String {
  var result = ""
  var previous: Character = " "
  let characters = Array(text)
  for (index, character) in characters.enumerated() {
    switch character {
    case "|", "\\", "`", "*", "[", "]", "<", ">", "~", "&", "$":
      result.append("\\")
    case "_":
      // Inside a word it means nothing: resid_pre stays legible.
      let next = index + 1 < characters.count ? characters[index + 1] : " "
      if !(isWordPart(previous) && isWordPart(next)) { result.append("\\") }
    default: break
    }
    result.append(character)
    previous = character
  }
  return result
}

private func isWordPart(_ character: Character) -> Bool {
  character.isLetter || character.isNumber || character == "_"
}
