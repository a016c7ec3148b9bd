/// Where edits and captures fall on the rows of a batch.
struct Taps {
  /// An edit bound to rows.
  private struct Bound {
    var edit: Edit
    /// (index among the edit's positions, row)
    var places: [(index: Int, row: Int)]
    var units: [Int]
  }

  /// What each member has asked to keep, so far.
  private(set) var results: [RunResult]

  private let batch: Batch
  private let configuration: Configuration
  private var edits: [Site: [Bound]] = [:]
  private var captures: [Site: [(member: Int, positions: [Int])]] = [:]

  init(_ batch: Batch, configuration: Configuration) {
    self.batch = batch
    self.configuration = configuration
    results = batch.members.map { _ in RunResult() }
    for (i, member) in batch.members.enumerated() {
      for edit in member.request.edits { bind(edit, of: member) }
      for (site, positions) in member.request.captures {
        let all = Array(member.request.tokens.indices)
        let wanted = if case .some(let some) = positions { some } else { all }
        captures[site, default: []].append((i, wanted))
      }
    }
  }

  /// Rows that a member shares with its base carry the base's edits already.
  private mutating func bind(_ edit: Edit, of member: Batch.Member) {
    let layer = level(of: edit.site)
    let places = edit.positions.enumerated().compactMap { index, position in
      layer < member.forks[position] ? nil : (index, Int(member.rows[position]))
    }
    let units = edit.units ?? Array(0..<configuration.unitCount(edit.site.activation))
    if !places.isEmpty {
      edits[edit.site, default: []].append(Bound(edit: edit, places: places, units: units))
    }
  }

  /// At which level of the batch a site's rows are looked up.
  private func level(of site: Site) -> Int {
    site.activation == .lnFinalScale ? configuration.layers : site.layer
  }

  func touches(_ site: Site) -> Bool { edits[site] != nil || captures[site] != nil }

  func captures(_ site: Site) -> Bool { captures[site] != nil }

  /// Applies the site's edits, then keeps what was asked for. `x` is `[rows][stride]`.
  mutating func visit(_ site: Site, in x: UnsafeMutablePointer<Float>, stride: Int) {
    for bound in edits[site] ?? [] {
      let width = configuration.unitWidth(site.activation, sources: 0)
      for (index, row) in bound.places {
        for (u, unit) in bound.units.enumerated() {
          Self.change(
            x + row * stride + unit * width, bound.edit.change, index: index, unit: u, width: width)
        }
      }
    }
    capture(site, in: x, stride: stride)
  }

  /// Keeps what was asked for. `x` is `[rows][stride]`.
  mutating func capture(_ site: Site, in x: UnsafePointer<Float>, stride: Int) {
    for (member, positions) in captures[site] ?? [] {
      let layer = level(of: site)
      let units = configuration.unitCount(site.activation)
      let kept = positions.map { position in
        let width = configuration.unitWidth(site.activation, sources: position + 1)
        let row = x + batch.row(of: member, at: position, in: layer) * stride
        return Array(UnsafeBufferPointer(start: row, count: units * width))
      }
      results[member].activations[site] = CapturedActivation(
        positions: positions, units: units, rows: kept)
    }
  }

  /// The rows and units that edits at a site change.
  func editedUnits(at site: Site) -> [(row: Int, unit: Int)] {
    var seen: Set<[Int]> = []
    return (edits[site] ?? []).flatMap { bound in
      bound.places.flatMap { place in
        bound.units.compactMap { unit in
          seen.insert([place.row, unit]).inserted ? (place.row, unit) : nil
        }
      }
    }
  }

  /// The edits of a site by row, for those that are applied row by row; cuts last, so that they
  /// hold.
  func editsByRow(at site: Site) -> [Int: [RowEdit]] {
    var byRow: [Int: [RowEdit]] = [:]
    for bound in edits[site] ?? [] {
      for (index, row) in bound.places {
        byRow[row, default: []].append(
          RowEdit(change: bound.edit.change, index: index, units: bound.units))
      }
    }
    return byRow.mapValues { $0.filter { !$0.isCut } + $0.filter(\.isCut) }
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
    case .cut(let sources):
      for source in sources where source < width { x[source] = -.infinity }
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
  private let isIdle: Bool

  init(_ taps: Taps, layer: Int, rows: Int, longest: Int, heads: Int) {
    stride = heads * longest
    var edits: [Activation: [Int: [Taps.RowEdit]]] = [:]
    for activation in [Activation.attnScores, .pattern] {
      let site = Site(activation, layer: layer)
      let byRow = taps.editsByRow(at: site)
      if !byRow.isEmpty { edits[activation] = byRow }
      if taps.captures(site) { kept[activation] = FloatBuffer(rows * stride) }
    }
    self.edits = edits
    isIdle = edits.isEmpty && kept.isEmpty
  }

  /// One head's numbers over the sources of one row.
  func visit(
    _ activation: Activation, row: Int, head: Int, _ x: UnsafeMutablePointer<Float>, sources: Int
  ) {
    if isIdle { return }
    for edit in edits[activation]?[row] ?? [] {
      guard let unit = edit.units.firstIndex(of: head) else { continue }
      Taps.change(x, edit.change, index: edit.index, unit: unit, width: sources)
    }
    if let kept = kept[activation] {
      (kept.pointer + row * stride + head * sources).update(from: x, count: sources)
    }
  }
}
