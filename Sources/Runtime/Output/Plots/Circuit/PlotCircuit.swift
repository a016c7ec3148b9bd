import Lang
import Model

/// A circuit as it is drawn: its components in rows by layer, and its edges.
struct PlottedCircuit {
  struct Line {
    var edge: Edge
    /// NaN where it has none.
    var score: Double
  }

  /// From the embedding on.
  struct Node: Hashable {
    /// −1 for the embedding, the number of layers for the logits.
    var layer: Int
    /// Nil for an MLP, the embedding and the logits.
    var head: Int?
  }

  /// By the size of their scores, the largest last: they are drawn over the others.
  let lines: [Line]
  /// How many more the table has.
  let omitted: Int
  /// Of each layer that has some: the embedding's first, the logits' last.
  let layers: [[Node]]
  /// Above all layers.
  let top: Int
  let scoreName: String?
  let largest: Double

  /// More lines would hide each other.
  static let mostLines = 1000

  /// - Throws: `Failure` for a table without edges.
  init(_ table: Table, score: String?) throws {
    guard let writers = table["writer"], let readers = table["reader"] else {
      throw Failure(
        "`plot circuit` draws edges, and this table has no columns `writer` and `reader`",
        help: "draw a circuit, or the result of `patch each edges …`")
    }
    let column =
      try score.map { try table.numericColumn($0, for: "plot circuit") }
      ?? table.measure.flatMap { table[$0] }.flatMap { $0.kind.isNumeric ? $0 : nil }
    scoreName = column?.name
    var lines = try (0..<table.rowCount).mapChecked { row in
      guard let from = Edge.Writer(name: writers[row].description),
        let to = Edge.Reader(name: readers[row].description)
      else {
        let name = "\(writers[row].description) -> \(readers[row].description)"
        throw Failure("'\(excerpt(name))' is not an edge", help: "edges look like L5H1 -> L9H6.q")
      }
      return Line(edge: Edge(from: from, to: to), score: column?.values.number(row) ?? .nan)
    }
    let sizes = lines.map { $0.score.isNaN ? 0 : abs($0.score) }
    let order = lines.indices.sorted {
      sizes[$0] == sizes[$1] ? $0 < $1 : sizes[$0] < sizes[$1]
    }
    omitted = max(0, lines.count - Self.mostLines)
    lines = order.suffix(Self.mostLines).map { lines[$0] }
    self.lines = lines
    largest = lines.map { $0.score.isNaN ? 0 : abs($0.score) }.max() ?? 0
    let top = 1 + (lines.compactMap { $0.edge.reader.layer ?? $0.edge.writer.layer }.max() ?? 0)
    self.top = top
    let nodes = Set(lines.flatMap { [Node($0.edge.writer), Node($0.edge.reader, top: top)] })
    layers = Dictionary(grouping: nodes, by: \.layer).sorted { $0.key < $1.key }
      .map { Self.ordered($0.value) }
  }

  /// Heads by their number, the MLP last.
  private static func ordered(_ nodes: [Node]) -> [Node] {
    nodes.sorted { ($0.head ?? .max) < ($1.head ?? .max) }
  }

  /// `L9H6`
  func name(_ node: Node) -> String {
    if node.layer < 0 { return "embed" }
    if node.layer == top { return "logits" }
    return node.head.map { "L\(node.layer)H\($0)" } ?? "L\(node.layer).mlp"
  }

  func node(_ line: Line) -> (from: Node, to: Node) {
    (Node(line.edge.writer), Node(line.edge.reader, top: top))
  }
}

extension PlottedCircuit.Node {
  init(_ writer: Edge.Writer) {
    self.init(layer: writer.layer ?? -1, head: writer.head)
  }

  init(_ reader: Edge.Reader, top: Int) {
    self.init(layer: reader.layer ?? top, head: reader.head)
  }
}

extension Edge.Writer {
  /// From what a table calls it.
  init?(name: String) {
    if name == "embed" {
      self = .embed
      return
    }
    guard let place = Edge.place(name[...]) else { return nil }
    guard place.rest != "mlp" else {
      self = .mlp(layer: place.layer)
      return
    }
    guard let head = place.head, place.rest.isEmpty else { return nil }
    self = .head(layer: place.layer, head: head)
  }
}

extension Edge.Reader {
  /// From what a table calls it.
  init?(name: String) {
    if name == "logits" {
      self = .logits
      return
    }
    guard let place = Edge.place(name[...]) else { return nil }
    guard let head = place.head else {
      guard place.rest == "mlp" else { return nil }
      self = .mlp(layer: place.layer)
      return
    }
    guard let input = Edge.Input(rawValue: String(place.rest)) else { return nil }
    self = .head(input, layer: place.layer, head: head)
  }
}

extension Edge {
  /// More layers or heads than any model has.
  private static let most = 1_000_000

  /// `L9H6.q`, `L9.mlp`
  fileprivate static func place(_ name: Substring) -> (layer: Int, head: Int?, rest: Substring)? {
    guard name.first == "L" else { return nil }
    let parts = name.dropFirst().split(separator: ".", maxSplits: 1)
    guard let first = parts.first else { return nil }
    let rest = parts.count > 1 ? parts[1] : ""
    let numbers = first.split(separator: "H", maxSplits: 1, omittingEmptySubsequences: false)
      .map { Int($0) }
    guard let layer = numbers[0], (0..<most).contains(layer) else { return nil }
    if numbers.count == 1 { return (layer, nil, rest) }
    guard let head = numbers[1], (0..<most).contains(head) else { return nil }
    return (layer, head, rest)
  }
}

/// Of each input, on a terminal.
private let mostWriters = 8

/// A line for each component of a circuit, from the logits down: what it reads, the largest first.
func circuitText(_ circuit: PlottedCircuit, _ settings: RenderSettings) -> String {
  let arrow = settings.unicode ? "←" : "<-"
  let mark = Marks(unicode: settings.unicode).ellipsis
  let names = circuit.layers.joined().map(circuit.name)
  let width = names.map(\.count).max() ?? 0
  var text = ""
  for node in circuit.layers.joined().reversed() where node.layer >= 0 {
    let lines = circuit.lines.reversed().filter { circuit.node($0).to == node }
    guard !lines.isEmpty else { continue }
    let inputs = ["q", "k", "v", ""].compactMap { input -> String? in
      let writers = lines.filter { $0.edge.reader.inputName == input }.map { "\($0.edge.writer)" }
      guard !writers.isEmpty else { return nil }
      let more = writers.count > mostWriters ? " +\(writers.count - mostWriters)" : ""
      return (input.isEmpty ? "" : input + " ") + "\(arrow) "
        + writers.prefix(mostWriters).joined(separator: " ") + more
    }
    let line = circuit.name(node).padded(to: width) + "  " + inputs.joined(separator: "  ")
    text += (settings.width.map { line.cut(to: $0, mark: mark) } ?? line) + "\n"
  }
  return text + plotNotes(circuit.notes, settings)
}

extension Edge.Reader {
  /// `q`, `k` or `v`; empty for MLPs and the logits.
  var inputName: String {
    if case .head(let input, _, _) = self { input.rawValue } else { "" }
  }
}

extension PlottedCircuit {
  /// What is said below it.
  var notes: [String] {
    omitted > 0
      ? ["the \(thousands(Self.mostLines)) largest of \(thousands(lines.count + omitted)) edges"]
      : []
  }
}
