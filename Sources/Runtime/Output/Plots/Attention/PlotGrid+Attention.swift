extension PlotGrid {
  /// A map with the tokens that are read as its columns and a row for each component, and for each
  /// position that reads: of `attention`, and of `dla by source`.
  ///
  /// - Parameter prompts: those that the table was measured on, for the tokens' texts.
  init(attention table: Table, value: String?, prompts: [Prompt]) throws {
    let value = try table.numericColumn(value, for: "plot attention")
    guard let sources = table["source"], sources.kind == .integers else {
      throw Failure(
        "`plot attention` needs the column `source`, the position that is read",
        help: "`attention` gives it, and `dla by source`")
    }
    let keys = ["component", "position"].compactMap { table[$0] }
    let lines = try table.groups(by: keys)
    let tokens = quotedAlike(try table.attendedTokens(of: prompts))
    let places = (0..<table.rowCount).compactMap { sources.values.whole($0) }
    guard let first = places.min(), let last = places.max(), first >= 0, last < 1 << 16 else {
      throw Failure("`plot attention` finds no position in the column `source`")
    }
    let count = max(last + 1, tokens.count)

    // A component or a position that is the same in all rows need not be said.
    let telling = try keys.filter { try table.groups(by: [$0]).count > 1 }
    let labels = telling.isEmpty ? Array(keys.prefix(1)) : telling
    rowTitle = escapedText(labels.map(\.name).joined(separator: " "))
    rowLabels = lines.map { rows in
      labels.map { PlotGrid.rowLabel($0, rows[0], tokens) }.joined(separator: " ")
    }
    columnTitle = "source"
    columnLabels = (0..<count).map { tokens.indices.contains($0) ? tokens[$0] : "\($0)" }
    valueTitle = escapedText(value.name)
    values = try lines.map { rows in
      var line = [Double](repeating: .nan, count: count)
      var taken = Set<Int>()
      for row in rows {
        guard let source = sources.values.whole(row) else { continue }
        guard taken.insert(source).inserted else {
          throw Failure(
            "`plot attention` finds several rows for one head, position and source",
            help: "keep one prompt with `where`, or `group by component, source mean \(value.name)`"
          )
        }
        line[source] = value.values.number(row) ?? .nan
      }
      return line
    }
  }

  private static func rowLabel(_ column: Column, _ row: Int, _ tokens: [String]) -> String {
    let text = visible(column[row].title)
    guard column.name == "position", let place = Int(text), tokens.indices.contains(place) else {
      return text
    }
    return "\(text) \(tokens[place])"
  }
}

extension Values {
  /// A whole number as it is; nil where it is missing, or of another type.
  fileprivate func whole(_ row: Int) -> Int? {
    if case .integers(let values) = self { values[row] } else { nil }
  }
}

extension Table {
  /// The tokens that the column `source` counts: those of the one prompt that the rows are of, else
  /// the texts next to it, where there are any.
  func attendedTokens(of prompts: [Prompt]) throws -> [String] {
    var named = prompts
    if let names = self["prompt"], names.kind == .texts {
      guard try groups(by: [names]).count == 1 else {
        throw Failure(
          "`plot attention` shows one prompt's tokens, and this table has several prompts",
          help: "keep one: where prompt == …, or measure one")
      }
      named = prompts.filter { $0.name == names[0].description }
    }
    if let prompt = named.first, named.allSatisfy({ $0.tokens == prompt.tokens }) {
      return prompt.tokens.indices.map(prompt.tokenText)
    }
    guard let texts = self["token"], let sources = self["source"] else { return [] }
    var tokens: [Int: String] = [:]
    for row in 0..<rowCount {
      guard let source = sources.values.number(row), source >= 0, source < 65_536 else { continue }
      tokens[Int(source)] = texts[row].title
    }
    return (0..<((tokens.keys.max() ?? -1) + 1)).map { tokens[$0] ?? "\($0)" }
  }
}

/// In quotes, all of them, where one must be, as in a table's column.
private func quotedAlike(_ texts: [String]) -> [String] {
  texts.contains(where: needsQuotes) ? texts.map(quotedText) : texts
}
