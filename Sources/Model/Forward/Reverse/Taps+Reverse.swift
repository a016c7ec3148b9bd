extension Taps {
  /// Keeps what was asked for of the derivatives at a site, then takes them back through the site's edits.
  /// `g` is `[rows][stride]`.
  mutating func visitReverse(
    _ activation: Activation, _ layer: Int, _ g: FloatBuffer, stride: Int, rows: Batch
  ) {
    let site = Site(activation, layer: layer)
    capture(site, in: g.pointer, stride: stride, rows: rows)
    let width = configuration.unitWidth(activation, sources: 0)
    for (row, edit) in rowEdits(at: site, rows: rows).reversed() {
      if let whole = edit.change.whole(at: activation) {
        whole.reverse(g.pointer + row * stride)
        continue
      }
      for unit in edit.units {
        edit.change.reverse(g.pointer + row * stride + unit * width, width: width)
      }
    }
  }

  /// By what each head's own output is multiplied on its way into the sum, where that is not 1.
  func resultFactors(_ layer: Int, rows: Batch) -> [(row: Int, head: Int, factor: Float)] {
    rowEdits(at: Site(.result, layer: layer), rows: rows).flatMap { row, edit in
      edit.units.map { (row, $0, edit.change.factor) }
    }
  }

  /// Heads whose own output is changed along a direction, with the derivatives by what it was: no single
  /// number says by what those are multiplied.
  ///
  /// - Parameters:
  ///   - g: by what each head gives, `[rows][stride]`; the first `width` of a row are of the stream.
  func resultsChangedAlong(
    _ layer: Int, _ g: FloatBuffer, stride: Int, width: Int, rows: Batch
  ) -> [(row: Int, head: Int, g: [Float])] {
    let edits = rowEdits(at: Site(.result, layer: layer), rows: rows)
    var found: [(row: Int, head: Int, g: [Float])] = []
    for (row, edit) in edits {
      guard case .along = edit.change else { continue }
      for head in edit.units where !found.contains(where: { $0.row == row && $0.head == head }) {
        var own = Array(UnsafeBufferPointer(start: g.pointer + row * stride, count: width))
        own.withUnsafeMutableBufferPointer { own in
          guard let base = own.baseAddress else { return }
          for (other, edit) in edits.reversed() where other == row && edit.units.contains(head) {
            edit.change.reverse(base, width: width)
          }
        }
        found.append((row, head, own))
      }
    }
    return found
  }
}

extension Edit.Change {
  /// By what a derivative is multiplied on its way back through it; where sources are cut, that of the
  /// others.
  var factor: Float {
    switch self {
    case .zero, .replace: 0
    case .scale(let factor): factor
    // What is changed along a direction, `resultsChangedAlong` gives.
    case .add, .along, .cut, .edge, .outside, .features: 1
    }
  }

  /// Takes the derivatives by one unit's elements back through it.
  func reverse(_ g: UnsafeMutablePointer<Float>, width: Int) {
    switch self {
    case .zero, .replace: g.update(repeating: 0, count: width)
    case .scale(let factor): for i in 0..<width { g[i] *= factor }
    case .add, .edge, .outside, .features: break
    case .along(let along): along.reverse(g)
    case .cut(let sources): for source in sources where source < width { g[source] = 0 }
    }
  }
}

extension AttentionTaps {
  /// Keeps what was asked for of the derivatives by one head's numbers over the sources of one row, then
  /// takes them back through their edits.
  func visitReverse(
    _ activation: Activation, row: Int, head: Int, _ g: UnsafeMutablePointer<Float>, sources: Int
  ) {
    keep(activation, row: row, head: head, g, sources: sources)
    for edit in edits(of: activation, row: row).reversed() where edit.units.contains(head) {
      edit.change.reverse(g, width: sources)
    }
  }
}
