import Lang

extension SVGDrawing {
  /// More points than these are a line without signs.
  private static let mostSigns = 50

  /// A line a series, broken where a value is missing.
  init(
    lines: PlottedLines, size: SVGSize = .whole, title: String?, scale: SharedScale? = nil
  ) {
    let points = lines.series.flatMap { $0.points.compactMap { $0 } }
    let across = escapedText(lines.x.name)
    let up = escapedText(lines.title)
    let names = lines.series.map(\.name)
    let what = up.isEmpty ? names.joined(separator: ", ") : up
    self.init(
      name: title ?? "\(what) over \(across)",
      summary: "\(names.count) line\(names.count == 1 ? "" : "s") over "
        + "\(rangeText(across, points.map(\.x))): \(rangeText(what, points.map(\.y))).",
      width: size.width)
    let top = heading(title)
    guard !points.isEmpty else {
      footnote("no row has both a `\(across)` and a value")
      return
    }

    let frame = SVGFrame(
      x: SVGFrame.Range(values: points.map(\.x), isInteger: lines.x.kind == .integers),
      y: SVGFrame.Range(values: lines.reached, isInteger: false), size: size, top: top,
      scale: scale)
    frame.draw(into: &self, xTitle: across, yTitle: up)
    for series in lines.series {
      let owner = scale?.series.firstIndex(of: series.name) ?? series.owner
      draw(series.points, named: series.name, owner: owner, in: frame)
    }
    if scale == nil, names.count > 1 { legend(names) }
    for note in leftOut(lines.missing) { footnote(note) }
  }

  private mutating func draw(
    _ points: [PlottedLines.Point?], named name: String, owner: Int, in frame: SVGFrame
  ) {
    for part in points.split(whereSeparator: { $0 == nil }) where part.count > 1 {
      let places = part.compactMap { $0 }.map { frame.place($0.x, $0.y) }
      path(svgPath(places), style: "curve s\(owner)", note: name)
    }
    let hasSigns = points.count <= Self.mostSigns
    for (index, point) in points.enumerated() {
      guard let point else { continue }
      // A point between two gaps is not a line.
      let isAlone =
        (index == 0 || points[index - 1] == nil)
        && (index + 1 == points.count || points[index + 1] == nil)
      guard hasSigns || isAlone || point.interval != nil else { continue }
      let place = frame.place(point.x, point.y)
      if let interval = point.interval {
        whisker(
          frame.place(point.x, interval.lowerBound), frame.place(point.x, interval.upperBound),
          owner: owner)
      }
      let numbers = shortNumbers([point.x]) + shortNumbers([point.y])
      path(
        svgSign(owner, x: place.x, y: place.y, radius: 3), style: "s\(owner)",
        note: "\(name): \(numbers.joined(separator: ", "))")
    }
  }
}
