import Lang

extension SVGDrawing {
  /// A column a range, as high as the count of numbers in it; the series of a range next to each
  /// other.
  init(
    histogram: PlottedHistogram, size: SVGSize = .whole, title: String?,
    scale: SharedScale? = nil
  ) {
    let name = escapedText(histogram.column.name)
    let finite = (0..<histogram.column.count).compactMap { histogram.column.values.number($0) }
      .filter(\.isFinite)
    self.init(
      name: title ?? "Histogram of \(name)",
      summary: "\(finite.count) numbers in \(histogram.binCount) ranges: "
        + rangeText(name, finite) + ".",
      width: size.width)
    let top = heading(title)
    guard histogram.binCount > 0 else {
      footnote("`\(name)` has no finite number")
      return
    }
    let bins = 0..<histogram.binCount
    let frame = SVGFrame(
      x: SVGFrame.Range(
        values: [histogram.ranges.start(0), histogram.ranges.start(histogram.binCount)],
        isInteger: false),
      y: SVGFrame.Range(
        values: histogram.counts.joined().map(Double.init) + [0], isInteger: true),
      size: size, top: top, scale: scale.map { SharedScale(y: $0.y?.ends ?? []) })
    frame.draw(into: &self, xTitle: name, yTitle: "count")
    let labels = histogram.names
    let series = histogram.counts.count
    for bin in bins {
      let left = frame.place(histogram.ranges.start(bin), 0)
      let right = frame.place(histogram.ranges.start(bin + 1), 0)
      let room = max(0.5, right.x - left.x - 1)
      for (owner, counts) in histogram.counts.enumerated() where counts[bin] > 0 {
        let place = frame.place(histogram.ranges.start(bin), Double(counts[bin]))
        let share = room / Double(series)
        let of = histogram.series.names.isEmpty ? "" : "\(histogram.series.names[owner]), "
        rectangle(
          Rectangle(
            x: left.x + 0.5 + share * Double(owner), y: place.y, width: share,
            height: left.y - place.y), style: "s\(owner)", opacity: 0.85,
          note: "\(of)\(labels[bin]): \(counts[bin])")
      }
    }
    if scale == nil, histogram.series.names.count > 1 { legend(histogram.series.names) }
    for note in leftOut(histogram.missing) { footnote(note) }
  }
}
