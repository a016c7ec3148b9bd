import Testing

@testable import Model

extension ReferencePlace {
  /// The edit that the reference describes, at a prompt of `count` tokens.
  ///
  /// - Parameter others: the runs with every activation whose mean takes the place.
  func edit(count: Int, others: [RunResult], _ configuration: Configuration) throws -> Edit {
    let activation = try #require(Activation(rawValue: site))
    let site = Site(activation, layer: layer ?? 0)
    let positions = at == .last ? [count - 1] : Array(0..<count)
    var edit = Edit(
      site: site, units: (head ?? neuron).map { [$0] }, positions: positions, change: .zero)
    guard meanOver != nil else { return edit }
    let runs = try others.map { try #require($0.activations[site]) }
    edit.change = .replace(
      positions.map { position in
        let rows = runs.map { kept in
          let i = at == .last ? kept.positions.count - 1 : position
          return (head ?? neuron).map { Array(kept[i, $0]) } ?? kept[i]
        }
        return rows[0].indices.map { element in
          Float(rows.reduce(0.0) { $0 + Double($1[element]) } / Double(rows.count))
        }
      })
    return edit
  }
}

extension Transformer {
  /// One prompt with each of `edits`: the clean run first, the variants forking from it.
  func vary(_ tokens: [Int], _ edits: [[Edit]], logits: RunRequest.Logits) throws -> [RunResult] {
    try run(Self.variants(tokens, edits, logits: logits))
  }

  static func variants(_ tokens: [Int], _ edits: [[Edit]], logits: RunRequest.Logits)
    -> [RunRequest]
  {
    [RunRequest(tokens: tokens, logits: logits)]
      + edits.map { RunRequest(tokens: tokens, edits: $0, base: 0, logits: logits) }
  }
}
