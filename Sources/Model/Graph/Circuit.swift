/// Some of the edges of a model.
public struct Circuit: Sendable, Equatable {
  public let graph: EdgeGraph
  /// Whether each edge is one of them, by reader and then by writer, as in `EdgeGraph.edges`.
  private var isIn: [Bool]
  /// How many they are.
  public private(set) var count: Int

  /// No edge, or all of them.
  public init(_ graph: EdgeGraph, isWhole: Bool = false) {
    self.graph = graph
    let all = graph.count
    isIn = [Bool](repeating: isWhole, count: all)
    count = isWhole ? all : 0
  }

  /// - Parameter numbers: places in `EdgeGraph.edges`.
  public init(_ graph: EdgeGraph, edges numbers: some Sequence<Int>) {
    self.init(graph)
    for number in numbers { insert(number) }
  }

  public func contains(_ number: Int) -> Bool { isIn[number] }

  public mutating func insert(_ number: Int) {
    if !isIn[number] { count += 1 }
    isIn[number] = true
  }

  /// Where they stand in `EdgeGraph.edges`.
  public var numbers: [Int] { isIn.indices.filter { isIn[$0] } }

  /// In the order of the model.
  public var edges: [Edge] {
    var edges: [Edge] = []
    forEachReader { reader, writers, first in
      for writer in 0..<writers where isIn[first + writer] {
        edges.append(Edge(from: graph.writer(at: writer), to: graph.reader(at: reader)))
      }
    }
    return edges
  }

  /// The heads and MLPs that its edges lead from, in the order of the model.
  public var nodes: [Edge.Writer] {
    var isWriter = [Bool](repeating: false, count: graph.writerCount)
    forEachReader { _, writers, first in
      for writer in 1..<max(1, writers) where isIn[first + writer] { isWriter[writer] = true }
    }
    return isWriter.indices.filter { isWriter[$0] }.map(graph.writer)
  }

  /// The readers that do not read all of their writers in the circuit, with the numbers of the others.
  public typealias Outside = [(reader: Edge.Reader, writers: [Int])]

  public var outside: Outside {
    var outside: Outside = []
    forEachReader { reader, writers, first in
      let missing = (0..<writers).filter { !isIn[first + $0] }
      if !missing.isEmpty { outside.append((graph.reader(at: reader), missing)) }
    }
    return outside
  }

  /// The same without the edges from some writers.
  public func removing(_ writers: Set<Int>) -> Circuit {
    var kept = self
    forEachReader { _, count, first in
      for writer in writers where writer < count && isIn[first + writer] {
        kept.isIn[first + writer] = false
        kept.count -= 1
      }
    }
    return kept
  }

  /// - Parameter body: given a reader's number, the number of its writers, and where its first edge stands.
  private func forEachReader(_ body: (_ reader: Int, _ writers: Int, _ first: Int) -> Void) {
    var first = 0
    for reader in 0..<graph.readerCount {
      let writers = graph.writerCount(before: graph.reader(at: reader))
      body(reader, writers, first)
      first += writers
    }
  }

  // MARK: - Paths

  /// The edges that lie on a path from the embedding to the logits. The same as to drop, until nothing
  /// changes, components without an edge to them or from them, and edges without a component at each end.
  public func pruned() -> Circuit {
    let reached = reached
    // From the last reader back: whether a writer's edges come to the logits.
    var arrives = [Bool](repeating: false, count: graph.writerCount)
    var kept = Circuit(graph)
    var firsts: [Int] = []
    forEachReader { _, _, first in firsts.append(first) }
    for number in (0..<graph.readerCount).reversed() {
      let reader = graph.reader(at: number)
      guard let own = reader.writer.map(graph.index) else {
        for writer in 0..<graph.writerCount where isIn[firsts[number] + writer] && reached[writer] {
          kept.insert(firsts[number] + writer)
          arrives[writer] = true
        }
        continue
      }
      guard arrives[own], reached[own] else { continue }
      for writer in 0..<graph.writerCount(before: reader)
      where isIn[firsts[number] + writer] && reached[writer] {
        kept.insert(firsts[number] + writer)
        arrives[writer] = true
      }
    }
    return kept
  }

  /// By writer, whether a path leads to it from the embedding.
  private var reached: [Bool] {
    var reached = [Bool](repeating: false, count: graph.writerCount)
    reached[0] = true
    forEachReader { number, writers, first in
      guard let own = graph.reader(at: number).writer else { return }
      if (0..<writers).contains(where: { isIn[first + $0] && reached[$0] }) {
        reached[graph.index(of: own)] = true
      }
    }
    return reached
  }
}

extension Edge.Reader {
  /// What it is a part of; nil for the logits.
  public var writer: Edge.Writer? {
    switch self {
    case .head(_, let layer, let head): .head(layer: layer, head: head)
    case .mlp(let layer): .mlp(layer: layer)
    case .logits: nil
    }
  }
}

extension EdgeGraph {
  /// Where an edge stands in `edges`.
  public func number(of edge: Edge) -> Int {
    let reader = index(of: edge.reader)
    return (0..<reader).reduce(index(of: edge.writer)) {
      $0 + writerCount(before: self.reader(at: $1))
    }
  }

  /// Where the first edge to each reader stands in `edges`.
  public var firstEdges: [Int] {
    var first = 0
    return (0..<readerCount).map { reader in
      defer { first += writerCount(before: self.reader(at: reader)) }
      return first
    }
  }
}
