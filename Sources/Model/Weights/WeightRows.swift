/// A matrix of the weights, by TransformerLens' name for it.
public enum WeightName: String, Sendable, CaseIterable {
  case query = "W_Q"
  case key = "W_K"
  case value = "W_V"
  case output = "W_O"
  case gate = "W_gate"
  case input = "W_in"
  case neuronOutput = "W_out"
  case embedding = "W_E"
  case unembedding = "W_U"

  /// Which of a layer's parts have rows of it.
  public enum Part: Sendable { case head, keyValueHead, neuron, token }

  public var part: Part {
    switch self {
    case .query, .output: .head
    case .key, .value: .keyValueHead
    case .gate, .input, .neuronOutput: .neuron
    case .embedding, .unembedding: .token
    }
  }
}

extension Transformer {
  /// Some rows of a matrix as vectors of the stream: of one head d_head of them, one a neuron or token. What
  /// reads the stream has its rows so in a file too; what writes to it (W_O, W_out), the other way round.
  ///
  /// - Parameters:
  ///   - units: heads, key/value heads, neurons or tokens.
  ///   - isFolded: whether the gains of the norms around it are multiplied in, and for LayerNorm the mean over
  ///     the stream is subtracted of what reads it.
  /// - Returns: [units][rows of one][d_model]; nil where the model has no such matrix.
  /// - Throws: `ModelError` where weights cannot be read.
  public func weightRows(_ name: WeightName, layer number: Int, units: [Int], isFolded: Bool) throws
    -> [[[Float]]]?
  {
    let (layer, width) = (layers[number], configuration.headWidth)
    func rows(_ matrix: PackedMatrix, each count: Int, _ norm: Norm?) -> [[[Float]]] {
      let norm = isFolded ? norm : nil
      return units.map { unit in
        (unit * count..<(unit + 1) * count).map { fold(matrix.row($0), norm) }
      }
    }
    func columns(_ matrix: PackedMatrix, each count: Int, _ norm: Norm?) -> [[[Float]]] {
      let decoded = matrix.decoded()
      return units.map { unit in
        (unit * count..<(unit + 1) * count).map { column in
          (0..<matrix.rows).map { row in
            let gain = isFolded ? norm?.weight[row] ?? 1 : 1
            return decoded[row * matrix.columns + column] * gain
          }
        }
      }
    }
    let before = layer.ln2 ?? layer.ln1
    guard case .dense(let mlp) = layer.mlp else { return nil }
    let found: [[[Float]]]? =
      switch name {
      case .query: rows(layer.q.matrix, each: width, layer.ln1)
      case .key: rows(layer.k.matrix, each: width, layer.ln1)
      case .value: rows(layer.v.matrix, each: width, layer.ln1)
      case .output: columns(layer.o.matrix, each: width, layer.ln1Post)
      case .gate: mlp.up == nil ? nil : rows(mlp.gate.matrix, each: 1, before)
      case .input: rows((mlp.up ?? mlp.gate).matrix, each: 1, before)
      case .neuronOutput: columns(mlp.down.matrix, each: 1, layer.ln2Post)
      case .embedding: rows(embedding, each: 1, nil)
      case .unembedding: rows(unembedding, each: 1, finalNorm)
      }
    try checkWeights()
    return found
  }

  /// What a norm's gain makes of what reads it.
  private func fold(_ row: [Float], _ norm: Norm?) -> [Float] {
    guard let norm else { return row }
    var folded = zip(row, norm.weight).map { $0 * $1 }
    guard norm.kind == .layer else { return folded }
    let mean = Float(folded.reduce(0) { $0 + Double($1) } / Double(folded.count))
    for i in folded.indices { folded[i] -= mean }
    return folded
  }
}
