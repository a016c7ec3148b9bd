/// A feature that is not 0 at a row, and its activation.
public struct ActiveFeature: Sendable, Equatable {
  public var feature: Int
  public var activation: Float
}

extension FeatureDictionary {
  /// The features that are active at each row, in the order of their numbers.
  ///
  /// - Parameter rows: [n][d_in]
  /// - Throws: `Interruption.Stopped`, and `ModelError` where a row is not of numbers or weights cannot
  ///   be read.
  public func encode(_ rows: [[Float]], on pool: WorkerPool) throws -> [[ActiveFeature]] {
    guard rows.allSatisfy(\.isFinite) else {
      throw ModelError(
        .request, "a row that is encoded has numbers that are infinite or NaN",
        help: "see where the run first has such numbers")
    }
    var found: [[ActiveFeature]] = []
    found.reserveCapacity(rows.count)
    try forEachEncoded(rows, on: pool) { _, activations in found.append(active(activations)) }
    return found
  }

  /// Activations of some features at each row, the same bits as `encode`'s; NaN at a row that is not of
  /// numbers.
  ///
  /// - Parameters:
  ///   - features: numbers that it has.
  ///   - rows: [n][d_in]
  /// - Returns: [n][features]
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func activations(of features: [Int], at rows: [[Float]], on pool: WorkerPool) throws
    -> [[Float]]
  {
    var found: [[Float]] = []
    found.reserveCapacity(rows.count)
    let missing = [Float](repeating: .nan, count: features.count)
    if encodesAll(for: features.count) {
      try forEachEncoded(rows, on: pool) { row, activations in
        found.append(rows[row].isFinite ? features.map { activations[$0] } : missing)
      }
    } else {
      let products = Products(pool: pool)
      for row in rows {
        try Interruption.check()
        found.append(row.isFinite ? some(features, at: row, products) : missing)
      }
      try checkWeights()
    }
    return found
  }

  /// Multiplications and additions for the activations of some features at one row.
  public func encodingFlops(of features: Int) -> Double {
    let outputs = encodesAll(for: features) ? encoder.rows : features * Kernels.panelWidth
    return 2 * Double(outputs) * Double(encoder.columns)
  }

  /// What the activations of some features take at `rows` rows while they are computed, in bytes.
  public func encodingBytes(of features: Int, rows: Int) -> Int {
    let whole = encodesAll(for: features) ? min(rows, rowsAtOnce) * encoder.stride : 0
    return (whole + rows * features) * MemoryLayout<Float>.size
  }

  /// Hands over the activations of all features at each row, in the order of the rows.
  private func forEachEncoded(
    _ rows: [[Float]], on pool: WorkerPool, _ body: (Int, UnsafePointer<Float>) throws -> Void
  ) throws {
    let products = Products(pool: pool, mayStop: true)
    for start in stride(from: 0, to: rows.count, by: rowsAtOnce) {
      let part = start..<min(rows.count, start + rowsAtOnce)
      let x = FloatBuffer(part.count * inputWidth)
      for row in part {
        precondition(rows[row].count == inputWidth)
        (x.pointer + (row - start) * inputWidth).update(from: rows[row], count: inputWidth)
      }
      let encoded = dense(x, rows: part.count, products, pool)
      try Interruption.check()
      try checkWeights()
      try withExtendedLifetime(encoded) {
        for row in part { try body(row, encoded.pointer + (row - start) * encoder.stride) }
      }
    }
  }

  private func active(_ activations: UnsafePointer<Float>) -> [ActiveFeature] {
    (0..<features).compactMap {
      activations[$0] == 0 ? nil : ActiveFeature(feature: $0, activation: activations[$0])
    }
  }

  /// Whether some features take as long as all: one may depend on others, and each output alone takes as
  /// long as the 32 of its panel.
  private func encodesAll(for count: Int) -> Bool { rule.isJoint || count > encoder.panelCount }

  /// As many as 64 MB of activations.
  private var rowsAtOnce: Int { max(1, (1 << 24) / encoder.stride) }

  /// Activations of all features, `[rows][encoder.stride]`; changes `x`, `[rows][d_in]`.
  private func dense(_ x: FloatBuffer, rows: Int, _ products: Products, _ pool: WorkerPool)
    -> FloatBuffer
  {
    let out = FloatBuffer(rows * encoder.stride)
    pool.run(rows) { row, _ in _ = prepare(x.pointer + row * inputWidth) }
    products.multiply(
      x.pointer, rows: rows, stride: inputWidth, [ProductTarget(matrix: encoder, out: out.pointer)])
    pool.run(rows) { row, _ in
      let p = out.pointer + row * encoder.stride
      for j in 0..<features { p[j] = biased(p[j], j) }
      rule.apply(to: p, features)
    }
    return out
  }

