import Lang

/// A map of numbers, blue above zero and red below. A pivoted table is drawn as it is; of a long one
/// the rows, columns and values may be named, else they are the usual ones (layer and head, layer
/// and position, …) and the measure. Few columns show their numbers; many are squeezed to two cells
/// or one each; without colour, signs that grow heavier show sign and size.
func plotHeatmap(
  _ table: Table, row: String? = nil, column: String? = nil, value: String? = nil,
  settings: RenderSettings = RenderSettings()
) throws -> String {
  guard table.rowCount > 0 else { return plotNotes(["no rows to plot"], settings) }
  let grid = try PlotGrid(table, row: row, column: column, value: value)
  return heatmapText(grid, settings)
}

/// A map as lines of characters.
struct Heatmap {
  private let grid: PlotGrid
  private let settings: RenderSettings
  private let marks: Marks
  /// The largest absolute value that is finite: ±1 of the scale.
  private let limit: Double
  private let lowest: Double
  private let highest: Double
  private let labelWidth: Int
  private let cellWidth: Int
  private let shownRows: Int
  private let shownColumns: Int
  /// The numbers to print into the cells; nil where there is no room, and where labels are printed.
  private let numbers: [[String]]?
  /// Whether a line has two rows, as the halves of a block.
  private let isHalved: Bool

  /// - Parameters:
  ///   - lines: how many lines there are for rows, two to a line; nil: a row a line.
  ///   - whole: what the map is a part of, with which it shares its colours.
  ///   - ends: what the colours have to reach besides.
  init(
    _ grid: PlotGrid, _ settings: RenderSettings, halvedInto lines: Int? = nil,
    scaledAs whole: PlotGrid? = nil, reaching ends: [Double] = []
  ) {
    self.grid = grid
    self.settings = settings
    marks = Marks(unicode: settings.unicode)
    isHalved = lines != nil
    let finite = (whole ?? grid).values.joined().filter(\.isFinite) + ends
    lowest = finite.min() ?? 0
    highest = finite.max() ?? 0
    limit = max(highest.magnitude, lowest.magnitude)
    shownRows = Runtime.shownRows(
      of: grid.rowLabels.count, at: lines.map { 2 * $0 } ?? settings.maximumRows)

    let width = settings.width ?? defaultPlotWidth
    let longest = grid.rowLabels.prefix(shownRows).map(displayWidth(of:)).max() ?? 0
    labelWidth = min(max(longest, displayWidth(of: grid.rowTitle)), max(6, width / 3))
    let room = max(1, width - labelWidth - 1)
    let count = grid.columnLabels.count
    let titles = grid.columnLabels.map(displayWidth(of:)).max() ?? 0
    if let cells = grid.cells {
      let widest = max(titles, cells.joined().map(displayWidth(of:)).max() ?? 0)
      numbers = nil
      cellWidth = min(
        room, max(Self.narrowestLabel, min(widest + 1, Self.widestLabel, room / count)))
      shownColumns = min(count, room / cellWidth)
      return
    }
    for digits in [4, 3, 2] where count * 4 <= room && !isHalved {
      let texts = grid.numbers(digits: digits)
      let widest = texts.joined().map(displayWidth(of:)).max() ?? 0
      guard (widest + 2) * count <= room else { continue }
      numbers = texts
      cellWidth = min(max(widest, min(titles, 12)) + 2, room / count)
      shownColumns = count
      return
    }
    numbers = nil
    // Labels that can stand above their column do, cut where need be.
    let widest = room / count >= 6 ? titles + 1 : 3
    cellWidth = max(1, min(widest, room / count))
    shownColumns = min(count, room / cellWidth)
  }

  /// Lines besides the rows and the empty one.
  var overhead: Int { columnLines.count + legend.count }

  /// Whether nothing of it is cut.
  var isWhole: Bool {
    shownRows == grid.rowLabels.count && shownColumns == grid.columnLabels.count
  }

  var legendText: String { legend.map { $0 + "\n" }.joined() }

