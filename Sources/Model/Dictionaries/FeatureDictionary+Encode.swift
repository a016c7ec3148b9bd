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
    var found: [[ActiveFeature]] = []
    found.reserveCapacity(rows.count)
    let products = Products(pool: pool, mayStop: true)
    for start in stride(from: 0, to: rows.count, by: rowsAtOnce) {
      let part = rows[start..<min(rows.count, start + rowsAtOnce)]
      guard part.allSatisfy(\.isFinite) else {
        throw ModelError(
          .request, "a row that is encoded has numbers that are infinite or NaN",
          help: "see where the run first has such numbers")
      }
      let x = FloatBuffer(part.count * inputWidth)
      for (row, numbers) in part.enumerated() {
        precondition(numbers.count == inputWidth)
        (x.pointer + row * inputWidth).update(from: numbers, count: inputWidth)
      }
      let encoded = dense(x, rows: part.count, products, pool)
      try Interruption.check()
      try checkWeights()
      for row in 0..<part.count {
        let activations = encoded.pointer + row * encoder.stride
        found.append(
          (0..<features).compactMap {
            activations[$0] == 0
              ? nil : ActiveFeature(feature: $0, activation: activations[$0])
          })
      }
    }
    return found
  }

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
    let x = FloatBuffer(inputWidth)
    x.pointer.update(from: row, count: inputWidth)
    let scale = outputScale(of: row)
    // Each output alone takes as long as the 32 of its panel.
    if rule.isJoint || features.count > encoder.panelCount {
      let all = dense(x, rows: 1, products, pool)
      return (features.map { all.pointer[$0] }, scale)
    }
    _ = prepare(x.pointer)
    let p = products.outputs(features, of: x.pointer, by: encoder)
    return (zip(features, p).map { rule.activation(biased($1, $0), of: $0) }, scale)
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

  /// x̂ of a row, summed in double precision: features in the order of their numbers, then b_dec, then
  /// what undoes the norm, then the skip connection.
  ///
  /// - Parameters:
  ///   - row: what was encoded, [d_in].
  ///   - active: its activations.
  public func reconstruct(_ row: [Float], from active: [ActiveFeature], on pool: WorkerPool) throws
    -> [Double]
  {
    let (features, rest) = try parts(row, from: active, on: pool)
    var sum = rest
    for (_, vector) in features { for i in sum.indices { sum[i] += Double(vector[i]) } }
    return sum
  }

  /// What a reconstruction is made of: what each active feature adds, [d_out], and the rest, which is
  /// there whatever is active.
  public func parts(_ row: [Float], from active: [ActiveFeature], on pool: WorkerPool) throws -> (
    features: [(feature: ActiveFeature, vector: [Float])], rest: [Double]
  ) {
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
    let features = active.map { feature in
      (
        feature: feature,
        vector: self.row(ofDecoder: feature.feature).map { $0 * feature.activation * undo.scale }
      )
    }
    try checkWeights()
    return (features, rest)
  }
}
