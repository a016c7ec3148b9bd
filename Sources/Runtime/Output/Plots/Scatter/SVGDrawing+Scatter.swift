import Lang

extension SVGDrawing {
  private static let mostLabels = 14

  /// One point per row; those farthest from the middle have their names next to them.
  init(
    scatter cloud: PlottedPoints, size: SVGSize = .whole, title: String?,
    scale: SharedScale? = nil
  ) {
    let (across, up) = (escapedText(cloud.x.name), escapedText(cloud.y.name))
    let values = (cloud.points.map(\.x), cloud.points.map(\.y))
    self.init(
      name: title ?? "\(up) against \(across)",
      summary: "\(cloud.points.count) points: \(rangeText(across, values.0)), "
        + rangeText(up, values.1) + ".",
      width: size.width)
    let top = heading(title)
    guard !cloud.points.isEmpty else {
      footnote(cloud.nothing)
      return
    }

    let frame = SVGFrame(
      x: SVGFrame.Range(values: cloud.extentX, isInteger: cloud.x.kind == .integers),
      y: SVGFrame.Range(values: cloud.extentY, isInteger: cloud.y.kind == .integers), size: size,
      top: top, scale: scale)
    frame.draw(into: &self, xTitle: across, yTitle: up)
    let places = cloud.points.map { frame.place($0.x, $0.y) }
    for (point, place) in zip(cloud.points, places) {
      let owner = cloud.series.index[point.row]
      if let across = cloud.acrossIntervals?[point.row] {
        whisker(
          frame.place(across.lowerBound, point.y), frame.place(across.upperBound, point.y),
          owner: owner)
      }
      if let up = cloud.upIntervals?[point.row] {
        whisker(
          frame.place(point.x, up.lowerBound), frame.place(point.x, up.upperBound), owner: owner)
      }
      let numbers = "\(cloud.x[point.row].description), \(cloud.y[point.row].description)"
      let name = cloud.name(point.row)
      path(
        svgSign(owner, x: place.x, y: place.y, radius: 4), style: "point s\(owner)",
        note: name.isEmpty ? numbers : "\(name): \(numbers)")
    }
    drawNames(of: cloud, at: places, in: frame)
    if scale == nil, cloud.series.names.count > 1 { legend(cloud.series.names) }
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
        box.left >= frame.left + 1 && box.right <= frame.right + 12 && box.top >= frame.top - 8
          && box.bottom <= frame.bottom - 1 && !taken.contains(where: box.overlaps)
          && !places.indices.contains { $0 != index && box.holds(places[$0]) }
      }
      guard let box else { continue }
      taken.append(box)
      self.text(text, x: box.left, y: box.bottom - 3)
    }
  }

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
