/// Where nothing says how wide a plot may be.
let defaultPlotWidth = 80

extension Table {
  /// What tells the rows apart in a plot of `value`: the columns `names`, else the texts that do,
  /// else the integers, taken from the left as long as each tells more rows apart. A prompt that
  /// is the same everywhere, or a head's layer next to its component, is left out that way.
  func labelColumns(_ names: [String], besides value: String) throws -> [Column] {
    if !names.isEmpty { return try names.map(column) }
    let texts = columns.filter { $0.kind == .texts && $0.name != value }
    let others = columns.filter {
      ($0.kind == .integers || $0.kind == .booleans) && $0.name != value
    }
    var chosen: [Column] = []
    var told = min(1, rowCount)
    for column in texts + others where told < rowCount {
      let groups = try groups(by: chosen + [column]).count
      guard groups > told else { continue }
      chosen.append(column)
      told = groups
    }
    return chosen.isEmpty ? Array((texts + others).prefix(1)) : chosen
  }
}

/// The columns cut to fit into `width` cells together with the gaps between them.
func fittedLabels(_ columns: [PeopleColumn], into width: Int) -> [Int] {
  var widths = columns.map(\.naturalWidth)
  while widths.reduce(0, +) + 2 * max(0, widths.count - 1) > width,
    let widest = widths.indices.filter({ columns[$0].isText }).max(by: { widths[$0] < widths[$1] }),
    widths[widest] > 4
  {
    widths[widest] -= 1
  }
  return widths
}

/// Lines for the foot of a plot, faint.
func plotNotes(_ notes: [String], _ settings: RenderSettings) -> String {
  let marks = Marks(unicode: settings.unicode)
  let width = settings.width ?? defaultPlotWidth
  return notes.map {
    let note = escapedText($0).cut(to: width, mark: marks.ellipsis)
    return Style.faint.paint(note, colour: settings.colour) + "\n"
  }.joined()
}
