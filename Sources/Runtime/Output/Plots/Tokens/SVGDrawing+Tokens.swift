import Lang

extension SVGDrawing {
  /// Tokens one after another, each on the shade of its number, in lines as of a text.
  init(
    tokens plotted: TokenStrips, size: SVGSize = .whole, title: String?,
    scale shared: SharedScale? = nil
  ) {
    let width = size.width < 400 ? size.width : 560
    let finite = plotted.finite
    let count = plotted.strips.count
    self.init(
      name: title ?? "\(plotted.valueTitle) of each token",
      summary: "\(count) strip\(count == 1 ? "" : "s") of tokens: "
        + rangeText(plotted.valueTitle, finite) + ".",
      width: width)
    var y = heading(title) + 2
    let scale = HeatmapScale(finite + (shared?.y?.ends ?? []))
    let shown = shownRows(of: count, at: TokenStrips.mostStrips)
    for strip in plotted.strips.prefix(shown) {
      if !strip.name.isEmpty {
        text(Self.fitted(strip.name, into: width), x: 0, y: y + 13, style: "name")
        y += 20
      }
      y = draw(strip.tokens, from: y, scale) + 8
    }
    if shared == nil { drawScale(scale, named: plotted.valueTitle) }
    for note in rowNotes(count - shown, Marks(unicode: true)) {
      footnote(note.replacing("more row", with: "more strip"))
    }
  }

  /// - Returns: where the next line begins.
  private mutating func draw(
    _ tokens: [TokenStrips.Token], from top: Double, _ scale: HeatmapScale
  ) -> Double {
    let height = 22.0
    var (x, y) = (0.0, top)
    for token in tokens {
      let label = Self.fitted(token.text.isEmpty ? " " : token.text, into: width - 8)
      let size = Self.width(of: label, size: 11) + 8
      if x > 0, x + size > width { (x, y) = (0, y + height + 2) }
      let box = Rectangle(x: x, y: y, width: size - 1, height: height)
      let note = "\(token.text), \(token.position)"
      if token.value.isNaN {
        rectangle(box, style: "missing", note: note)
      } else {
        let share = scale.share(token.value)
        rectangle(
          box, style: share < 0 ? "low" : "high", opacity: share.magnitude,
          note: "\(note): \(token.value)")
      }
      let share = token.value.isNaN ? 0 : scale.share(token.value).magnitude
      text(
        label, x: x + (size - 1) / 2, y: y + 15, anchor: .middle,
        style: Self.style(onShare: share))
      x += size
    }
    return y + height
  }
}
