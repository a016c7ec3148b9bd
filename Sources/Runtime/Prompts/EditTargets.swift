import Lang
import Model

/// What an edit changes, in order: what a list names, or all edges of a model. What can be said of all of
/// them together is worked out once, not for each prompt.
struct EditTargets: Sendable {
  private enum Storage: Sendable {
    case list([EditSpec.Target])
    case edges(AllEdges, Position.Kind?)
  }

  /// A site, and where it is looked at.
  struct Read: Hashable, Sendable {
    var site: Site
    var position: Position.Kind?
  }

  private let storage: Storage
  /// What selectors gave after `@`, each once; nil: nothing.
  let positions: [Position.Kind?]
  /// What is read of the run of a donor, each once.
  let reads: [Read]
  /// And what is read of it elsewhere.
  let sources: [StateSource]
  /// Those of what is changed whose rows are as long as their position.
  let overSources: [Read]
  /// Whether each has a place of its own: a list may name one twice.
  let areDistinct: Bool
  /// Whether one of them is a path of several edges.
  let havePaths: Bool
  /// Whether each is one edge, and no more: a key that heads share is several.
  let haveOneEdge: Bool

  init(_ targets: [EditSpec.Target]) {
    storage = .list(targets)
    positions = Self.distinct(targets.lazy.map(\.position))
    reads = Self.distinct(
      targets.lazy.filter { $0.place.source == nil }.flatMap { target in
        target.place.sites.lazy.flatMap(\.readSites).map {
          Read(site: $0, position: target.position)
        }
      })
    sources = Self.distinct(targets.lazy.compactMap(\.place.source))
    overSources = Self.distinct(
      targets.lazy.flatMap { target in
        target.place.sites.lazy.filter(\.site.activation.isOverSources).map {
          Read(site: $0.site, position: target.position)
        }
      })
    areDistinct = targets.count < 2
    havePaths = targets.contains { !$0.place.path.isEmpty }
    haveOneEdge = targets.allSatisfy { $0.place.edges.count == 1 }
  }

  init(_ edges: AllEdges, at position: Position.Kind?) {
    storage = .edges(edges, position)
    positions = [position]
    reads = Self.distinct(edges.sites.lazy.map { Read(site: $0.site, position: position) })
    (sources, overSources) = ([], [])
    (areDistinct, havePaths, haveOneEdge) = (true, false, true)
  }

  /// In the order in which they come first. Those of a sweep are mostly those of the one before.
  private static func distinct<Element: Hashable>(_ all: some Sequence<Element>) -> [Element] {
    var (found, seen): ([Element], Set<Element>) = ([], [])
    var last: Element?
    for element in all where element != last {
      last = element
      if seen.insert(element).inserted { found.append(element) }
    }
    return found
  }

  /// The positions that selectors gave, each once.
  var kinds: [Position.Kind] { positions.compactMap(\.self) }

  /// Whether they are edges.
  var areEdges: Bool {
    switch storage {
    case .list(let targets): targets.first.map { !$0.place.edges.isEmpty } ?? false
    case .edges: true
    }
  }
}

// MARK: - Edges

extension EditTargets {
  /// Whether they are every edge of the model.
  var areAllEdges: Bool { if case .edges = storage { true } else { false } }

  /// The edges of a target, which are all of one writer.
  func forEachEdge(of index: Int, _ body: (Edge) -> Void) {
    switch storage {
    case .list(let targets): targets[index].place.edges.forEach(body)
    case .edges(let edges, _): body(edges.edge(at: index))
    }
  }

  func edgeCount(of index: Int) -> Int {
    switch storage {
    case .list(let targets): targets[index].place.edges.count
    case .edges: 1
    }
  }

  func position(of index: Int) -> Position.Kind? {
    switch storage {
    case .list(let targets): targets[index].position
    case .edges(_, let position): position
    }
  }

  func edgeNames(of index: Int) -> EdgeNames {
    switch storage {
    case .list(let targets): EdgeNames(targets[index].place)
    case .edges(let edges, _): edges.names(at: index)
    }
  }
}

extension EditTargets: RandomAccessCollection {
  var startIndex: Int { 0 }

  var endIndex: Int {
    switch storage {
    case .list(let targets): targets.count
    case .edges(let edges, _): edges.count
    }
  }

  subscript(index: Int) -> EditSpec.Target {
    switch storage {
    case .list(let targets): targets[index]
    case .edges(let edges, let position):
      EditSpec.Target(place: edges.place(at: index), position: position)
    }
  }
}
