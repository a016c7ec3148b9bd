/// How a circuit is chosen by its edges' scores. The names and rules are those of EAP-IG and MIB.
public struct CircuitSelection: Sendable, Equatable {
  /// Whether edges are added from the logits on, the best that leads to what is there already; else the best
  /// of all are taken.
  public var isGreedy: Bool
  /// Whether a large negative score counts like a large positive one.
  public var isAbsolute: Bool

  public init(isGreedy: Bool, isAbsolute: Bool) {
    (self.isGreedy, self.isAbsolute) = (isGreedy, isAbsolute)
  }

  /// - Parameter scores: by edge, in the order of `EdgeGraph.edges`; NaN for what has none.
  /// - Returns: as many edges as are asked for, or as there are, before they are pruned. Of two that are
  ///   equally good the first in that order is taken.
  public func edges(_ count: Int, by scores: [Double], of graph: EdgeGraph) -> Circuit {
    isGreedy
      ? greedy(count, by: scores, of: graph)
      : Circuit(graph, edges: best(count, of: scores))
  }

  /// The edges between the best components, the embedding and the logits.
  ///
  /// - Parameter scores: by writer, the embedding's first; NaN for what has none.
  public func nodes(_ count: Int, by scores: [Double], of graph: EdgeGraph) -> Circuit {
    var rest = scores
    rest[0] = .nan
    let chosen = Set(best(count, of: rest)).union([0])
    var circuit = Circuit(graph)
    for (reader, first) in graph.firstEdges.enumerated() {
      let reader = graph.reader(at: reader)
      if let own = reader.writer, !chosen.contains(graph.index(of: own)) { continue }
      for writer in chosen where writer < graph.writerCount(before: reader) {
        circuit.insert(first + writer)
      }
    }
    return circuit
  }

  private func key(_ score: Double) -> Double { isAbsolute ? abs(score) : score }

  private func best(_ count: Int, of scores: [Double]) -> [Int] {
    let known = scores.indices.filter { !scores[$0].isNaN }
    let sorted = known.sorted {
      let (a, b) = (key(scores[$0]), key(scores[$1]))
      return a == b ? $0 < $1 : a > b
    }
    return Array(sorted.prefix(count))
  }

  private func greedy(_ count: Int, by scores: [Double], of graph: EdgeGraph) -> Circuit {
    let firsts = graph.firstEdges
    var circuit = Circuit(graph)
    var isThere = [Bool](repeating: false, count: graph.writerCount)
    isThere[0] = true
    var candidates = EdgeHeap()
    func add(_ readers: [Edge.Reader]) {
      for reader in readers {
        let (first, writers) = (firsts[graph.index(of: reader)], graph.writerCount(before: reader))
        for number in first..<first + writers where !scores[number].isNaN {
          candidates.push(number, key(scores[number]))
        }
      }
    }
    add([.logits])
    while circuit.count < count, let number = candidates.pop() {
      circuit.insert(number)
      let reader = graph.readerIndex(ofEdge: number, firsts)
      let writer = number - firsts[reader]
      if isThere[writer] { continue }
      isThere[writer] = true
      switch graph.writer(at: writer) {
      case .embed: break
      case .head(let layer, let head):
        add(Edge.Input.allCases.map { .head($0, layer: layer, head: head) })
      case .mlp(let layer): add([.mlp(layer: layer)])
      }
    }
    return circuit
  }
}

extension EdgeGraph {
  /// Which reader an edge leads to.
  func readerIndex(ofEdge number: Int, _ firsts: [Int]) -> Int {
    var (low, high) = (0, firsts.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if firsts[middle] <= number { low = middle } else { high = middle }
    }
    return low
  }
}

/// Edges by their keys: the best comes first, of equals the one with the smaller number.
private struct EdgeHeap {
  private var items: [(number: Int, key: Double)] = []

