import Testing

@testable import Model

/// `tiny-gqa.edits.json`, `tiny-mha.edits.json` and `smollm2.edits.json`: edits, and the logits after
/// them. Values that take a place are described there and come from runs of our own.
struct EditTable: Decodable {
  /// What is done, as a person who experiments names it.
  enum Kind: String, Decodable, CaseIterable {
    case zero, mean, patch, freeze, scale, steer, cut
  }

  struct Place: Decodable {
    var kind: Kind
    var site: String
    var layer: Int?
    /// All of them where nil.
    var units: [Int]?
    /// Positions.
    var at: [Int]
    /// `patch`: which of `others`.
    var donor: Int?
    var factor: Float?
    var seed: Int?
    var sources: [Int]?
  }

  struct Cell: Decodable {
    var edits: [Place]
    /// [at][logitTokens]
    var logits: [[Double]]
  }

  var tokens: [Int]
  /// Prompts of the same length.
  var others: [[Int]]
  var logitTokens: [Int]
  /// The positions of the logits.
  var at: [Int]
  /// Without an edit.
  var clean: [[Double]]
  var cells: [Cell]

  init(_ model: String) throws {
    self = try Fixtures.json("\(model).edits.json")
  }

  /// The requests of all cells, each varying the clean run, which stands first.
  func requests(_ transformer: Transformer) throws -> [RunRequest] {
    let captures = try Dictionary(
      cells.flatMap(\.edits).map { (try $0.place(), RunRequest.Positions.all) },
      uniquingKeysWith: { first, _ in first })
    let kept = try transformer.run(
      ([tokens] + others).map { RunRequest(tokens: $0, captures: captures) })
    let edits = try cells.map { cell in
      try cell.edits.map {
        try $0.edit(clean: kept[0], others: Array(kept.dropFirst()), transformer.configuration)
      }
    }
    return Transformer.variants(tokens, edits, logits: .all(at))
  }

  /// How far the logits of a run are from those of the reference.
  func gap(_ result: RunResult, _ wanted: [[Double]]) -> Gap {
    var gap = Gap()
    for (found, wanted) in zip(result.logits, wanted) {
      for (token, wanted) in zip(logitTokens, wanted) { gap.add(Double(found[token]), wanted) }
    }
    return gap
  }
}

extension EditTable.Place {
  func place() throws -> Site {
    Site(try #require(Activation(rawValue: site)), layer: layer ?? 0)
  }

  func edit(clean: RunResult, others: [RunResult], _ configuration: Configuration) throws -> Edit {
    let site = try place()
    let change: Edit.Change =
      switch kind {
      case .zero: .zero
      case .mean: .replace(Self.mean(try others.map { try rows(of: $0, site) }))
      case .patch: .replace(try rows(of: others[try #require(donor)], site))
      case .freeze: .replace(try rows(of: clean, site))
      case .scale: .scale(try #require(factor))
      case .steer: .add(try vector(site, configuration))
      case .cut: .cut(sources: try #require(sources))
      }
    // A new case of `Change` needs a kind, and with it a column of the table.
    #expect(change.kinds.contains(kind))
    return Edit(site: site, units: units, positions: at, change: change)
  }

  /// The place's own positions and units in a run that kept all.
  private func rows(of run: RunResult, _ site: Site) throws -> [[Float]] {
    let kept = try #require(run.activations[site])
    return at.map { position in
      units.map { $0.flatMap { kept[position, $0] } } ?? kept[position]
    }
  }

  private static func mean(_ runs: [[[Float]]]) -> [[Float]] {
    runs[0].indices.map { row in
      runs[0][row].indices.map { i in
        Float(runs.reduce(0.0) { $0 + Double($1[row][i]) } / Double(runs.count))
      }
    }
  }

  /// Numbers in [0, 1): the upper 24 bits of splitmix64(1,000,000 · seed + i).
  private func vector(_ site: Site, _ configuration: Configuration) throws -> [Float] {
    let first = UInt64(try #require(seed) * 1_000_000)
    let unitCount = units?.count ?? configuration.unitCount(site)
    let count = unitCount * configuration.unitWidth(site.activation, sources: 1)
    return (0..<UInt64(count)).map {
      Float(Fingerprint.splitmix64(first + $0) >> 40) / Float(1 << 24)
    }
  }
}

extension Edit.Change {
  /// The table's kinds that come down to it.
  fileprivate var kinds: Set<EditTable.Kind> {
    switch self {
    case .zero: [.zero]
    case .replace: [.mean, .patch, .freeze]
    case .scale: [.scale]
    case .add: [.steer]
    case .cut: [.cut]
    }
  }
}
