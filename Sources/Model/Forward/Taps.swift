/// Where edits and captures fall on the rows of a batch.
struct Taps {
  /// An edit of a member.
  struct Bound {
    var member: Int
    var edit: Edit
    var units: [Int]
    /// Its place among what is known of features that fire; nil for an edit that is not of some features.
    var firing: Int?

    /// (index among the edit's positions, row) of the rows that are the member's own.
    func ownRows(in rows: Batch) -> [(index: Int, row: Int)] {
      edit.positions.enumerated().compactMap { index, position in
        rows.ownRow(of: member, at: position).map { (index, $0) }
      }
    }
  }

  /// What each member has asked to keep, so far.
  private(set) var results: [RunResult]

  let configuration: Configuration
  private var edits: [Site: [Bound]] = [:]
  /// Edits of edges: they change what one reader reads, and no site's own numbers.
  var edges = EdgeTaps()
  /// Edits of many edges at once.
  var outside: OutsideTaps
  private var captures: [Site: [(member: Int, positions: [Int])]] = [:]
  /// Whose features are edited.
  private var dictionaries: Set<FeatureDictionary> = []
  /// What dictionaries read in layers before those where their features are edited.
  private var earlier = EarlierInputs()

  /// - Parameter keeps: whether to keep what the members' captures ask for.
  init(_ batch: Batch, configuration: Configuration, keeps: Bool = true) {
    self.configuration = configuration
    outside = OutsideTaps(configuration)
    results = batch.members.map { _ in RunResult() }
    for (i, member) in batch.members.enumerated() {
      for (number, edit) in member.request.edits.enumerated() {
        bind(edit, number, of: i, member)
      }
      for (site, positions) in member.request.captures where keeps {
        captures[site, default: []].append((i, member.request.resolved(positions)))
      }
    }
    outside.makeRoom()
  }

  /// Where a member never has rows of its own when the site comes, its edit never falls.
  private mutating func bind(_ edit: Edit, _ number: Int, of i: Int, _ member: Batch.Member) {
    let site = edit.site
    let layer = site.activation == .lnFinalScale ? configuration.layers : site.layer
    // Whatever its end: a row goes on past it for another that rejoins it.
    guard edit.positions.contains(where: { member.fork.layers[$0] <= layer }) else { return }
    if case .edge(let edge, let rows) = edit.change {
      return edges.bind(edge, rows, of: edit, member: i)
    }
    if case .outside(let reads) = edit.change {
      return outside.bind(
        reads, of: edit, member: i, tokens: member.request.tokens.count)
    }
    let units = edit.units ?? Array(0..<configuration.unitCount(site))
    var bound = Bound(member: i, edit: edit, units: units)
    if case .features(let features) = edit.change {
      for placed in [features.placed] + features.readsBefore {
        dictionaries.insert(placed.dictionary)
      }
      earlier.await(features.readsBefore, at: edit.positions, of: i)
      if features.isOfSome {
        bound.firing = results[i].fired.count
        let isWhole = edit.positions.allSatisfy { member.fork.layers[$0] <= layer }
        results[i].fired.append(FiredFeatures(edit: number, isWhole: isWhole))
      }
    }
    edits[site, default: []].append(bound)
  }

  /// Whether nothing is edited and nothing kept anywhere.
  private var isIdle: Bool { edits.isEmpty && captures.isEmpty }

  /// The rows whose readers at a site have a copy of the stream of their own.
  func shifts(at site: Site, rows: Batch) -> [EdgeTaps.Shift] {
    edges.shifts(at: site, rows: rows, outside)
  }

  func touches(_ site: Site) -> Bool {
    !isIdle && (edits[site] != nil || captures[site] != nil || earlier.isAwaited(at: site))
  }

  func captures(_ site: Site) -> Bool { captures[site] != nil }

