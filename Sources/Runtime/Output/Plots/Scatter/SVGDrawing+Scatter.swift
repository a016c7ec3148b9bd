import Lang

extension SVGDrawing {
  private static let mostLabels = 14

  /// One point per row; those farthest from the middle have their names next to them.
  init(scatter cloud: PlottedPoints, title: String?) {
    let (across, up) = (escapedText(cloud.x.name), escapedText(cloud.y.name))
    let values = (cloud.points.map(\.x), cloud.points.map(\.y))
    self.init(
      name: title ?? "\(up) against \(across)",
      summary: "\(cloud.points.count) points: \(rangeText(across, values.0)), "
        + rangeText(up, values.1) + ".",
      width: SVGFrame.width)
    let top = heading(title)
    guard !cloud.points.isEmpty else {
      footnote(cloud.nothing)
      return
    }

    let frame = SVGFrame(
      x: values.0, y: values.1, xIsInteger: cloud.x.kind == .integers,
      yIsInteger: cloud.y.kind == .integers, top: top)
    frame.draw(into: &self, xTitle: across, yTitle: up)
    let places = cloud.points.map { frame.place($0.x, $0.y) }
    for (point, place) in zip(cloud.points, places) {
      let owner = cloud.series.index[point.row]
      let numbers = "\(cloud.x[point.row].description), \(cloud.y[point.row].description)"
      let name = cloud.name(point.row)
      path(
        svgSign(owner, x: place.x, y: place.y, radius: 4), style: "point s\(owner)",
        note: name.isEmpty ? numbers : "\(name): \(numbers)")
    }
    drawNames(of: cloud, at: places, in: frame)
    if cloud.series.names.count > 1 { legend(cloud.series.names) }
    for note in leftOut(cloud.missing) { footnote(note) }
  }

  private mutating func drawNames(
    of cloud: PlottedPoints, at places: [(x: Double, y: Double)], in frame: SVGFrame
  ) {
    guard !cloud.labels.isEmpty else { return }
    var taken: [Box] = []
    for index in cloud.farthest(frame.x, frame.y) where taken.count < Self.mostLabels {
      let text = cloud.name(cloud.points[index].row)
      let width = Self.width(of: text)
      guard !text.isEmpty, width <= (frame.right - frame.left) / 2.5 else { continue }
      let place = places[index]
      let box = Box.around(place, width: width).first { box in
        box.left >= frame.left + 1 && box.right <= Self.edge && box.top >= frame.top - 8
          && box.bottom <= frame.bottom - 1 && !taken.contains(where: box.overlaps)
          && !places.indices.contains { $0 != index && box.holds(places[$0]) }
      }
      guard let box else { continue }
      taken.append(box)
      self.text(text, x: box.left, y: box.bottom - 3)
    }
  }

  private static var edge: Double { SVGFrame.width }

  /// The room of a name.
  private struct Box {
    var left: Double
    var top: Double
    var width: Double
    let height = 14.0
    var right: Double { left + width }
    var bottom: Double { top + height }

    /// Left and right of the point, above and below it, and in between.
    static func around(_ point: (x: Double, y: Double), width: Double) -> [Box] {
      let (x, y) = point
      let (right, left, middle) = (x + 7, x - 7 - width, x - width / 2)
      return [
        (right, y - 7), (left, y - 7), (middle, y - 20), (middle, y + 6), (right, y - 17),
        (right, y + 3), (left, y - 17), (left, y + 3),
      ].map { Box(left: $0.0, top: $0.1, width: width) }
    }

    func overlaps(_ other: Box) -> Bool {
      left < other.right + 2 && other.left < right + 2 && top < other.bottom && other.top < bottom
    }

    func holds(_ point: (x: Double, y: Double)) -> Bool {
      point.x > left - 4 && point.x < right + 4 && point.y > top - 3 && point.y < bottom + 3
    }
  }
}
