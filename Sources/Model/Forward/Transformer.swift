/// Weights in canonical form: every family's look alike from here on.
public final class Transformer: Sendable {
  public let configuration: Configuration
  let embedding: PackedMatrix
  /// The embedding itself where the two are tied.
  let unembedding: PackedMatrix
  let layers: [Layer]
  /// γ of the final norm, [d_model].
  public let finalNorm: [Float]
  public let pool: WorkerPool
  /// Of the weights that are read when they are first needed.
  private let failures: WeightFailures

  struct Layer: Sendable {
    /// γ of the norm before attention, [d_model].
    var ln1: [Float]
    var q, k, v, o: PackedMatrix
    /// γ of the norm before the MLP, [d_model].
    var ln2: [Float]
    var gate, up, down: PackedMatrix
  }

  /// Finds and checks every weight. Vectors are read; matrices are when they are first needed.
  ///
  /// - Throws: `ModelError` if one is missing, has another shape than the configuration says, or has
  ///   no place in the model: what it would change would be silently wrong.
  init(
    _ configuration: Configuration, names: WeightNames, file: any TensorFile, pool: WorkerPool
  ) throws {
    let reader = WeightReader(file: file)
    let c = configuration
    failures = reader.failures
    self.configuration = c
    self.pool = pool
    embedding = try reader.matrix(names.embedding, c.vocabulary, c.width)
    unembedding =
      c.isTied ? embedding : try reader.matrix(names.unembedding, c.vocabulary, c.width)
    finalNorm = try reader.vector(names.finalNorm, c.width)
    layers = try (0..<c.layers).map { i in
      let name = names.layer(i)
      let queries = c.heads * c.headWidth
      let keys = c.keyValueHeads * c.headWidth
      let qOrder = names.rotation.rowOrder(heads: c.heads, width: c.headWidth)
      let kOrder = names.rotation.rowOrder(heads: c.keyValueHeads, width: c.headWidth)
      return Layer(
        ln1: try reader.vector(name.ln1, c.width),
        q: try reader.matrix(name.q, queries, c.width, order: qOrder),
        k: try reader.matrix(name.k, keys, c.width, order: kOrder),
        v: try reader.matrix(name.v, keys, c.width),
        o: try reader.matrix(name.o, c.width, queries),
        ln2: try reader.vector(name.ln2, c.width),
        gate: try reader.matrix(name.gate, c.neurons, c.width),
        up: try reader.matrix(name.up, c.neurons, c.width),
        down: try reader.matrix(name.down, c.width, c.neurons))
    }
    try reader.refuseUnknown(names, layers: c.layers)
  }

  /// To be called before anything that was computed from matrices is believed.
  ///
  /// - Throws: `ModelError` if the file could not be read any more, or holds what is no number.
  func checkWeights() throws { try failures.check() }

  /// The size of the packed weights, in bytes.
  public var weightBytes: Int {
    let matrices = layers.flatMap { [$0.q, $0.k, $0.v, $0.o, $0.gate, $0.up, $0.down] }
    return (matrices + [embedding] + (configuration.isTied ? [] : [unembedding]))
      .reduce(0) { $0 + $1.byteCount }
  }

  /// u_t = γ_f ⊙ W_U[:, t], [d_model]: what a vector of the stream is multiplied by, once divided by
  /// the final scale, to give its part of token t's logit.
  public func unembeddingDirection(of token: Int) -> [Float] {
    zip(unembedding.row(token), finalNorm).map { $0 * $1 }
  }
}

/// Reads weights by name and refuses those of another shape.
private struct WeightReader {
  let file: any TensorFile
  let failures = WeightFailures()

  func matrix(_ name: String, _ rows: Int, _ columns: Int, order: [Int]? = nil) throws
    -> PackedMatrix
  {
    try PackedMatrix(tensor(name, [rows, columns]), in: file, order: order, failures: failures)
  }

  func vector(_ name: String, _ count: Int) throws -> [Float] {
    let tensor = try tensor(name, [count])
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: tensor.byteCount, alignment: 64)
    defer { bytes.deallocate() }
    try file.read(tensor, bytes: 0..<tensor.byteCount, into: bytes)
    let values = [Float](unsafeUninitializedCapacity: count) { out, initialized in
      Dequantize.dequantize(
        tensor.type, UnsafeRawBufferPointer(bytes),
        into: UnsafeMutableBufferPointer(rebasing: out[0..<count]))
      initialized = count
    }
    guard values.allSatisfy(\.isFinite) else { throw notFinite(tensor, in: file) }
    return values
  }

  /// A tensor that the architecture does not know, such as a bias, would be left out of the sums.
  func refuseUnknown(_ names: WeightNames, layers: Int) throws {
    var known: Set = [names.embedding, names.finalNorm, names.unembedding]
    for layer in 0..<layers { known.formUnion(names.layer(layer).all) }
    let there = file.tensors.map(\.name) + file.unsupported.keys.sorted()
    if let unknown = there.first(where: {
      !known.contains($0) && !names.isHarmless($0) && !Self.isCounter($0)
    }) {
      throw ModelError(
        .file,
        "\(quoted(file.path)) has a tensor \(quoted(unknown)) that this architecture has no place "
          + "for: without it the results would be wrong",
        help: "it may be another kind of model than the file says")
    }
  }

  /// Numbers that PyTorch keeps beside weights and that no result depends on.
  private static func isCounter(_ name: String) -> Bool {
    name.hasSuffix(".position_ids") || name.hasSuffix(".num_batches_tracked")
  }

  private func tensor(_ name: String, _ shape: [Int]) throws -> TensorInfo {
    let tensor = try file.require(name)
    guard tensor.shape == shape else {
      throw ModelError(
        .file,
        "tensor \(quoted(name)) in \(quoted(file.path)) has shape \(tensor.shape), but the model's "
          + "numbers ask for \(shape)",
        help: "the file is damaged or was not converted correctly: fetch it again")
    }
    return tensor
  }
}