  /// Applies the site's edits, then keeps what was asked for. `x` is `[rows][stride]`.
  ///
  /// - Parameter mlp: at what the MLP gives, what it read at a row.
  mutating func visit(
    _ site: Site, in x: UnsafeMutablePointer<Float>, stride: Int, rows: Batch,
    mlp: ((Int) -> MLPInputs)? = nil
  ) {
    if isIdle { return }
    edit(site, in: x, stride: stride, rows: rows, mlp: mlp)
    capture(site, in: x, stride: stride, rows: rows)
  }

  /// - Throws: `ModelError` where the weights of a dictionary cannot be read.
  func checkDictionaries() throws {
    for dictionary in dictionaries { try dictionary.checkWeights() }
  }

  /// Applies the site's edits.
  mutating func edit(
    _ site: Site, in x: UnsafeMutablePointer<Float>, stride: Int, rows: Batch,
    mlp: ((Int) -> MLPInputs)? = nil
  ) {
    if let mlp { earlier.keep(at: site, rows: rows, mlp) }
    var features = FeatureRows()
    for bound in edits[site] ?? [] {
      if case .features(let edit) = bound.edit.change {
        for (index, row) in bound.ownRows(in: rows) {
          let fired = features.apply(edit, index: index, row: row, to: x + row * stride) {
            $0.site == site
              ? $0.input([], mlp: mlp?(row))
              : earlier.input(of: $0, at: rows.rows[row].position, of: bound.member)
          }
          guard let place = bound.firing else { continue }
          results[bound.member].fired[place].features.formUnion(fired)
        }
        continue
      }
      features.forget { bound.ownRows(in: rows).map(\.row) }
      let width = configuration.unitWidth(site.activation, sources: 0)
      if let whole = bound.edit.change.whole(at: site.activation) {
        for (_, row) in bound.ownRows(in: rows) { whole.apply(x + row * stride) }
        continue
      }
      for (index, row) in bound.ownRows(in: rows) {
        for (u, unit) in bound.units.enumerated() {
          Self.change(
            x + row * stride + unit * width, bound.edit.change, index: index, unit: u, width: width)
        }
      }
    }
  }

  /// Edits, then captures: what is kept is what the rest of the model sees.
  mutating func visit(
    _ activation: Activation, _ layer: Int, _ x: FloatBuffer, stride: Int, rows: Batch,
    mlp: ((Int) -> MLPInputs)? = nil
  ) {
    visit(Site(activation, layer: layer), in: x.pointer, stride: stride, rows: rows, mlp: mlp)
  }

  /// Keeps what was asked for. `x` is `[rows][stride]`.
  mutating func capture(
    _ site: Site, in x: UnsafePointer<Float>, stride: Int, rows: Batch
  ) {
    for (member, positions) in captures[site] ?? [] {
      let units = configuration.unitCount(site)
      let kept = positions.map { position in
        let width = configuration.unitWidth(site.activation, sources: position + 1)
        let row = x + rows.row(of: member, at: position) * stride
        return Array(UnsafeBufferPointer(start: row, count: units * width))
      }
      results[member].activations[site] = CapturedActivation(
        positions: positions, units: units, rows: kept)
    }
  }

  /// The rows and units that edits at a site change.
  func editedUnits(at site: Site, rows: Batch) -> [(row: Int, unit: Int)] {
    var seen: Set<[Int]> = []
    return (edits[site] ?? []).flatMap { bound in
      bound.ownRows(in: rows).flatMap { _, row in
        bound.units.compactMap { unit in
          seen.insert([row, unit]).inserted ? (row, unit) : nil
        }
      }
    }
  }

  /// The edits of a site by row, for those that are applied row by row; cuts last, so that they
  /// hold.
  func editsByRow(at site: Site, rows: Batch) -> [Int: [RowEdit]] {
    Dictionary(grouping: rowEdits(at: site, rows: rows), by: \.row)
      .mapValues { $0.map(\.edit) }
      .mapValues { $0.filter { !$0.isCut } + $0.filter(\.isCut) }
  }