  /// Heading, labels and rows.
  var mapLines: [String] {
    var lines = [heading]
    lines += columnLines
    for row in stride(from: 0, to: shownRows, by: isHalved ? 2 : 1) {
      let label = grid.rowLabels[row].cut(to: labelWidth, mark: marks.ellipsis)
      let cells = (0..<shownColumns).map { isHalved ? halves(row, $0) : cell(row, $0) }.joined()
      lines.append((label.padded(left: labelWidth) + " " + cells).trimmingEnd())
    }
    return lines
  }

  var text: String {
    var lines = mapLines
    lines.append("")
    lines += legend
    let more = grid.columnLabels.count - shownColumns
    var notes = rowNotes(grid.rowLabels.count - shownRows, marks)
    if more > 0 {
      notes.append("\(marks.ellipsis) \(thousands(more)) more column\(more == 1 ? "" : "s")")
    }
    return lines.map { $0 + "\n" }.joined() + plotNotes(notes, settings)
  }

  private var heading: String {
    let title = Style.heading.paint(grid.rowTitle, colour: settings.colour)
    let indent = String(repeating: " ", count: max(0, labelWidth - displayWidth(of: grid.rowTitle)))
    guard !grid.columnTitle.isEmpty else { return indent + title }
    let across = Style.heading.paint(grid.columnTitle, colour: settings.colour)
    return indent + title + " " + across + (settings.unicode ? " →" : " ->")
  }

  // MARK: Cells

  /// Cells with labels, the space after these among it.
  private static let (narrowestLabel, widestLabel) = (6, 13)

  /// A label's spaces are part of its token, and must be seen.
  private func labelText(_ text: String) -> String {
    text.replacing(" ", with: settings.unicode ? "·" : "_")
      .cut(to: cellWidth - 1, mark: marks.ellipsis).padded(to: cellWidth)
  }

  private func share(_ value: Double) -> Double {
    limit == 0 ? 0 : value.isFinite ? value / limit : value > 0 ? 1 : -1
  }

  /// A row above the next one: the block's upper half has the one's colour, the ground the other's.
  private func halves(_ row: Int, _ column: Int) -> String {
    func colour(_ row: Int) -> RGB? {
      guard row < grid.rowLabels.count, !grid.values[row][column].isNaN else { return nil }
      return ColourScale.colour(share(grid.values[row][column]))
    }
    let (upper, lower) = (colour(row), colour(row + 1))
    let block: Character
    var codes: [String] = []
    switch (upper, lower) {
    case (nil, nil): return String(repeating: " ", count: cellWidth)
    case (let upper?, _):
      block = "▀"
      codes.append(upper.foreground(trueColour: settings.trueColour))
      if let lower { codes.append(lower.background(trueColour: settings.trueColour)) }
    case (nil, let lower?):
      block = "▄"
      codes.append(lower.foreground(trueColour: settings.trueColour))
    }
    return "\u{1B}[\(codes.joined(separator: ";"))m"
      + String(repeating: block, count: cellWidth) + "\u{1B}[0m"
  }

  private func cell(_ row: Int, _ column: Int) -> String {
    let value = grid.values[row][column]
    let share = share(value)
    guard !value.isNaN else { return String(repeating: " ", count: cellWidth) }
    let label =
      grid.cells.map { labelText($0[row][column]) }
      ?? numbers.map { $0[row][column].padded(left: cellWidth - 1).padded(to: cellWidth) }
    guard settings.colour else { return label ?? signs(share) }
    let colour = ColourScale.colour(share)
    let text = label ?? String(repeating: " ", count: cellWidth)
    let foreground = colour.isLight ? "38;5;16" : "38;5;231"
    return "\u{1B}[\(foreground);\(colour.background(trueColour: settings.trueColour))m\(text)"
      + "\u{1B}[0m"
  }

  private func signs(_ share: Double) -> String {
    let sign = ColourScale.sign(share, unicode: settings.unicode)
    guard cellWidth > 1 else { return String(sign) }
    return String(repeating: sign, count: cellWidth - 1) + " "
  }

  // MARK: Labels of the columns

