import CSIMD

/// One layer backwards: from the derivatives by what leaves it to those by what enters it.
///
/// A norm y = γ (x − mean) / s passes g on as γ g / s, less its mean where the norm centres, and by way of s
/// as (ds / n s) (x − mean) with ds = −Σ γ g (x − mean) / s²: an s that is edited passes nothing that way. s
/// itself is √(mean (x − mean)² + ε).
struct LayerReverse {
  let number: Int
  let weights: Transformer.Layer
  /// What the layer computed.
  let kept: Buffers
  let slopes: Slopes
  let work: RowWork
  let products: TransposedProducts
  let rotary: RotaryTables.Layer?
  /// Takes what single readers are asked for.
  let edges: EdgeScores?
  /// Members whose derivatives go around this layer.
  let dropped: Set<Int>

  var model: Transformer { work.model }
  private var width: Int { model.configuration.width }

  /// Changes `slopes.stream`.
  func run(_ rows: Batch, _ taps: inout Taps) {
    let (s, count) = (slopes, rows.rows.count)
    taps.visitReverse(.residPost, number, s.stream, stride: s.width, rows: rows)
    switch model.configuration.residual {
    case .sequential:
      take(s.stream, rows)
      reverseMLP(rows, &taps)
      if let ln2 = weights.ln2 { passNorm(ln2, .ln2Scale, of: kept.between, rows, &taps) }
      taps.visitReverse(.residMid, number, s.stream, stride: s.width, rows: rows)
      take(s.stream, rows)
      reverseAttention(rows, &taps, continues: false)
    case .parallel:
      copy(s.stream, to: s.outgoing, count)
      take(s.outgoing, rows)
      reverseMLP(rows, &taps)
      if let ln2 = weights.ln2 { passNorm(ln2, .ln2Scale, of: kept.entered, rows, &taps) }
      take(s.outgoing, rows)
      reverseAttention(rows, &taps, continues: false)
    case .parallelSharedNorm:
      take(s.stream, rows)
      reverseMLP(rows, &taps)
      take(s.stream, rows)
      reverseAttention(rows, &taps, continues: true)
    }
    passNorm(weights.ln1, .ln1Scale, of: kept.entered, rows, &taps)
    taps.visitReverse(.residPre, number, s.stream, stride: s.width, rows: rows)
  }

  private func take(_ g: FloatBuffer, _ rows: Batch) {
    copy(g, to: slopes.added, rows.rows.count)
    if dropped.isEmpty { return }
    for (row, place) in rows.rows.enumerated() where dropped.contains(place.owner) {
      (slopes.added.pointer + row * slopes.width).update(repeating: 0, count: slopes.width)
    }
  }

  private func copy(_ g: FloatBuffer, to other: FloatBuffer, _ rows: Int) {
    other.pointer.update(from: g.pointer, count: rows * slopes.width)
  }

  // MARK: - MLP

  /// From what the MLP adds, in `added`, to what it reads, in `normed`.
  private func reverseMLP(_ rows: Batch, _ taps: inout Taps) {
    let (s, count) = (slopes, rows.rows.count)
    edges?.addWriters(s.added, stride: s.width, rows: rows) { $0 == .mlp(layer: number) }
    taps.visitReverse(.mlpOut, number, s.added, stride: s.width, rows: rows)
    passNormOfAdded(
      weights.ln2Post, .ln2PostScale, of: kept.mlpBeforeNorm, weights.mlp.outputStride, rows, &taps)
    switch weights.mlp {
    case .dense(let mlp): reverse(mlp, rows, &taps, count)
    }
    scoreMLP(rows, taps)
  }

  private func reverse(_ mlp: DenseMLP, _ rows: Batch, _ taps: inout Taps, _ count: Int) {
    let (s, stride) = (slopes, mlp.gate.stride)
    products.multiply(
      [TransposedFactor(matrix: mlp.down.matrix, x: s.added.pointer)], rows: count,
      into: s.hidden.pointer, stride: stride)
    taps.visitReverse(.mlpPost, number, s.hidden, stride: stride, rows: rows)
    let (kernels, nonlinearity) = (work.kernels, model.configuration.mlp[number].nonlinearity)
    let kept = kept
    work.forEach(count) { row in
      let offset = row * stride
      kernels.slope(
        nonlinearity, kept.hidden.pointer + offset,
        up: mlp.up.map { _ in UnsafePointer(kept.up.pointer + offset) }, s.hidden.pointer + offset,
        count: mlp.neurons,
        into: SummandGateSlopes(
          gate: s.hidden.pointer + offset, up: mlp.up.map { _ in s.up.pointer + offset }))
    }
    taps.visitReverse(.mlpPre, number, s.hidden, stride: stride, rows: rows)
    let gate = [TransposedFactor(matrix: mlp.gate.matrix, x: s.hidden.pointer)]
    let up = mlp.up.map { [TransposedFactor(matrix: $0.matrix, x: s.up.pointer)] } ?? []
    products.multiply(gate + up, rows: count, into: s.normed.pointer, stride: s.width)
  }

  // MARK: - Norms

