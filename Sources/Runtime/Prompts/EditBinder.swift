import Lang
import Model

/// Binds edits to the prompts of a set. The runs that they take values from are done once for all
/// prompts.
struct EditBinder {
  /// Runs a set and keeps, of each prompt, some sites.
  typealias Runner = (PromptSet, (Prompt) throws -> [Site: RunRequest.Positions]) throws ->
    [RunResult]

  private let set: PromptSet
  private let runner: Runner
  private var sources: [ObjectIdentifier: ValueSource] = [:]
  /// What writers of edges give in a donor's run.
  private var written: [WrittenKey: [[Float]]] = [:]

  private struct WrittenKey: Hashable {
    var spec: ObjectIdentifier
    var prompt: Int
    var writer: Edge.Writer
    var positions: [Int]
  }

  init(_ set: PromptSet, runner: @escaping Runner) {
    self.set = set
    self.runner = runner
  }

  /// The runs that a spec takes values from are done already.
  mutating func take(_ runs: [RunResult], for spec: EditSpec) {
    sources[ObjectIdentifier(spec.identity)] = ValueSource(spec, for: set, runs: runs)
  }

  /// The edits that a spec, taken as a whole, makes on the prompt at `index`.
  mutating func edits(_ spec: EditSpec, at index: Int) throws -> [Edit] {
    try placing(at: spec.span, in: spec.source) {
      if spec.isOfEdges {
        return try spec.targets.flatMap { target in
          let positions = try set.prompts[index].positions(target.position ?? .all)
          return try edgeEdits(spec, target.place, target.position, at: positions, ofPrompt: index)
        }
      }
      var done = EditedPlaces(set.model.configuration)
      return try spec.joinedTargets.flatMap { parts, kind in
        let positions = try set.prompts[index].positions(kind ?? .all)
        // What a list names twice is changed once, as it would be twice as much otherwise.
        guard spec.mode.accumulates else {
          return try edits(spec, parts, kind, at: positions, ofPrompt: index)
        }
        return try parts.flatMap { part in
          try done.add(part, at: positions).flatMap { part, positions in
            try edits(spec, [part], kind, at: positions, ofPrompt: index)
          }
        }
      }
    }
  }

  /// The runs that a sweep makes of a prompt: one a component, and one a position where the
  /// selector gave positions.
  mutating func variants(_ spec: EditSpec, at index: Int) throws -> [Variant] {
    let prompt = set.prompts[index]
    written = [:]
    var seen: Set<Variant.Name> = []
    return try placing(at: spec.span, in: spec.source) {
      try spec.targets.flatMap { target -> [Variant] in
        // A knock-out has its positions in pairs; it is swept over heads or layers alone.
        guard let kind = target.position, !spec.isKnockout else {
          let all = try prompt.positions(target.position ?? .all)
          return [
            Variant(
              place: target.place, position: nil, kind: target.position,
              edits: try edits(spec, target.place, target.position, at: all, ofPrompt: index))
          ]
        }
        return try prompt.sweptPositions(kind).map { position in
          Variant(
            place: target.place, position: position, kind: kind,
            edits: try edits(spec, target.place, kind, at: [position], ofPrompt: index))
        }
      }.filter { seen.insert($0.name).inserted }
    }
  }

  private mutating func edits(
    _ spec: EditSpec, _ place: Place, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [Edit] {
    try place.edges.isEmpty
      ? edits(spec, place.sites, kind, at: positions, ofPrompt: index)
      : edgeEdits(spec, place, kind, at: positions, ofPrompt: index)
  }

  /// One edit an edge: of all edges from one writer the numbers are in memory once.
  private mutating func edgeEdits(
    _ spec: EditSpec, _ place: Place, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [Edit] {
    guard let writer = place.edges.first?.writer, !positions.isEmpty else { return [] }
    let key = WrittenKey(
      spec: ObjectIdentifier(spec.identity), prompt: index, writer: writer, positions: positions)
    let rows =
      try written[key] ?? rows(spec, writer.part, kind, at: positions, ofPrompt: index)
    written[key] = rows
    return place.edges.map { Edit(edge: $0, positions: positions, rows: rows) }
  }

  private mutating func rows(
    _ spec: EditSpec, _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [[Float]] {
    let key = ObjectIdentifier(spec.identity)
    var source = try sources[key] ?? ValueSource(spec, for: set, runner: runner)
    defer { sources[key] = source }
    return try source.rows(part, kind, at: positions, ofPrompt: index)
  }

  private mutating func edits(
    _ spec: EditSpec, _ parts: [Place.SitePart], _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [Edit] {
    // `@completion` of an answer of one token.
    if positions.isEmpty { return [] }
    return try parts.map { part in
      Edit(
        site: part.site, units: part.units, positions: positions,
        change: try change(spec, part, kind, at: positions, ofPrompt: index))
    }
  }

  private mutating func change(
    _ spec: EditSpec, _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> Edit.Change {
    switch spec.mode {
    case .zero: return .zero
    case .scale(let factor): return .scale(factor)
    case .steer(let vector):
      // The vector is as wide as what a selector names; several heads of a layer are one edit.
      return .add(Array(repeatElement(vector, count: part.units?.count ?? 1).joined()))
    case .knockout(let kind):
      return .cut(sources: try set.prompts[index].positions(kind))
    case .mean, .resample, .patch, .patchFromCounterpart, .freeze:
      return .replace(try rows(spec, part, kind, at: positions, ofPrompt: index))
    }
  }
}

extension Prompt {
  /// The positions of a sweep: `@*` is every one of the prompt's own, whatever answer follows it.
  fileprivate func sweptPositions(_ kind: Position.Kind) throws -> [Int] {
    kind == .all ? Array(0..<count) : try positions(kind)
  }
}

extension EditSpec {
  /// Targets at the same positions taken together, and of each site all units: one edit a site.
  fileprivate var joinedTargets: [(parts: [Place.SitePart], position: Position.Kind?)] {
    var joined: [(parts: [Place.SitePart], position: Position.Kind?)] = []
    var places: [Site: Int] = [:]
    for target in targets {
      if joined.last.map({ $0.position != target.position }) ?? true {
        joined.append(([], target.position))
        places = [:]
      }
      for part in target.place.sites {
        guard let place = places[part.site] else {
          places[part.site] = joined[joined.count - 1].parts.count
          joined[joined.count - 1].parts.append(part)
          continue
        }
        joined[joined.count - 1].parts[place].join(part)
      }
    }
    return joined
  }

  /// Whether its targets are edges, all of them.
  var isOfEdges: Bool { targets.first.map { !$0.place.edges.isEmpty } ?? false }

  var isKnockout: Bool { if case .knockout = mode { true } else { false } }
}

extension Place.SitePart {
  /// The other's units too, each once.
  fileprivate mutating func join(_ other: Place.SitePart) {
    guard let mine = units, let others = other.units else {
      units = nil
      return
    }
    units = mine + others.filter { !mine.contains($0) }
  }
}
