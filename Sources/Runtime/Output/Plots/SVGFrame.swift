import Lang

/// How large a drawing is: alone, or as one of several panels.
struct SVGSize {
  var width: Double
  var fieldHeight: Double
  /// How many characters the labels of bars may take.
  var labelCells: Int

  static let whole = SVGSize(width: 480, fieldHeight: 260, labelCells: 28)
  static let panel = SVGSize(width: 300, fieldHeight: 170, labelCells: 14)
}

/// A field between its axes, for points and lines.
struct SVGFrame {
  let x: PlotAxis
  let y: PlotAxis
  let left: Double
  let right: Double
  let top: Double
  let bottom: Double

  /// What lies along an axis.
  struct Range {
    var values: [Double]
    var isInteger: Bool
  }

  /// - Parameters:
  ///   - top: where there is room from.
  ///   - scale: what the axes have to reach besides.
  init(
    x xs: Range, y ys: Range, size: SVGSize = .whole, top: Double, scale: SharedScale? = nil
  ) {
    x = PlotAxis(
      xs.values + (scale?.x?.ends ?? []), count: size.width < 400 ? 4 : 7, isInteger: xs.isInteger)
    y = PlotAxis(
      ys.values + (scale?.y?.ends ?? []), count: size.width < 400 ? 4 : 6, isInteger: ys.isInteger)
    let widest = y.labels.map { SVGDrawing.width(of: $0) }.max() ?? 0
    left = min(120, widest) + 10
    right = size.width - 12
    // The title of y stands above it.
    self.top = top + 26
    bottom = self.top + size.fieldHeight
  }

  func place(_ pointX: Double, _ pointY: Double) -> (x: Double, y: Double) {
    (left + x.share(pointX) * (right - left), bottom - y.share(pointY) * (bottom - top))
  }

  /// Grid, axes, ticks, and the names of both.
  func draw(into drawing: inout SVGDrawing, xTitle: String, yTitle: String) {
    for (tick, label) in zip(y.ticks, y.labels) {
      let height = place(x.low, tick).y
      drawing.line(left, height, right, height, style: "grid")
      drawing.text(label, x: left - 6, y: height + 4, anchor: .end, style: "soft")
    }
    var free = left - 20
    for (tick, label) in zip(x.ticks, x.labels) {
      let across = place(tick, y.low).x
      drawing.line(across, top, across, bottom, style: "grid")
      let half = SVGDrawing.width(of: label) / 2
      let middle = min(across, right + 12 - half)
      guard middle - half >= free else { continue }
      drawing.text(label, x: middle, y: bottom + 17, anchor: .middle, style: "soft")
      free = middle + half + 4
    }
    if y.low < 0, y.high > 0 {
      let height = place(x.low, 0).y
      drawing.line(left, height, right, height, style: "zero")
    }
    if x.low < 0, x.high > 0 {
      let across = place(0, y.low).x
      drawing.line(across, top, across, bottom, style: "zero")
    }
    drawing.line(left, bottom, right, bottom, style: "axis")
    drawing.line(left, top, left, bottom, style: "axis")
    let room = right - left
    if !yTitle.isEmpty {
      drawing.text(
        SVGDrawing.fitted(escapedText(yTitle), into: room), x: 0, y: top - 10, style: "name")
    }
    drawing.text(
      SVGDrawing.fitted(escapedText(xTitle), into: room), x: right, y: bottom + 36, anchor: .end,
      style: "name")
  }
}

extension SVGDrawing {
  /// The ends of an interval around a point, from one place to another.
  mutating func whisker(
    _ ends: (x: Double, y: Double), _ others: (x: Double, y: Double), owner: Int
  ) {
    let style = "error s\(owner)"
    line(ends.x, ends.y, others.x, others.y, style: style)
    for end in [ends, others] {
      let isUpright = ends.x == others.x
      let (across, up) = isUpright ? (3.5, 0.0) : (0, 3.5)
      line(end.x - across, end.y - up, end.x + across, end.y + up, style: style)
    }
  }

  /// Signs and names of series, on as many lines as it takes.
  mutating func legend(_ names: [String]) {
    var (x, y) = (0.0, height + 18)
    for (index, name) in names.enumerated() {
      let text = SVGDrawing.fitted(name, into: width - 20)
      let size = SVGDrawing.width(of: text) + 34
      if x > 0, x + size > width {
        (x, y) = (0, y + 19)
      }
      path(svgSign(index, x: x + 6, y: y - 4, radius: 5), style: "s\(index)")
      self.text(text, x: x + 16, y: y)
      x += size
    }
  }
}

/// Numbers as a sentence says them.
func shortNumbers(_ values: [Double]) -> [String] {
  let people = PeopleNumbers(values.filter(\.isFinite).map { DecimalText($0) }, significant: 4)
  return values.map { $0.isFinite ? people.text(DecimalText($0 + 0)) : $0.description }
}

/// `dla from -0.5 to 2.7`
func rangeText(_ name: String, _ values: [Double]) -> String {
  guard let low = values.min(), let high = values.max() else { return "\(name) without values" }
  let texts = shortNumbers([low, high])
  return "\(name) from \(texts[0]) to \(texts[1])"
}
