import Lang
import Model

extension SVGDrawing {
  /// Components in rows by layer, the logits at the top; edges as wide as their scores are large.
  init(circuit: PlottedCircuit, title: String?) {
    let layout = CircuitLayout(circuit)
    let (edges, nodes) = (circuit.lines.count, circuit.layers.joined().count)
    self.init(
      name: title ?? "a circuit of \(edges) edges",
      summary: "\(edges) edges between \(nodes) components, from the embedding to the logits.",
      width: layout.width)
    let top = heading(title) + 14
    drawLayers(layout, top: top)
    for line in circuit.lines { draw(line, circuit, layout, top: top) }
    for node in circuit.layers.joined() { draw(node, circuit, layout, top: top) }
    grow(to: top + layout.height)
    let inputs = Set(circuit.lines.map(\.edge.reader.inputName))
    if inputs != [""] { legend(["queries", "keys", "values", "MLPs and logits"]) }
    if let score = circuit.scoreName, circuit.largest > 0 {
      footnote(
        "width: \(escapedText(score)), at most "
          + "\(shortNumbers([circuit.largest])[0]); dashed: below 0")
    }
    for note in circuit.notes { footnote(note) }
  }

  private mutating func drawLayers(_ layout: CircuitLayout, top: Double) {
    for (label, y) in layout.labels {
      text(label, x: 0, y: top + y + 4, style: "soft")
      line(CircuitLayout.left - 8, top + y, layout.width, top + y, style: "grid")
    }
  }

  private mutating func draw(
    _ line: PlottedCircuit.Line, _ circuit: PlottedCircuit, _ layout: CircuitLayout, top: Double
  ) {
    let ends = circuit.node(line)
    guard let from = layout.places[ends.from], let to = layout.places[ends.to] else { return }
    let series = ["q": 0, "k": 1, "v": 2][line.edge.reader.inputName] ?? 3
    let shift = series < 3 ? Double(series - 1) * CircuitLayout.boxWidth / 3 : 0
    let share = circuit.largest > 0 && !line.score.isNaN ? abs(line.score) / circuit.largest : 0.3
    let score = line.score.isNaN ? "" : ": \(shortNumbers([line.score])[0])"
    let stroke = Stroke(
      style: "curve s\(series)", width: 0.6 + 4.4 * share, opacity: 0.25 + 0.65 * share,
      isDashed: line.score < 0)
    curve(
      from: (from.x, top + from.y - CircuitLayout.boxHeight / 2),
      to: (to.x + shift, top + to.y + CircuitLayout.boxHeight / 2), stroke,
      note: "\(line.edge)\(score)")
  }

  private mutating func draw(
    _ node: PlottedCircuit.Node, _ circuit: PlottedCircuit, _ layout: CircuitLayout, top: Double
  ) {
    guard let place = layout.places[node] else { return }
    let name = circuit.name(node)
    let label = node.head.map { "H\($0)" } ?? (name.hasSuffix(".mlp") ? "MLP" : name)
    let width = max(CircuitLayout.boxWidth, Self.width(of: label, size: 11) + 6)
    let box = Rectangle(
      x: place.x - width / 2, y: top + place.y - CircuitLayout.boxHeight / 2, width: width,
      height: CircuitLayout.boxHeight)
    rectangle(box, style: "paper")
    rectangle(box, style: "missing", note: name)
    rectangle(box, style: "frame")
    text(label, x: place.x, y: top + place.y + 4, anchor: .middle, style: "inside")
  }
}

/// Where the components of a circuit stand.
private struct CircuitLayout {
  static let left = 52.0
  static let boxWidth = 30.0
  static let boxHeight = 16.0
  private static let apart = 42.0
  private static let rowHeight = 46.0
  /// For MLPs, and for lines between them that go round others.
  private static let right = 100.0
  /// An MLP reads its own layer's heads: it stands higher.
  private static let rise = 15.0

  var width: Double
  var height: Double
  var places: [PlottedCircuit.Node: (x: Double, y: Double)] = [:]
  var labels: [(text: String, y: Double)] = []

  init(_ circuit: PlottedCircuit) {
    let rows = circuit.layers
    let most = rows.map(\.count).max() ?? 1
    width = max(480, Self.left + Double(most) * Self.apart + Self.right)
    height = Double(rows.count) * Self.rowHeight
    for (index, row) in rows.enumerated() {
      let y = height - (Double(index) + 0.5) * Self.rowHeight
      let ordered = Self.ordered(row, circuit, places)
      let heads = ordered.filter { $0.head != nil }
      let step = (width - Self.left - Self.right) / Double(max(1, heads.count))
      for (place, node) in heads.enumerated() {
        places[node] = (Self.left + (Double(place) + 0.5) * step, y)
      }
      for node in ordered where node.head == nil {
        let isMLP = node.layer >= 0 && node.layer < circuit.top
        places[node] =
          isMLP ? (width - Self.right + 20, y - Self.rise) : ((width + Self.left) / 2, y)
      }
      if let layer = row.first?.layer, layer >= 0, layer < circuit.top {
        labels.append(("L\(layer)", y))
      }
    }
  }

  /// By where what they read stands, so that fewer edges cross; the MLP is the last.
  private static func ordered(
    _ row: [PlottedCircuit.Node], _ circuit: PlottedCircuit,
    _ places: [PlottedCircuit.Node: (x: Double, y: Double)]
  ) -> [PlottedCircuit.Node] {
    func middle(_ node: PlottedCircuit.Node) -> Double {
      let read = circuit.lines.filter { circuit.node($0).to == node }
        .compactMap { places[circuit.node($0).from]?.x }
      return read.isEmpty ? 0 : read.reduce(0, +) / Double(read.count)
    }
    let heads = row.filter { $0.head != nil }.map { ($0, middle($0)) }
    let sorted = heads.sorted {
      $0.1 == $1.1 ? ($0.0.head ?? 0) < ($1.0.head ?? 0) : $0.1 < $1.1
    }
    return sorted.map(\.0) + row.filter { $0.head == nil }
  }
}
