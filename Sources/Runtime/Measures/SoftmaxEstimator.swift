import Model

/// What new queries and keys change of a number by way of the softmax: exactly up to the pattern, to first order
/// from there on.
struct SoftmaxEstimator {
  let scores: HeadScores
  /// Of the base.
  let activations: [Site: CapturedActivation]
  let gradients: [Site: CapturedActivation]

  /// The sites of a layer that it reads, at all positions.
  static func sites(of layer: Int) -> [Site] {
    [Activation.q, .k, .pattern].map { Site($0, layer: layer) }
  }

  /// - Parameter edit: of queries or keys.
  /// - Throws: `Failure` where the pattern is edited as well.
  func estimate(_ edit: Edit, of item: Case) throws -> Double {
    let layer = edit.site.layer
    let c = item.prompt.model.configuration
    let isKey = edit.site.activation == .k
    guard let activation = activations[edit.site] else { return 0 }
    var sum = 0.0
    for (place, unit) in (edit.units ?? Array(0..<activation.units)).enumerated() {
      try checkPatterns(of: isKey ? c.heads(reading: unit) : unit..<unit + 1, layer, item)
      var changed: [Int: (old: [Float], new: [Float])] = [:]
      for (index, position) in edit.positions.enumerated() {
        let old = Array(activation[position, unit])
        let new = try item.changed(old, edit, index: index, unit: place)
        changed[position] = (
          scores.turned(old, isKey: isKey, layer: layer, at: position),
          scores.turned(new, isKey: isKey, layer: layer, at: position)
        )
      }
      if isKey {
        for head in c.heads(reading: unit) {
          sum += estimate(keys: changed, head: head, layer, c.attention[layer])
        }
      } else {
        sum += estimate(
          queries: changed, head: unit, sharing: c.keyValueHead(of: unit), layer,
          c.attention[layer])
      }
    }
    return sum
  }

  private func checkPatterns(of heads: Range<Int>, _ layer: Int, _ item: Case) throws {
    let other = item.edits.first { edit in
      edit.site.layer == layer && edit.site.activation.isOverSources
        && (edit.units?.contains(where: heads.contains) ?? true)
    }
    guard let other else { return }
    throw Failure(
      "the \(other.site.activation.rawValue) of layer \(layer) is edited as well: a softmax of new queries "
        + "or keys would be edited again", help: "omit `softmax exact`, or that edit")
  }

  private typealias Changed = [Int: (old: [Float], new: [Float])]

  private func estimate(
    queries: Changed, head: Int, sharing unit: Int, _ layer: Int, _ attention: LayerAttention
  ) -> Double {
    guard let keys = activations[Site(.k, layer: layer)] else { return 0 }
    return queries.sorted { $0.key < $1.key }.reduce(0) { sum, query in
      let seen = attention.firstSource(of: query.key)...query.key
      let changes = seen.map { source in
        let key = scores.turned(
          Array(keys[source, unit]), isKey: true, layer: layer, at: source)
        return (
          source: source,
          change: scores.score(query.value.new, key) - scores.score(query.value.old, key)
        )
      }
      return sum + effect(of: changes, at: query.key, head, layer)
    }
  }

  private func estimate(
    keys: Changed, head: Int, _ layer: Int, _ attention: LayerAttention
  ) -> Double {
    guard let queries = activations[Site(.q, layer: layer)] else { return 0 }
    return queries.positions.reduce(0) { sum, position in
      let seen = attention.firstSource(of: position)...position
      let changed = keys.filter { seen.contains($0.key) }.sorted { $0.key < $1.key }
      if changed.isEmpty { return sum }
      let query = scores.turned(
        Array(queries[position, head]), isKey: false, layer: layer, at: position)
      let changes = changed.map { source, key in
        (source: source, change: scores.score(query, key.new) - scores.score(query, key.old))
      }
      return sum + effect(of: changes, at: position, head, layer)
    }
  }

  private func effect(
    of changes: [(source: Int, change: Double)], at position: Int, _ head: Int, _ layer: Int
  ) -> Double {
    let site = Site(.pattern, layer: layer)
    guard let pattern = activations[site], let slopes = gradients[site] else { return 0 }
    return HeadScores.effect(
      on: pattern[position, head], slopes: slopes[position, head], of: changes)
  }
}

extension Activation {
  /// Whether it is compared with others in a softmax.
  var isCompared: Bool { self == .q || self == .k }
}