  /// The edits of a site in their order, row by row.
  func rowEdits(at site: Site, rows: Batch) -> [(row: Int, edit: RowEdit)] {
    (edits[site] ?? []).flatMap { bound in
      bound.ownRows(in: rows).map { index, row in
        (row, RowEdit(change: bound.edit.change, index: index, units: bound.units))
      }
    }
  }

  /// One edit at one row.
  struct RowEdit {
    var change: Edit.Change
    var index: Int
    var units: [Int]

    var isCut: Bool { if case .cut = change { true } else { false } }
  }

  /// Changes one unit's elements. `unit` counts among the edit's units.
  static func change(
    _ x: UnsafeMutablePointer<Float>, _ change: Edit.Change, index: Int, unit: Int, width: Int
  ) {
    switch change {
    case .zero: x.update(repeating: 0, count: width)
    case .replace(let rows):
      rows[index].withUnsafeBufferPointer { row in
        for i in 0..<width { x[i] = row[unit * width + i] }
      }
    case .scale(let factor):
      for i in 0..<width { x[i] *= factor }
    case .add(let vector):
      // Adding 0 would turn −0 into 0.
      for i in 0..<width where vector[unit * width + i] != 0 { x[i] += vector[unit * width + i] }
    case .along(let along): along.apply(x)
    case .cut(let sources):
      for source in sources where source < width { x[source] = -.infinity }
    // Those are bound by themselves, and features are changed by what their dictionary reads.
    case .edge, .outside, .features: break
    }
  }
}

/// Edits and captures inside attention, where each row and head is one thread's.
struct AttentionTaps: @unchecked Sendable {
  /// `[rows][heads · longest]` for each activation that is kept at this layer; a row has
  /// heads · sources numbers.
  private(set) var kept: [Activation: FloatBuffer] = [:]

  private let edits: [Activation: [Int: [Taps.RowEdit]]]
  private let stride: Int
  /// Whether nothing is edited and nothing kept at this layer.
  let isIdle: Bool

  init(_ taps: Taps, layer: Int, rows: Batch, longest: Int, heads: Int) {
    stride = heads * longest
    var edits: [Activation: [Int: [Taps.RowEdit]]] = [:]
    for activation in [Activation.attnScores, .pattern] {
      let site = Site(activation, layer: layer)
      guard taps.touches(site) else { continue }
      let byRow = taps.editsByRow(at: site, rows: rows)
      if !byRow.isEmpty { edits[activation] = byRow }
      if taps.captures(site) { kept[activation] = FloatBuffer(rows.rows.count * stride) }
    }
    self.edits = edits
    isIdle = edits.isEmpty && kept.isEmpty
  }

  /// One head's numbers over the sources of one row.
  ///
  /// - Parameter unseen: how many sources lie before the window: no edit of their scores makes them
  ///   seen.
  func visit(
    _ activation: Activation, row: Int, head: Int, _ x: UnsafeMutablePointer<Float>, sources: Int,
    unseen: Int = 0
  ) {
    if isIdle && unseen == 0 { return }
    edit(activation, row: row, head: head, x, sources: sources, unseen: unseen)
    keep(activation, row: row, head: head, x, sources: sources)
  }

  /// Edits only, and what no edit changes.
  func edit(
    _ activation: Activation, row: Int, head: Int, _ x: UnsafeMutablePointer<Float>, sources: Int,
    unseen: Int = 0
  ) {
    for edit in edits(of: activation, row: row) {
      guard let unit = edit.units.firstIndex(of: head) else { continue }
      Taps.change(x, edit.change, index: edit.index, unit: unit, width: sources)
    }
    x.update(repeating: -.infinity, count: unseen)
  }

  /// The edits that fall on a row.
  func edits(of activation: Activation, row: Int) -> [Taps.RowEdit] {
    edits[activation]?[row] ?? []
  }

  func keep(
    _ activation: Activation, row: Int, head: Int, _ x: UnsafePointer<Float>, sources: Int
  ) {
    guard let kept = kept[activation] else { return }
    (kept.pointer + row * stride + head * sources).update(from: x, count: sources)
  }
}
