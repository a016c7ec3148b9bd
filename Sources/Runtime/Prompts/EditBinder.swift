import Lang
import Model

/// Binds edits to the prompts of a set. The runs that they take values from are done once for all
/// prompts.
struct EditBinder {
  typealias CaseRunner = ([(item: Case, sites: [Site: RunRequest.Positions])]) throws
    -> [RunResult]
  /// Runs a set and keeps, of each prompt, some sites.
  typealias Runner = (PromptSet, (Prompt) throws -> [Site: RunRequest.Positions]) throws ->
    [RunResult]

  let set: PromptSet
  private let runner: Runner
  /// Runs cases and keeps some sites of each.
  let caseRunner: CaseRunner
  /// Of paths of several edges of one prompt, what their last edges are given.
  var paths: (spec: ObjectIdentifier, index: Int, rows: [Place: [[Float]]])?
  private var sources: [ObjectIdentifier: ValueSource] = [:]
  /// By sweep: of each target the first that is of the same place.
  private var placeNames: [ObjectIdentifier: [Int]] = [:]
  /// By sweep that has no positions: its variants.
  private var commonPlaces: [ObjectIdentifier: [VariantPlace]] = [:]
  /// What writers of edges give in the run of a prompt's donor.
  private var written: (prompt: Int, rows: [WrittenKey: [[Float]]]) = (-1, [:])

  /// What writers are taken to give outside of a circuit.
  private var lastGiven: (spec: ObjectIdentifier, index: Int, given: GivenWrites)?

  private struct WrittenKey: Hashable {
    var spec: ObjectIdentifier
    var writer: Edge.Writer
    var positions: [Int]
  }

  init(_ set: PromptSet, runner: @escaping Runner, caseRunner: @escaping CaseRunner) {
    self.set = set
    self.runner = runner
    self.caseRunner = caseRunner
  }

  /// With runs of a session.
  init(_ set: PromptSet, in session: Session) {
    self.init(
      set, runner: { try session.values(of: $0, sites: $1) },
      caseRunner: { try session.values(of: $0, on: set.model) })
  }

  /// The runs that a spec takes values from are done already.
  mutating func take(_ runs: [RunResult], for spec: EditSpec) {
    sources[ObjectIdentifier(spec.identity)] = ValueSource(spec, for: set, runs: runs)
  }

