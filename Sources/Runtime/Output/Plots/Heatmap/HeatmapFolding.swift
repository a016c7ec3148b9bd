import Lang

// How a map that is higher than the terminal stays whole: its rows as halves of blocks, or side by
// side.

func heatmapText(
  _ grid: PlotGrid, _ settings: RenderSettings, scale: SharedScale? = nil
) -> String {
  // Panels stand below each other anyway.
  if let scale { return Heatmap(grid, settings, reaching: scale.y?.ends ?? []).text }
  let map = Heatmap(grid, settings)
  // Half a block has no room for a label.
  if grid.cells != nil {
    var whole = settings
    whole.maximumRows = nil
    return Heatmap(grid, whole).text
  }
  guard let most = settings.maximumRows else { return map.text }
  // The heading stays in sight: it and the legend share the screen with the rows.
  let room = max(4, most - map.overhead)
  guard grid.rowLabels.count > room else { return map.text }
  if settings.colour, settings.unicode { return Heatmap(grid, settings, halvedInto: room).text }
  return panels(of: grid, settings, rows: room, legend: map.legendText) ?? map.text
}

/// The rows side by side in stretches, as newspapers have columns; nil where there is no room for
/// that.
private func panels(
  of grid: PlotGrid, _ settings: RenderSettings, rows: Int, legend: String
) -> String? {
  guard !settings.colour else { return nil }
  let count = (grid.rowLabels.count + rows - 1) / rows
  let gap = 3
  var narrow = settings
  narrow.maximumRows = nil
  narrow.width = ((settings.width ?? defaultPlotWidth) - gap * (count - 1)) / count
  let height = (grid.rowLabels.count + count - 1) / count
  let maps = (0..<count).map { index in
    let rows = index * height..<min(grid.rowLabels.count, (index + 1) * height)
    var part = grid
    part.rowLabels = Array(grid.rowLabels[rows])
    part.values = Array(grid.values[rows])
    return Heatmap(part, narrow, scaledAs: grid)
  }
  guard maps.allSatisfy(\.isWhole) else { return nil }
  let columns = maps.map(\.mapLines)
  let widths = columns.map { $0.map(displayWidth(of:)).max() ?? 0 }
  var text = ""
  for line in 0..<(columns.map(\.count).max() ?? 0) {
    let parts = zip(columns, widths).map { lines, width in
      (line < lines.count ? lines[line] : "").padded(to: width + gap)
    }
    text += parts.joined().trimmingEnd() + "\n"
  }
  return text + "\n" + legend
}
