extension Transformer {
  /// Whether values have a part that no token gave them.
  public var hasValueBiases: Bool {
    layers.contains { $0.v.bias != nil || $0.ln1.kind == .layer }
  }

  /// b' = b_V + W_V β₁ of a layer, [key/value heads · d_head]; nil where there is neither.
  func valueBias(of layer: Layer) -> [Float]? {
    guard layer.v.bias != nil || layer.ln1.kind == .layer else { return nil }
    var bias = layer.v.bias ?? [Float](repeating: 0, count: layer.v.matrix.rows)
    guard layer.ln1.kind == .layer else { return bias }
    let out = FloatBuffer(layer.v.stride)
    Products(pool: pool).multiply(
      layer.ln1.bias, rows: 1, stride: configuration.width,
      [ProductTarget(matrix: layer.v.matrix, out: out.pointer)])
    for i in bias.indices { bias[i] += out.pointer[i] }
    return bias
  }

  /// ⟨b' W_O^h, u⟩ for each layer and head, of a direction that was applied to W_O.
  func valueBiases(seenFrom heads: [[Float]]) -> [[Float]] {
    let width = configuration.headWidth
    return zip(foldedBiases, heads).map { biases, direction in
      (0..<configuration.heads).map { head in
        guard let biases else { return 0 }
        let shared = configuration.keyValueHead(of: head)
        return (0..<width).reduce(into: Float(0)) { sum, i in
          sum.addProduct(biases[shared * width + i], direction[head * width + i])
        }
      }
    }
  }
}