  /// From what a norm gives, in `normed`, to what it is of: added to `stream`.
  private func passNorm(
    _ norm: Transformer.Norm, _ scale: Activation, of x: FloatBuffer, _ rows: Batch,
    _ taps: inout Taps
  ) {
    NormReverse(norm: norm, site: Site(scale, layer: number), work: work, slopes: slopes)
      .run(of: x, stride: width, slopes.normed.pointer, rows, &taps)
    let (s, width, kernels) = (slopes, width, work.kernels)
    work.forEach(rows.rows.count) { row in
      kernels.add(
        s.normed.pointer + row * s.width, to: s.stream.pointer + row * s.width, count: width)
    }
  }

  /// The same in place, where there is a norm on the way into the stream.
  func passNormOfAdded(
    _ norm: Transformer.Norm?, _ scale: Activation, of x: FloatBuffer, _ stride: Int,
    _ rows: Batch, _ taps: inout Taps
  ) {
    guard let norm else { return }
    NormReverse(norm: norm, site: Site(scale, layer: number), work: work, slopes: slopes)
      .run(of: x, stride: stride, slopes.added.pointer, rows, &taps)
  }
}

/// Rows backwards through a norm that has a site for its scale.
struct NormReverse {
  let norm: Transformer.Norm
  /// Of its scale.
  let site: Site
  let work: RowWork
  let slopes: Slopes

  /// Turns `g`, `[rows][slopes.width]`, into the derivatives by `x`, `[rows][stride]`.
  func run(
    of x: FloatBuffer, stride: Int, _ g: UnsafeMutablePointer<Float>, _ rows: Batch,
    _ taps: inout Taps
  ) {
    let (s, kernels, width) = (slopes, work.kernels, work.model.configuration.width)
    let (epsilon, norm, count) = (work.model.configuration.epsilon, norm, rows.rows.count)
    work.forEach(count) { row in
      s.scales.pointer[row] = norm.scale(of: x.pointer + row * stride, width, epsilon, kernels)
    }
    taps.edit(site, in: s.scales.pointer, stride: 1, rows: rows)
    work.forEach(count) { row in
      let (x, g) = (x.pointer + row * stride, g + row * s.width)
      let scale = s.scales.pointer[row]
      let along = norm.slope(x, g, scale: scale, width, kernels)
      // From 0, so that nothing is no −0.
      s.scale.pointer[row] = (0 - along) / scale
    }
    taps.visitReverse(site.activation, site.layer, s.scale, stride: 1, rows: rows)
    work.forEach(count) { row in
      norm.finish(
        x.pointer + row * stride, g + row * s.width, bySlopeOfScale: s.scale.pointer[row],
        width, epsilon, kernels)
    }
  }
}

extension Transformer.Norm {
  /// What it takes off first.
  func mean(
    of x: UnsafePointer<Float>, _ width: Int, _ kernels: any InstructionSet.Type
  ) -> Float {
    switch kind {
    case .rootMeanSquare: 0
    case .layer: kernels.mean(x, count: width)
    }
  }

  /// Turns `g` into γ g / s.
  ///
  /// - Returns: Σ γ g (x − mean) / s
  func slope(
    _ x: UnsafePointer<Float>, _ g: UnsafeMutablePointer<Float>, scale: Float, _ width: Int,
    _ kernels: any InstructionSet.Type
  ) -> Float {
    weight.withUnsafeBufferPointer { weight in
      guard let weight = weight.baseAddress else { return 0 }
      let norm = SummandNorm(mean: mean(of: x, width, kernels), scale: scale, weight: weight)
      return kernels.slopeNorm(g, x: x, norm, count: width, into: g)
    }
  }

  /// Adds to γ g / s, in `g`, what goes by way of the scale, and takes off its mean where the norm centres.
  func finish(
    _ x: UnsafePointer<Float>, _ g: UnsafeMutablePointer<Float>, bySlopeOfScale slope: Float,
    _ width: Int, _ epsilon: Float, _ kernels: any InstructionSet.Type
  ) {
    let scale = scale(of: x, width, epsilon, kernels)
    kernels.addCentred(
      x, mean: mean(of: x, width, kernels), times: slope / (Float(width) * scale),
      plus: centring(g, width, kernels), count: width, to: g)
  }

  /// What takes the mean off derivatives, where the norm takes it off what it is of.
  private func centring(
    _ g: UnsafePointer<Float>, _ width: Int, _ kernels: any InstructionSet.Type
  ) -> Float {
    switch kind {
    case .rootMeanSquare: 0
    case .layer: -kernels.mean(g, count: width)
    }
  }

  /// One vector backwards, its scale being held: `g` becomes the derivatives by what the norm is of, nothing going by
  /// way of the scale.
  func reverse(
    _ g: UnsafeMutablePointer<Float>, heldAt scale: Float, _ width: Int,
    _ kernels: any InstructionSet.Type
  ) {
    _ = slope(g, g, scale: scale, width, kernels)
    guard kind == .layer else { return }
    kernels.addCentred(
      g, mean: 0, times: 0, plus: centring(g, width, kernels), count: width, to: g)
  }

  /// One vector backwards, its scale being its own: `g` becomes the derivatives by `x`.
  func reverse(
    _ x: UnsafePointer<Float>, _ g: UnsafeMutablePointer<Float>, _ width: Int, _ epsilon: Float,
    _ kernels: any InstructionSet.Type
  ) {
    let scale = scale(of: x, width, epsilon, kernels)
    let along = slope(x, g, scale: scale, width, kernels)
    finish(x, g, bySlopeOfScale: -along / scale, width, epsilon, kernels)
  }
}
