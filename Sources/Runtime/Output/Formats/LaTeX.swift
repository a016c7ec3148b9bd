extension FormatDeclaration {
  static let latex = FormatDeclaration(
    summary: "a LaTeX tabular",
    endings: ["tex"],
    write: { table, _, sink in try renderLaTeX(table, into: &sink) })
}

/// A `tabular` that needs no package; numbers rounded as on the terminal and to the right.
func renderLaTeX(_ table: Table, into text: inout ByteSink) throws {
  guard !table.columns.isEmpty else { return }
  let columns = try table.columns.map { column in
    let shown = try PeopleColumn(column, rows: 0..<table.rowCount, missing: "")
    return try shown.mapped(escapedForLaTeX)
  }
  func line(_ cells: [String]) -> String { cells.joined(separator: " & ") + " \\\\" }
  try text.line("\\begin{tabular}{\(columns.map { $0.isRight ? "r" : "l" }.joined())}")
  try text.line("\\hline")
  try text.line(line(columns.map { $0.aligned($0.title, width: $0.naturalWidth) }))
  try text.line("\\hline")
  for row in 0..<table.rowCount {
    let cells = columns.map { column in
      let cell = column.isText ? column.cells[row] : minus(column.cells[row])
      return column.aligned(cell, width: column.naturalWidth)
    }
    try text.line(line(cells))
  }
  try text.line("\\hline")
  try text.line("\\end{tabular}")
}

/// A hyphen before a number is a minus in mathematics only.
private func minus(_ cell: String) -> String {
  let number = cell.trimmingSpaces()
  return number.hasPrefix("-") ? "$-$" + number.dropFirst() : cell
}

private func escapedForLaTeX(_ text: String) -> String {
  var result = ""
  for (place, character) in text.enumerated() {
    switch character {
    case "&", "%", "$", "#", "_", "{", "}": result += "\\\(character)"
    case "~": result += "\\textasciitilde{}"
    case "^": result += "\\textasciicircum{}"
    case "\\": result += "\\textbackslash{}"
    case "<": result += "\\textless{}"
    case ">": result += "\\textgreater{}"
    case "|": result += "\\textbar{}"
    // `\textquotedbl` is not in every encoding of fonts.
    case "\"": result += "{\\char34}"
    // After the end of a row they would be arguments of `\\`.
    case "[" where place == 0, "*" where place == 0: result += "{\(character)}"
    default: result.append(character)
    }
  }
  return result
}