  private var columnLines: [String] {
    let labels = grid.columnLabels.prefix(shownColumns).map {
      grid.cells == nil ? $0 : labelText($0).trimmingEnd()
    }
    let indent = String(repeating: " ", count: labelWidth + 1)
    let widest = labels.map(displayWidth(of:)).max() ?? 0
    let lines: [String]
    if numbers != nil {
      lines = [
        labels.map {
          $0.cut(to: cellWidth - 1, mark: marks.ellipsis).padded(left: cellWidth - 1)
            .padded(to: cellWidth)
        }.joined()
      ]
    } else if widest < cellWidth || cellWidth >= 6 {
      lines = [
        labels.map { $0.cut(to: cellWidth - 1, mark: marks.ellipsis).padded(to: cellWidth) }
          .joined()
      ]
    } else if labels.allSatisfy({ Int($0) != nil }) {
      lines = [thinned(labels)]
    } else {
      lines = upright(labels)
    }
    return lines.map { Style.faint.paint((indent + $0).trimmingEnd(), colour: settings.colour) }
  }

  /// Every second, fifth, tenth… so that a space stays between them.
  private func thinned(_ labels: [String]) -> String {
    let widest = labels.map(displayWidth(of:)).max() ?? 1
    let steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    let step = steps.first { $0 * cellWidth > widest } ?? 10_000
    var line = ""
    for index in stride(from: 0, to: labels.count, by: step) {
      line = line.padded(to: index * cellWidth) + labels[index]
    }
    return line
  }

  /// Read downwards, standing on the map.
  private func upright(_ labels: [String]) -> [String] {
    let tallest = 12
    let columns = labels.map { label -> [String] in
      let characters = label.map { displayWidth(of: $0) <= cellWidth ? String($0) : "?" }
      guard characters.count > tallest else { return characters }
      return characters.prefix(tallest - 1) + [settings.unicode ? "⋮" : "."]
    }
    let height = columns.map(\.count).max() ?? 0
    return (0..<height).map { line in
      columns.map { column in
        let place = line - (height - column.count)
        return (place >= 0 ? column[place] : " ").padded(to: cellWidth)
      }.joined()
    }
  }

  // MARK: Legend

  private var legend: [String] {
    let indent = String(repeating: " ", count: labelWidth + 1)
    let people = PeopleNumbers([lowest, highest].map { DecimalText($0) }, significant: 4)
    func text(_ value: Double) -> String { value == 0 ? "0" : people.text(DecimalText(value)) }
    let name = grid.valueTitle.isEmpty ? "" : "  " + grid.valueTitle
    let from = lowest < 0 ? -limit : 0
    let to = highest > 0 ? limit : 0
    let range =
      "min \(text(lowest)), max \(text(highest))"
    guard limit > 0 else { return [indent + "all are zero" + name] }

    let (low, high) = (text(from), text(to))
    let width = settings.width ?? defaultPlotWidth
    let ends = displayWidth(of: low) + displayWidth(of: high) + 2
    let steps = max(3, min(from < 0 && to > 0 ? 17 : 9, width - ends))
    let shares = (0..<steps).map { step in
      (from + (to - from) * Double(step) / Double(steps - 1)) / limit
    }
    let scale = shares.map { share -> String in
      guard settings.colour else {
        return String(ColourScale.sign(share, unicode: settings.unicode))
      }
      let colour = ColourScale.colour(share)
      return "\u{1B}[\(colour.background(trueColour: settings.trueColour))m \u{1B}[0m"
    }
    let bar = "\(low) \(scale.joined()) \(high)"
    let barWidth = ends + steps
    let note = Style.faint.paint(range + name, colour: settings.colour)
    let noteWidth = displayWidth(of: range + name)
    if labelWidth + 1 + barWidth + 3 + noteWidth <= width { return [indent + bar + "   " + note] }
    let fits = labelWidth + 1 + max(barWidth, noteWidth) <= width
    let cut = (range + name).cut(to: width, mark: marks.ellipsis)
    return fits
      ? [indent + bar, indent + note]
      : [bar, Style.faint.paint(cut, colour: settings.colour)]
  }
}

extension String {
  /// Without spaces at its end.
  func trimmingEnd() -> String { String(reversed().drop { $0 == " " }.reversed()) }
}