  /// The edits that a spec, taken as a whole, makes on the prompt at `index`.
  mutating func edits(_ spec: EditSpec, at index: Int) throws -> [Edit] {
    try placing(at: spec.span, in: spec.source) {
      if let circuit = spec.circuit { return try edits(spec, outside: circuit.outside, at: index) }
      if spec.isOfEdges {
        return try spec.targets.flatMap { target in
          let positions = try set.prompts[index].positions(target.position ?? .all)
          return try edgeEdits(spec, target.place, target.position, at: positions, ofPrompt: index)
        }
      }
      if case .inject = spec.mode {
        return try spec.targets.flatMap { target in
          let positions = try set.prompts[index].positions(target.position ?? .all)
          return try injected(
            spec, target.place, target.position, at: positions, ofPrompt: index)
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

  /// What readers take from elsewhere of all that is outside of a circuit.
  mutating func edits(_ spec: EditSpec, outside: Circuit.Outside, at index: Int) throws -> [Edit] {
    guard !outside.isEmpty else { return [] }
    let given = try given(spec, at: index)
    let positions = Array(set.prompts[index].tokens.indices)
    return outside.map { reader, writers in
      Edit(
        outside: OutsideReads(reader: reader, writers: writers, given: given), positions: positions)
    }
  }

  /// What all writers are taken to give; of one prompt it is in memory once.
  private mutating func given(_ spec: EditSpec, at index: Int) throws -> GivenWrites {
    if let known = lastGiven, known.spec == ObjectIdentifier(spec.identity), known.index == index {
      return known.given
    }
    let positions = Array(set.prompts[index].tokens.indices)
    func rows(_ site: Site) throws -> [[Float]] {
      try self.rows(
        spec, Place.SitePart(site: site, units: nil), nil, at: positions, ofPrompt: index)
    }
    let layers = 0..<set.model.configuration.layers
    let given =
      spec.mode.isZero
      ? GivenWrites()
      : GivenWrites(
        embed: try rows(Site(.embed)), heads: try layers.map { try rows(Site(.result, layer: $0)) },
        mlps: try layers.map { try rows(Site(.mlpOut, layer: $0)) })
    lastGiven = (ObjectIdentifier(spec.identity), index, given)
    return given
  }

  /// Where one run of a sweep changes a prompt.
  struct VariantPlace {
    /// Which of the sweep's targets.
    var target: Int
    /// Where the selector gave positions.
    var position: Int?
  }

  /// The runs that a sweep makes of a prompt: one a component, and one a position where the
  /// selector gave positions.
  mutating func places(of spec: EditSpec, at index: Int) throws -> [VariantPlace] {
    // A knock-out has its positions in pairs; it is swept over heads or layers alone.
    if spec.kinds.isEmpty || spec.isKnockout { return wholePlaces(of: spec) }
    let (prompt, names) = (set.prompts[index], names(of: spec))
    var seen: Set<VariantName> = []
    return try placing(at: spec.span, in: spec.source) {
      try spec.targets.enumerated().flatMap { target, wanted -> [VariantPlace] in
        guard let kind = wanted.position else { return [VariantPlace(target: target)] }
        return try prompt.sweptPositions(kind).map { VariantPlace(target: target, position: $0) }
      }.filter {
        seen.insert(VariantName(place: names[$0.target], position: $0.position)).inserted
      }
    }
  }

  /// Without positions: for every prompt the same.
  private mutating func wholePlaces(of spec: EditSpec) -> [VariantPlace] {
    let key = ObjectIdentifier(spec.identity)
    if let known = commonPlaces[key] { return known }
    let names = names(of: spec)
    let places = names.indices.filter { names[$0] == $0 }.map { VariantPlace(target: $0) }
    commonPlaces[key] = places
    return places
  }

  mutating func variant(_ spec: EditSpec, _ which: VariantPlace, at index: Int) throws -> Variant {
    let (place, kind) = (spec.targets[which.target].place, spec.targets[which.target].position)
    return try placing(at: spec.span, in: spec.source) {
      let positions = try which.position.map { [$0] } ?? set.prompts[index].positions(kind ?? .all)
      return Variant(
        place: place, position: which.position, kind: kind,
        edits: try edits(spec, place, kind, at: positions, ofPrompt: index))
    }
  }

  /// What a variant is to a reader of a table: a list may name it twice, and it is one run.
  private struct VariantName: Hashable {
    /// The first target that is of the same place.
    var place: Int
    var position: Int?
  }

  /// Of each target the first that is of the same place.
  private mutating func names(of spec: EditSpec) -> [Int] {
    let key = ObjectIdentifier(spec.identity)
    if let known = placeNames[key] { return known }
    if spec.targets.areDistinct { return Array(spec.targets.indices) }
    var first: [Place: Int] = [:]
    first.reserveCapacity(spec.targets.count)
    let names = spec.targets.enumerated().map { target, wanted in
      let found = first[wanted.place] ?? target
      if found == target { first[wanted.place] = target }
      return found
    }
    placeNames[key] = names
    return names
  }

  private mutating func edits(
    _ spec: EditSpec, _ place: Place, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [Edit] {
    if place.source != nil {
      return try injected(spec, place, kind, at: positions, ofPrompt: index)
    }
    return try place.edges.isEmpty
      ? edits(spec, place.sites, kind, at: positions, ofPrompt: index)
      : edgeEdits(spec, place, kind, at: positions, ofPrompt: index)
  }

  /// One edit an edge: of all edges from one writer the numbers are in memory once.
  private mutating func edgeEdits(
    _ spec: EditSpec, _ place: Place, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [Edit] {
    guard let writer = place.edges.first?.writer, !positions.isEmpty else { return [] }
    if !place.path.isEmpty || spec.passesMLPs {
      let rows = try pathRows(spec, place, at: index)
      return place.edges.map { edge in
        let edge = Edge(from: spec.passesMLPs ? .embed : edge.writer, to: edge.reader)
        return Edit(edge: edge, positions: positions, rows: positions.map { rows[$0] })
      }
    }
    let rows = try writerRows(spec, writer, kind, at: positions, ofPrompt: index)
    return place.edges.map { Edit(edge: $0, positions: positions, rows: rows) }
  }

  /// What a writer gives at some positions in the run that an edit takes its values from.
  mutating func writerRows(
    _ spec: EditSpec, _ writer: Edge.Writer, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [[Float]] {
    if written.prompt != index { written = (index, [:]) }
    let key = WrittenKey(
      spec: ObjectIdentifier(spec.identity), writer: writer, positions: positions)
    if let known = written.rows[key] { return known }
    let rows = try rows(spec, writer.part, kind, at: positions, ofPrompt: index)
    written.rows[key] = rows
    return rows
  }

  mutating func rows(
    _ spec: EditSpec, _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [[Float]] {
    let key = ObjectIdentifier(spec.identity)
    var source = try sources[key] ?? ValueSource(spec, for: set, runner: runner)
    defer { sources[key] = source }
    return try source.rows(part, kind, at: positions, ofPrompt: index)
  }

  /// The states that a donor of a prompt has where a source is.
  mutating func states(_ spec: EditSpec, _ source: StateSource, ofPrompt index: Int) throws
    -> [[Float]]
  {
    let key = ObjectIdentifier(spec.identity)
    let values = try sources[key] ?? ValueSource(spec, for: set, runner: runner)
    sources[key] = values
    return try values.states(source, ofPrompt: index)
  }

  private mutating func edits(
    _ spec: EditSpec, _ parts: [Place.SitePart], _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [Edit] {
    // `@completion` of an answer of one token.
    if positions.isEmpty { return [] }
    if case .noise = spec.mode {
      return try parts.flatMap { try noise(spec, $0, kind, at: positions, ofPrompt: index) }
    }
    return try parts.map { part in
      Edit(
        site: part.site, units: part.feature == nil ? part.units : nil, positions: positions,
        change: try change(spec, part, kind, at: positions, ofPrompt: index))
    }
  }

  /// Normal random numbers at each position, of their own for each prompt, site and position.
  private mutating func noise(
    _ spec: EditSpec, _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [Edit] {
    guard case .noise(let times, _, let seed) = spec.mode else { return [] }
    let key = ObjectIdentifier(spec.identity)
    var source = try sources[key] ?? ValueSource(spec, for: set, runner: runner)
    defer { sources[key] = source }
    let width = Float(try source.deviation(part, kind)) * times
    let prompt = set.prompts[index]
    let activation = Activation.allCases.firstIndex(of: part.site.activation) ?? 0
    let c = set.model.configuration
    let units = part.units ?? Array(0..<c.unitCount(part.site))
    return positions.map { position in
      let vector = units.flatMap { unit -> [Float] in
        var generator = NormalNumbers(
          SplitMix64(
            seed: seed, streams: prompt.number, activation, part.site.layer, position, unit))
        return (0..<c.unitWidth(part.site.activation, sources: 1)).map { _ in
          width * Float(generator.next())
        }
      }
      return Edit(
        site: part.site, units: part.units, positions: [position], change: .add(vector))
    }
  }

  private mutating func change(
    _ spec: EditSpec, _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> Edit.Change {
    if let change = try spec.mode.uniformChange(of: part) { return change }
    if case .knockout(let kind) = spec.mode {
      return .cut(sources: try set.prompts[index].positions(kind))
    }
    let rows = try rows(spec, part, kind, at: positions, ofPrompt: index)
    return part.editedFeatures(.replace(rows)) ?? .replace(rows)
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
    var places: [Place.SitePart: Int] = [:]
    for target in targets {
      if joined.last.map({ $0.position != target.position }) ?? true {
        joined.append(([], target.position))
        places = [:]
      }
      for part in target.place.sites {
        let whole = Place.SitePart(site: part.site, units: nil, feature: part.feature)
        guard let place = places[whole] else {
          places[whole] = joined[joined.count - 1].parts.count
          joined[joined.count - 1].parts.append(part)
          continue
        }
        joined[joined.count - 1].parts[place].join(part)
      }
    }
    return joined
  }
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
