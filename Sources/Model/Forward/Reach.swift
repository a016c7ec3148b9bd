/// How far a position goes through the model for what reads it: what is computed of it, and what is
/// not.
struct Reach: Comparable, Sendable {
  /// Two for each layer: its keys and values, then the rest of it. The final norm counts as the
  /// keys and values of a layer after the last.
  private var steps: Int

  static let nothing = Reach(steps: -1)

  /// Up to the keys and values that it gives in a layer, but not on.
  static func keysAndValues(of layer: Int) -> Reach { Reach(steps: 2 * layer) }

  /// Through all of a layer.
  static func through(_ layer: Int) -> Reach { Reach(steps: 2 * layer + 1) }

  /// Through all layers and the final norm.
  static func finalNorm(after layers: Int) -> Reach { keysAndValues(of: layers) }

  static func < (a: Reach, b: Reach) -> Bool { a.steps < b.steps }

  /// The last layer (the final norm being one more) in which it has a row; −1 where in none.
  var lastEntered: Int { steps >> 1 }

  /// How many layers it goes through whole: the number of the first that it does not.
  var layersThrough: Int { (steps + 1) / 2 }

  /// As far as positions before this one must go: to the keys and values that it reads in the last
  /// layer that it goes through.
  var ofSources: Reach { layersThrough == 0 ? .nothing : .keysAndValues(of: layersThrough - 1) }
}

extension [Reach] {
  /// Of a prompt's positions: one that goes through a layer reads there the keys and values of all
  /// before it.
  mutating func handOnToSources() {
    var read = Reach.nothing
    for position in indices.reversed() {
      self[position] = Swift.max(self[position], read)
      read = Swift.max(read, self[position].ofSources)
    }
  }
}
