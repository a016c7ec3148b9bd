import Synchronization

/// Weights in canonical form: every family's look alike from here on.
public final class Transformer: Sendable {
  public let configuration: Configuration
  let embedding: PackedMatrix
  /// [context, d_model], where positions are learned.
  let positionEmbedding: PackedMatrix?
  /// W_U, [vocabulary, d_model]; the embedding itself where the two are tied.
  let unembedding: PackedMatrix
  /// b_U, [vocabulary]
  let unembeddingBias: [Float]?
  let layers: [Layer]
  let finalNorm: Norm
  /// Every matrix that was made of the file's tensors.
  let matrices: [PackedMatrix]
  public let pool: WorkerPool
  /// Of the weights that are read when they are first needed.
  private let failures: WeightFailures
  /// b' of every layer, once asked for.
  private let knownBiases = Mutex<[[Float]?]?>(nil)
  /// Once measured.
  let knownSpeed = Mutex<Speed?>(nil)

  /// A matrix and its bias.
  struct Linear: Sendable {
    var matrix: PackedMatrix
    var bias: [Float]?
    var stride: Int { matrix.stride }
    var flopsPerRow: Double { 2 * Double(matrix.rows * matrix.columns) }
  }

  struct Layer: Sendable {
    /// Before attention.
    var ln1: Norm
    var q, k, v, o: Linear
    /// Each head's own, before RoPE.
    var qNorm, kNorm: Norm?
    /// Between attention and the stream.
    var ln1Post: Norm?
    /// Before the MLP; nil where that reads what attention reads.
    var ln2: Norm?
    var mlp: LayerMLP
    /// Between the MLP and the stream.
    var ln2Post: Norm?
  }

  /// Finds and checks every weight. Vectors are read; matrices are when they are first needed.
  ///
  /// - Throws: `ModelError` if one is missing, has another shape than the configuration says, or has
  ///   no place in the model: what it would change would be silently wrong.
  init(_ blueprint: Blueprint, file: any TensorFile, pool: WorkerPool) throws {
    let names = blueprint.names
    let reader = WeightReader(names, file: file, config: blueprint.config)
    let c = try reader.configuration(of: blueprint)
    failures = reader.failures
    self.configuration = c
    self.pool = pool
    embedding = try reader.matrix(names.embedding, c.vocabulary, c.width)
    positionEmbedding = try names.positionEmbedding.map {
      try reader.matrix($0, c.context, c.width)
    }
    unembedding =
      c.isTied ? embedding : try reader.matrix(names.unembedding, c.vocabulary, c.width)
    unembeddingBias = try names.unembeddingBias.map { try reader.vector($0, c.vocabulary) }
    finalNorm = try reader.norm(names.finalNorm, c.width, c.norm)
    layers = try (0..<c.layers).map { i in
      let name = names.layer(i)
      return Layer(
        ln1: try reader.norm(name.ln1, c.width, c.norm),
        q: try reader.linear(name.q, c.queryWidth, c.width),
        k: try reader.linear(name.k, c.keyWidth, c.width),
        v: try reader.linear(name.v, c.keyWidth, c.width),
        o: try reader.linear(name.o, c.width, c.queryWidth),
        qNorm: try name.qNorm.map { try reader.scaling($0, c.headWidth) },
        kNorm: try name.kNorm.map { try reader.scaling($0, c.headWidth) },
        ln1Post: try name.ln1Post.map { try reader.scaling($0, c.width) },
        ln2: try name.ln2.map { try reader.norm($0, c.width, c.norm) },
        mlp: .dense(
          DenseMLP(
            gate: try reader.linear(name.gate, c.mlp[i].neurons, c.width),
            up: try name.up.map { try reader.linear($0, c.mlp[i].neurons, c.width) },
            down: try reader.linear(name.down, c.width, c.mlp[i].neurons))),
        ln2Post: try name.ln2Post.map { try reader.scaling($0, c.width) })
    }
    matrices = reader.matrices
    try reader.refuseUnknown(layers: c.layers)
  }

  /// To be called before anything that was computed from matrices is believed.
  ///
  /// - Throws: `ModelError` if the file cannot be read any more, or has weights that are not numbers.
  func checkWeights() throws { try failures.check() }

  /// What values have of biases, for each layer; worked out once.
  var foldedBiases: [[Float]?] {
    knownBiases.withLock { known in
      if let known { return known }
      let biases = layers.map(valueBias)
      known = biases
      return biases
    }
  }

  /// The size of the packed weights, in bytes.
  public var weightBytes: Int {
    matrices.reduce(0) { $0 + $1.byteCount }
  }
}
