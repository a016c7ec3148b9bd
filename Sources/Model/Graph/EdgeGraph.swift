/// All edges of a model.
///
/// A reader reads every writer before it, so that its writers come first in their order. A layer's MLP reads
/// the layer's own heads, unless both read the stream before the layer; heads of one layer never
/// read each other.
public struct EdgeGraph: Sendable, Equatable {
  public let layers, heads: Int
  /// Whether attention and MLP of a layer read the same stream.
  public let isParallel: Bool

  public init(_ configuration: Configuration) {
    layers = configuration.layers
    heads = configuration.heads
    isParallel = configuration.residual != .sequential
  }

  init(layers: Int, heads: Int, isParallel: Bool) {
    (self.layers, self.heads, self.isParallel) = (layers, heads, isParallel)
  }

  /// Why two parts of the model have no edge between them.
  public enum Obstacle: Sendable, Equatable {
    /// The reader comes before the writer.
    case backwards
    /// Heads of one layer compute at once.
    case betweenHeads
    /// Attention and MLP of this layer compute at once.
    case parallelMLP
    /// There is no such layer or head.
    case unknown
  }

  // MARK: Writers

  /// 1 + layers · (heads + 1)
  public var writerCount: Int { 1 + layers * (heads + 1) }

  /// In the order of the model: `embed`, then of each layer its heads and its MLP.
  public func index(of writer: Edge.Writer) -> Int {
    switch writer {
    case .embed: 0
    case .head(let layer, let head): 1 + layer * (heads + 1) + head
    case .mlp(let layer): 1 + layer * (heads + 1) + heads
    }
  }

  public func writer(at index: Int) -> Edge.Writer {
    guard index > 0 else { return .embed }
    let (layer, place) = (index - 1).quotientAndRemainder(dividingBy: heads + 1)
    return place == heads ? .mlp(layer: layer) : .head(layer: layer, head: place)
  }

  // MARK: Readers

  /// layers · (3 · heads + 1) + 1
  public var readerCount: Int { layers * (3 * heads + 1) + 1 }

  /// In the order of the model: of each layer the queries, the keys, the values of all heads and the
  /// MLP; last the logits.
  public func index(of reader: Edge.Reader) -> Int {
    switch reader {
    case .head(let input, let layer, let head):
      layer * (3 * heads + 1) + input.number * heads + head
    case .mlp(let layer): layer * (3 * heads + 1) + 3 * heads
    case .logits: layers * (3 * heads + 1)
    }
  }

  public func reader(at index: Int) -> Edge.Reader {
    let (layer, place) = index.quotientAndRemainder(dividingBy: 3 * heads + 1)
    guard layer < layers else { return .logits }
    guard place < 3 * heads else { return .mlp(layer: layer) }
    return .head(Edge.Input.allCases[place / heads], layer: layer, head: place % heads)
  }

  // MARK: Edges

  /// How many writers a reader has: these are the first ones.
  public func writerCount(before reader: Edge.Reader) -> Int {
    switch reader {
    case .head(_, let layer, _): 1 + layer * (heads + 1)
    case .mlp(let layer): 1 + layer * (heads + 1) + (isParallel ? 0 : heads)
    case .logits: writerCount
    }
  }

  /// How many edges there are.
  public var count: Int {
    (0..<readerCount).reduce(0) { $0 + writerCount(before: reader(at: $1)) }
  }

  /// Every edge, by reader and then by writer.
  public var edges: [Edge] {
    (0..<readerCount).flatMap { index in
      let reader = reader(at: index)
      return (0..<writerCount(before: reader)).map { Edge(from: writer(at: $0), to: reader) }
    }
  }

  /// Why this is no edge; nil for one that is.
  public func obstacle(to edge: Edge) -> Obstacle? {
    guard has(edge.writer), has(edge.reader) else { return .unknown }
    if index(of: edge.writer) < writerCount(before: edge.reader) { return nil }
    guard edge.writer.head != nil, edge.writer.layer == edge.reader.layer else {
      return .backwards
    }
    if case .mlp = edge.reader { return .parallelMLP }
    return .betweenHeads
  }

  private func has(_ writer: Edge.Writer) -> Bool {
    (0..<layers).contains(writer.layer ?? 0) && (0..<heads).contains(writer.head ?? 0)
  }

  private func has(_ reader: Edge.Reader) -> Bool {
    guard (0..<layers).contains(reader.layer ?? 0) else { return false }
    guard case .head(_, _, let head) = reader else { return true }
    return (0..<heads).contains(head)
  }
}

extension Edge.Input {
  /// Its place among all.
  fileprivate var number: Int {
    switch self {
    case .q: 0
    case .k: 1
    case .v: 2
    }
  }
}
