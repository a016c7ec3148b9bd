import Synchronization

/// What every writer of a model is taken to give at every position of a prompt.
///
/// Many readers, and many circuits, share one: two are equal if they are the same object.
public final class GivenWrites: Sendable, Equatable {
  /// `[positions][d_model]`
  private let embed: [[Float]]
  /// Of each layer, `[positions][heads · d_model]`; of heads before a norm on their way.
  private let heads: [[[Float]]]
  /// Of each layer, `[positions][d_model]`
  private let mlps: [[[Float]]]
  /// Whether every writer gives nothing.
  let isZero: Bool
  private let knownDigest = Mutex<ContentDigest?>(nil)

  /// - Parameters:
  ///   - embed: `[positions][d_model]`
  ///   - heads: of each layer `[positions][heads · d_model]`
  ///   - mlps: of each layer `[positions][d_model]`
  public init(embed: [[Float]], heads: [[[Float]]], mlps: [[[Float]]]) {
    (self.embed, self.heads, self.mlps, isZero) = (embed, heads, mlps, false)
  }

  /// Every writer gives nothing.
  public init() {
    (embed, heads, mlps, isZero) = ([], [], [], true)
  }

  public static func == (a: GivenWrites, b: GivenWrites) -> Bool { a === b }

  /// Whether there is a row for every writer of a model at every position.
  func fits(positions: Int, _ configuration: Configuration) -> Bool {
    if isZero { return true }
    let (layers, width) = (configuration.layers, configuration.width)
    func fits(_ rows: [[Float]], width: Int) -> Bool {
      rows.count == positions && rows.allSatisfy { $0.count == width }
    }
    return fits(embed, width: width) && heads.count == layers && mlps.count == layers
      && heads.allSatisfy { fits($0, width: configuration.heads * width) }
      && mlps.allSatisfy { fits($0, width: width) }
  }

  /// What a writer gives at a position; nil for zeros.
  func row(of writer: Edge.Writer, at position: Int, width: Int) -> ArraySlice<Float>? {
    if isZero { return nil }
    switch writer {
    case .embed: return embed[position][...]
    case .head(let layer, let head):
      return heads[layer][position][head * width..<(head + 1) * width]
    case .mlp(let layer): return mlps[layer][position][...]
    }
  }

  /// Of all its numbers; computed once.
  var digest: ContentDigest {
    knownDigest.withLock { known in
      if let known { return known }
      var bytes = ByteWriter()
      bytes.append(isZero ? 1 as UInt8 : 0)
      for rows in [[embed], heads, mlps].joined() {
        bytes.append(count: rows.count)
        for row in rows { bytes.append(row) }
      }
      let digest = ContentDigest(of: bytes.bytes)
      known = digest
      return digest
    }
  }
}

/// What one reader does not read of its own run: of some writers it has what they are taken to give.
public struct OutsideReads: Sendable, Equatable {
  public let reader: Edge.Reader
  /// Their numbers in `EdgeGraph`, ascending.
  public let writers: [Int]
  public let given: GivenWrites

  public init(reader: Edge.Reader, writers: [Int], given: GivenWrites) {
    (self.reader, self.writers, self.given) = (reader, writers, given)
  }
}

extension Edit {
  /// An edit of what one reader reads of many writers at once, at some positions.
  public init(outside reads: OutsideReads, positions: [Int]) {
    self.init(site: reads.reader.site, positions: positions, change: .outside(reads))
  }

  /// The reader whose copy of the stream it changes, if it is of edges.
  public var reader: Edge.Reader? {
    switch change {
    case .edge(let edge, _): edge.reader
    case .outside(let reads): reads.reader
    case .zero, .replace, .scale, .add, .along, .cut, .features: nil
    }
  }

  /// What is done to which edges, for messages; nil where it is of none.
  var editedEdges: String? {
    switch change {
    case .edge(let edge, _): "the edge \(edge) is edited"
    case .outside(let reads): "edges to \(reads.reader) are edited"
    case .zero, .replace, .scale, .add, .along, .cut, .features: nil
    }
  }

  /// Whether what heads of a layer give must be known for it.
  func readsHead(of layer: Int, heads: Int) -> Bool {
    switch change {
    case .edge(let edge, _): edge.writer.layer == layer
    case .outside(let reads):
      reads.given.isZero
        || reads.writers.contains {
          (1 + layer * (heads + 1)..<(layer + 1) * (heads + 1)).contains($0)
        }
    case .zero, .replace, .scale, .add, .along, .cut, .features: false
    }
  }
}