  /// x̃ of a row, in place.
  ///
  /// - Returns: what undoes the norm.
  private func prepare(_ x: UnsafeMutablePointer<Float>) -> (scale: Float, shift: Float) {
    let undo = norm.apply(to: x, inputWidth)
    if subtractsBias { for i in 0..<inputWidth { x[i] -= decoderBias[i] } }
    return undo
  }

  private func biased(_ p: Float, _ feature: Int) -> Float {
    let p = encoderBias.map { p + $0[feature] } ?? p
    return decoderNorms.map { p * $0[feature] } ?? p
  }

  /// Activations of some features at one row, the same bits as `encode`'s; and what their decoder rows
  /// are multiplied by in what the row is.
  ///
  /// - Parameter features: numbers that it has.
  func activations(of features: [Int], at row: [Float], _ products: Products, _ pool: WorkerPool)
    -> (activations: [Float], scale: Float)
  {
    let scale = outputScale(of: row)
    guard encodesAll(for: features.count) else { return (some(features, at: row, products), scale) }
    let found = encodedRows.active(at: row) { encode(row, products, pool) }
    return (features.map(found.activation), scale)
  }

  /// Where a feature's activation does not depend on others.
  private func some(_ features: [Int], at row: [Float], _ products: Products) -> [Float] {
    let x = FloatBuffer(inputWidth)
    x.pointer.update(from: row, count: inputWidth)
    _ = prepare(x.pointer)
    let p = products.outputs(features, of: x.pointer, by: encoder)
    return zip(features, p).map { rule.activation(biased($1, $0), of: $0) }
  }

  /// By what decoder rows are multiplied in what a row is: 1, unless the row is normed before it is encoded.
  func outputScale(of row: [Float]) -> Float {
    if case .none = norm { return 1 }
    // What a transcoder writes has another norm than what it reads.
    if isTranscoder { return 1 }
    var row = row
    return row.withUnsafeMutableBufferPointer { x in
      x.baseAddress.map { norm.apply(to: $0, x.count).scale } ?? 1
    }
  }

  /// What is active at a row that may have been encoded before, in the order of the features' numbers; nil where it
  /// has numbers that are none.
  func active(at row: [Float], _ pool: WorkerPool) -> [ActiveFeature]? {
    guard row.isFinite else { return nil }
    return encodedRows.active(at: row) { encode(row, Products(pool: pool), pool) }
  }

  private func encode(_ row: [Float], _ products: Products, _ pool: WorkerPool) -> [ActiveFeature] {
    let x = FloatBuffer(inputWidth)
    x.pointer.update(from: row, count: inputWidth)
    let all = dense(x, rows: 1, products, pool)
    return withExtendedLifetime(all) { active(all.pointer) }
  }

  /// x̂ of a row, summed in double precision: what is there whatever is active, then features in the order of
  /// their numbers. Not of a cross-layer transcoder.
  ///
  /// - Parameters:
  ///   - row: what was encoded, [d_in].
  ///   - active: its activations.
  public func reconstruct(_ row: [Float], from active: [ActiveFeature], on pool: WorkerPool) throws
    -> [Double]
  {
    let (scale, rest) = rest(of: row, on: pool)
    var sum = rest
    for feature in active {
      for (i, part) in vector(of: feature, times: scale).enumerated() { sum[i] += Double(part) }
    }
    try checkWeights()
    return sum
  }

  /// What a feature adds, [d_out].
  ///
  /// - Parameters:
  ///   - above: how many layers above its own.
  ///   - scale: as `rest` has it.
  func vector(of active: ActiveFeature, above: Int = 0, times scale: Float) -> [Float] {
    row(ofDecoder: active.feature, above: above).map { $0 * active.activation * scale }
  }

  /// What of a reconstruction is there whatever is active: b_dec, with what undoes the norm, and the skip
  /// connection; and by what decoder rows are multiplied.
  func rest(of row: [Float], on pool: WorkerPool) -> (scale: Float, rest: [Double]) {
    precondition(row.count == inputWidth)
    var x = row
    let undo: (scale: Float, shift: Float) = x.withUnsafeMutableBufferPointer { x in
      guard !isTranscoder, let base = x.baseAddress else { return (1, 0) }
      return norm.apply(to: base, inputWidth)
    }
    var rest = decoderBias.map { Double(undo.scale) * Double($0) + Double(undo.shift) }
    if let skip {
      let out = FloatBuffer(skip.stride)
      Products(pool: pool).multiply(
        row, rows: 1, stride: inputWidth, [ProductTarget(matrix: skip, out: out.pointer)])
      for i in rest.indices { rest[i] += Double(out.pointer[i]) }
    }
    return (undo.scale, rest)
  }
}
