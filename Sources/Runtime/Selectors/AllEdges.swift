import Model

/// Every edge of a model as a place, by reader and then by writer, in the order of the model. There are
/// hundreds of thousands: each place is made when it is asked for, of names and parts that are made once.
struct AllEdges: Sendable {
  private struct Writer {
    var writer: Edge.Writer
    var name: String
    var sites: [Place.SitePart]
  }

  private struct Reader {
    var reader: Edge.Reader
    var name: String
    /// The number of the reader's first edge.
    var first: Int
  }

  private let writers: [Writer]
  private let readers: [Reader]
  let count: Int

  init(_ graph: EdgeGraph) {
    writers = (0..<graph.writerCount).map(graph.writer).map {
      Writer(writer: $0, name: "\($0)", sites: [$0.part])
    }
    var first = 0
    readers = (0..<graph.readerCount).map(graph.reader).map { reader in
      defer { first += graph.writerCount(before: reader) }
      return Reader(reader: reader, name: "\(reader)", first: first)
    }
    count = first
  }

  /// What all writers give.
  var sites: [Place.SitePart] { writers.flatMap(\.sites) }

  func edge(at index: Int) -> Edge {
    let (writer, reader) = ends(of: index)
    return Edge(from: writers[writer].writer, to: readers[reader].reader)
  }

  /// `L5H1 -> L9H6.q`, and its two ends.
  func names(at index: Int) -> EdgeNames {
    let (writer, reader) = ends(of: index)
    return EdgeNames(from: writers[writer].name, to: readers[reader].name)
  }

  func place(at index: Int) -> Place {
    let ((writer, _), names) = (ends(of: index), names(at: index))
    return Place(
      label: names.edge, sites: writers[writer].sites, edges: [edge(at: index)],
      writer: names.writer, reader: names.reader)
  }

  /// The last reader whose first edge is not after it.
  private func ends(of index: Int) -> (writer: Int, reader: Int) {
    precondition((0..<count).contains(index), "there is no such edge")
    var (low, high) = (0, readers.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if readers[middle].first <= index { low = middle } else { high = middle }
    }
    return (index - readers[low].first, low)
  }
}

extension Selector {
  /// `edges`, at a position or not.
  var isAllEdges: Bool { if case .word(.edges) = base { true } else { false } }
}

/// What tables call an edge, and its ends.
struct EdgeNames {
  var edge: String
  var writer: String
  var reader: String

  init(from writer: String, to reader: String) {
    (edge, self.writer, self.reader) = (writer + " -> " + reader, writer, reader)
  }

  init(_ place: Place) {
    (edge, writer, reader) = (place.label, place.writer ?? "", place.reader ?? "")
  }
}