  private func isBefore(_ a: Int, _ b: Int) -> Bool {
    items[a].key == items[b].key
      ? items[a].number < items[b].number : items[a].key > items[b].key
  }

  mutating func push(_ number: Int, _ key: Double) {
    items.append((number, key))
    var place = items.count - 1
    while place > 0, isBefore(place, (place - 1) / 2) {
      items.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func pop() -> Int? {
    guard let first = items.first else { return nil }
    let last = items.removeLast()
    guard !items.isEmpty else { return first.number }
    items[0] = last
    var place = 0
    while true {
      let children = [2 * place + 1, 2 * place + 2].filter { $0 < items.count }
      guard let child = children.min(by: { isBefore($0, $1) }), isBefore(child, place) else {
        return first.number
      }
      items.swapAt(child, place)
      place = child
    }
  }
}

extension Circuit {
  /// A circuit at random: edges in an order drawn at random, each with what it needs to lie on a path from
  /// the embedding to the logits, until there are as many as are asked for.
  public static func random(
    _ count: Int, of graph: EdgeGraph, using generator: inout some RandomNumberGenerator
  ) -> Circuit {
    var builder = RandomCircuit(graph)
    for number in (0..<graph.count).shuffled(using: &generator) {
      guard builder.circuit.count < count else { break }
      builder.add(number, atMost: count, using: &generator)
    }
    return builder.circuit
  }
}

private struct RandomCircuit {
  var circuit: Circuit
  private let graph: EdgeGraph
  private let firsts: [Int]
  /// By writer, whether an edge leads to it, and from it.
  private var isReached: [Bool]
  private var isRead: [Bool]

  init(_ graph: EdgeGraph) {
    self.graph = graph
    circuit = Circuit(graph)
    firsts = graph.firstEdges
    isReached = [Bool](repeating: false, count: graph.writerCount)
    isReached[0] = true
    isRead = [Bool](repeating: false, count: graph.writerCount)
  }

  mutating func add(
    _ number: Int, atMost most: Int, using generator: inout some RandomNumberGenerator
  ) {
    guard !circuit.contains(number) else { return }
    var path = [number]
    let reader = graph.readerIndex(ofEdge: number, firsts)
    var writer = number - firsts[reader]
    // Back to the embedding.
    while !isReached[writer] {
      let readers = readers(of: writer)
      let reader = readers[Int.random(in: readers.indices, using: &generator)]
      let before = graph.writerCount(before: reader)
      let next = Int.random(in: 0..<before, using: &generator)
      path.append(firsts[graph.index(of: reader)] + next)
      writer = next
    }
    // On to the logits.
    var own = graph.reader(at: reader).writer.map(graph.index)
    while let node = own, !isRead[node] {
      let after = graph.readers(after: node)
      let reader = Int.random(in: after, using: &generator)
      path.append(firsts[reader] + node)
      own = graph.reader(at: reader).writer.map(graph.index)
    }
    guard circuit.count + Set(path).subtracting(path.filter(circuit.contains)).count <= most else {
      return
    }
    for edge in path {
      circuit.insert(edge)
      let reader = graph.readerIndex(ofEdge: edge, firsts)
      isRead[edge - firsts[reader]] = true
      if let own = graph.reader(at: reader).writer { isReached[graph.index(of: own)] = true }
    }
  }

  private func readers(of writer: Int) -> [Edge.Reader] {
    switch graph.writer(at: writer) {
    case .embed: []
    case .head(let layer, let head):
      Edge.Input.allCases.map { .head($0, layer: layer, head: head) }
    case .mlp(let layer): [.mlp(layer: layer)]
    }
  }
}

extension EdgeGraph {
  /// The readers of a writer: all from one on.
  fileprivate func readers(after writer: Int) -> Range<Int> {
    let first = (0..<readerCount).first { writerCount(before: reader(at: $0)) > writer }
    return (first ?? readerCount - 1)..<readerCount
  }
}
