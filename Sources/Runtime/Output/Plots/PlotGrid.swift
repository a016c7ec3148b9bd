/// The numbers of a heatmap with their titles and labels, whose characters can all be seen.
struct PlotGrid {
  var rowTitle: String
  var rowLabels: [String]
  /// Empty where the columns of the table are the columns of the map and nobody knows what of.
  var columnTitle: String
  var columnLabels: [String]
  /// Empty likewise.
  var valueTitle: String
  /// One array a row; NaN is missing.
  var values: [[Double]]
  /// What stands in the cells in place of their numbers; nil: the numbers, where there is room.
  var cells: [[String]]?
}

extension PlotGrid {
  /// Row, column and value of a long table, those that are not named chosen; or, where nothing is
  /// named and the table has no measure, a pivoted table as it is: labels first, then numbers.
  ///
  /// - Parameters:
  ///   - label: the column whose texts stand in the cells.
  ///   - prompts: those that the table was measured on: with labels, positions are named by their tokens.
  init(
    _ table: Table, row: String?, column: String?, value: String?, label: String? = nil,
    prompts: [Prompt] = []
  ) throws {
    let isLong =
      row != nil || column != nil || value != nil || label != nil || table.measure != nil
    if !isLong, let wide = PlotGrid(pivoted: table) {
      self = wide
      return
    }
    let value = try table.numericColumn(value, for: "plot heatmap").name
    let (row, column) = try table.gridAxes(row, column, value: value)
    // An axis of numbers reads from the smallest.
    let ordered = try table.column(row).kind.isNumeric ? table.sorted(by: [SortKey(row)]) : table
    let pivoted = try ordered.pivoted(rows: [row], column: column, value: value)
    var columns = Array(pivoted.columns.indices.dropFirst())
    if try table.column(column).kind.isNumeric {
      let places = pivoted.columns.map { Double($0.name) ?? .infinity }
      columns.sort { places[$0] < places[$1] }
    }
    rowTitle = escapedText(row)
    columnTitle = escapedText(column)
    valueTitle = escapedText(value)
    rowLabels = PlotGrid.labels(pivoted.columns[0])
    columnLabels = columns.map { visible(pivoted.columns[$0].name) }
    values = (0..<pivoted.rowCount).map { line in
      columns.map { pivoted.columns[$0].values.number(line) ?? .nan }
    }
    guard let label else { return }
    let labels = try ordered.pivoted(rows: [row], column: column, value: label)
    cells = (0..<labels.rowCount).map { line in
      columns.map { place in
        let cell = labels.columns[place][line]
        if case .missing = cell { return "" }
        return escapedText(cell.title)
      }
    }
    if column == "position", let prompt = try table.onePrompt(of: prompts) {
      columnLabels = columns.map { place in
        let position = Int(pivoted.columns[place].name) ?? -1
        return prompt.tokens.indices.contains(position)
          ? escapedText(prompt.tokenText(position)) : visible(pivoted.columns[place].name)
      }
    }
  }

  private init?(pivoted table: Table) {
    let leading = max(1, table.columns.prefix { !$0.kind.isNumeric }.count)
    let numbers = table.columns.dropFirst(leading)
    guard !numbers.isEmpty, numbers.allSatisfy(\.kind.isNumeric) else { return nil }
    let labels = table.columns.prefix(leading)
    rowTitle = escapedText(labels.map(\.name).joined(separator: " "))
    rowLabels = (0..<table.rowCount).map { row in
      labels.map { visible($0[row].title) }.joined(separator: " ")
    }
    columnTitle = escapedText(table.spread?.column ?? "")
    columnLabels = numbers.map { visible($0.name) }
    valueTitle = escapedText(table.spread?.value ?? "")
    values = (0..<table.rowCount).map { row in numbers.map { $0.values.number(row) ?? .nan } }
  }

  private static func labels(_ column: Column) -> [String] {
    (0..<column.count).map { visible(column[$0].title) }
  }

  /// The values as texts, with as many decimals as show `digits` digits of the largest: values that
  /// are small next to it are 0.00. Nil for huge and tiny numbers, where that says nothing.
  func plainNumbers(digits: Int) -> [[String]]? {
    let largest = values.joined().filter(\.isFinite).map(\.magnitude).max() ?? 0
    let exponent = DecimalText(largest).exponent
    guard largest == 0 || (-3...6).contains(exponent) else { return nil }
    let decimals = largest == 0 ? 0 : max(0, digits - 1 - exponent)
    let needed =
      values.joined().filter(\.isFinite).map { DecimalText($0).neededDecimals }.max() ?? 0
    return values.map { row in
      row.map { value in
        if value.isNaN { return "" }
        guard value.isFinite else { return value.description }
        let text = DecimalText(value).fixed(decimals: min(decimals, needed))
        // What rounds to zero has no sign.
        return text.contains { ("1"..."9").contains($0) } ? text : text.replacing("-", with: "")
      }
    }
  }

  /// The values as texts, with `digits` digits of the largest.
  func numbers(digits: Int) -> [[String]] {
    let parts = values.map { row in row.map { $0.isFinite ? DecimalText($0) : nil } }
    let people = PeopleNumbers(parts.joined().compactMap { $0 }, significant: digits)
    return zip(values, parts).map { values, parts in
      zip(values, parts).map { value, part in
        part.map(people.text) ?? (value.isNaN ? "" : value.description)
      }
    }
  }
}

/// In quotes where its ends or what is in it could not be seen.
func visible(_ text: String) -> String { needsQuotes(text) ? quotedText(text) : text }

extension Table {
  /// The columns that make the rows and the columns of a map of `value`: those named, else the first
  /// of the usual pairs, else the first two columns, that have one row a cell.
  fileprivate func gridAxes(
    _ row: String?, _ column: String?, value: String
  ) throws -> (row: String, column: String) {
    if let row, let column { return (row, column) }
    let keys = columns.filter { !$0.kind.isFloating && $0.name != value }.map(\.name)
    let usual = [
      ("layer", "head"), ("layer", "position"), ("position", "source"), ("component", "position"),
      ("component", "span"), ("component", "source"), ("layer", "span"), ("prompt", "component"),
    ]
    let all = keys.indices.flatMap { one in
      keys.indices.dropFirst(one + 1).map { (keys[one], keys[$0]) }
    }
    let pairs = (usual + all).filter { one, other in
      keys.contains(one) && keys.contains(other)
        && (row == nil || row == one) && (column == nil || column == other)
    }
    // The other way round only where one of the two is named.
    let reversed = (usual + all).map { ($0.1, $0.0) }.filter { one, other in
      keys.contains(one) && keys.contains(other)
        && ((row == one && column == nil) || (column == other && row == nil))
    }
    for (one, other) in pairs + reversed {
      let axes = [try self.column(one), try self.column(other)]
      guard axes.allSatisfy({ $0.values.missingCount == 0 }) else { continue }
      if try groups(by: axes).count == rowCount { return (one, other) }
    }
    throw Failure(
      "a heatmap needs two columns that together identify each row, and this table has none",
      help: "the columns are \(enumeration(columnNames)); keep one row per cell with `where` or "
        + "`group by ROW, COLUMN mean \(value)`")
  }
}
