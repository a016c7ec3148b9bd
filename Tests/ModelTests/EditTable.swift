import TestSupport
import Testing

@testable import Model

extension EditTable {
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
      case .scale: .scale(Float(try #require(factor)))
      case .steer: .add(try vector(site, configuration))
      case .cut: .cut(sources: try #require(sources))
      case .project: .along(Along(try direction(site, configuration), .removed))
      case .onto: .along(Along(try direction(site, configuration), .alone))
      case .clamp: .along(Along(try direction(site, configuration), .set(Float(to ?? 1))))
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

  private func direction(_ site: Site, _ configuration: Configuration) throws -> [Double] {
    let seed = try #require(seed)
    return (0..<configuration.alongWidth(site)).map { Double(Self.element($0, ofSeed: seed)) }
  }

  private func vector(_ site: Site, _ configuration: Configuration) throws -> [Float] {
    let seed = try #require(seed)
    let unitCount = units?.count ?? configuration.unitCount(site)
    let count = unitCount * configuration.unitWidth(site.activation, sources: 1)
    return (0..<count).map { Self.element($0, ofSeed: seed) }
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
    case .along(let along):
      switch along.change {
      case .removed: [.project]
      case .alone: [.onto]
      case .set: [.clamp]
      }
    // Edges have their own: `families/edges.py`, `families/circuits.py`.
    case .edge, .outside, .features: []
    }
  }
}
