/// Reads weights by name and refuses those of another shape.
final class WeightReader {
  /// All that `matrix` has made.
  private(set) var matrices: [PackedMatrix] = []
  /// Of matrices, which are read when they are first needed.
  let failures = WeightFailures()
  private let names: WeightNames
  private let file: any TensorFile
  private let present: Set<String>
  private let memory: WeightMemory
  /// What is said of a tensor of another shape.
  private let mismatch: String

  init(_ names: WeightNames, file: any TensorFile, config: ConfigFile? = nil) {
    self.names = names
    self.file = file
    mismatch =
      config?.assumedSizes
      ?? "the configuration and the weights do not belong together: fetch the model again"
    memory = WeightMemory(
      expected: file.tensors.reduce(0) { $0 + ($1.shape.count > 1 ? $1.byteCount : 0) })
    present = Set(file.tensors.map(\.name)).union(file.unsupported.keys)
  }

  func linear(_ source: BiasedSource, _ rows: Int, _ columns: Int) throws -> Transformer.Linear {
    Transformer.Linear(
      matrix: try matrix(source.weight, rows, columns),
      bias: try source.bias.map { try vector($0, rows) })
  }

  func norm(_ source: BiasedSource, _ count: Int, _ kind: NormKind) throws -> Transformer.Norm {
    Transformer.Norm(
      kind: kind, weight: try vector(source.weight, count),
      bias: try source.bias.map { try vector($0, count) } ?? [])
  }

  /// A norm that only divides and multiplies.
  func scaling(_ source: WeightSource, _ count: Int) throws -> Transformer.Norm {
    Transformer.Norm(kind: .rootMeanSquare, weight: try vector(source, count))
  }

  func matrix(_ source: WeightSource, _ rows: Int, _ columns: Int) throws -> PackedMatrix {
    let all = source.fileRows ?? rows
    let tensor = try tensor(source, source.isTransposed ? [columns, all] : [all, columns])
    let matrix = try PackedMatrix(
      MatrixSource(
        tensor, in: file, order: source.order?.rows, isTransposed: source.isTransposed),
      failures: failures, memory: memory)
    matrices.append(matrix)
    return matrix
  }

  func vector(_ source: WeightSource, _ count: Int) throws -> [Float] {
    let all = source.fileRows ?? count
    let tensor = try tensor(source, [all])
    let values = try file.floats(of: tensor)
    guard values.allSatisfy(\.isFinite) else { throw file.notFinite(tensor) }
    let picked = source.order.map { $0.rows.map { values[$0] } } ?? values
    return source.offset == 0 ? picked : picked.map { $0 + source.offset }
  }

  /// A tensor that the architecture does not know, such as a bias, would be left out of the sums.
  func refuseUnknown(layers: Int) throws {
    var known = Set(names.all.flatMap(names.spellings))
    for layer in 0..<layers { known.formUnion(names.layer(layer).all.flatMap(names.spellings)) }
    let there = file.tensors.map(\.name) + file.unsupported.keys.sorted()
    if let unknown = there.first(where: {
      !known.contains($0) && !names.isHarmless($0) && !Self.isHarmless($0)
    }) {
      throw ModelError(
        .file,
        "\(quoted(file.path)) has a tensor \(quoted(unknown)) that this architecture has no place "
          + "for: without it the results would be wrong",
        help: "it may be another kind of model than the file says")
    }
  }

  /// Numbers that PyTorch keeps with the weights and that no result depends on.
  private static func isHarmless(_ name: String) -> Bool {
    [".position_ids", ".num_batches_tracked", ".rotary_emb.inv_freq"].contains(
      where: name.hasSuffix)
  }

  /// The tensor of a weight whose own shape, in the file, is `shape`.
  func tensor(_ source: WeightSource, _ shape: [Int]) throws -> TensorInfo {
    let name = names.spellings(of: source.name).first(where: present.contains) ?? source.name
    let tensor = try file.require(name)
    let shape = (source.slice.map { [$0.count] } ?? []) + shape
    guard tensor.shape == shape else {
      throw ModelError(
        .file,
        "tensor \(quoted(name)) in \(quoted(file.path)) has shape \(tensor.shape), but the model's "
          + "numbers ask for \(shape)",
        help: mismatch)
    }
    return source.slice.map { tensor.slice($0.index) } ?? tensor
  }
}

// MARK: - The head

extension WeightReader {
  /// The configuration with the head that the file has: where it is tied to the embedding and the file
  /// has another one all the same, that one is used, as transformers does.
  func configuration(of blueprint: Blueprint) throws -> Configuration {
    var c = blueprint.configuration
    let head = names.unembedding
    let isThere = names.spellings(of: head.name).contains(where: present.contains)
    if c.isTied, isThere {
      c.isTied = try areEqual(names.embedding, head, [c.vocabulary, c.width])
    } else if !c.isTied, !isThere {
      throw ModelError(
        .file,
        "\(quoted(file.path)) has no tensor \(quoted(head.name)), and config.json does not tie the "
          + "unembedding to the embedding",
        help: "if the model has no unembedding of its own, set \"tie_word_embeddings\": true")
    }
    return c
  }

  /// Whether two matrices have the same bytes.
  private func areEqual(
    _ first: WeightSource, _ second: WeightSource, _ shape: [Int]
  ) throws -> Bool {
    let pair = (try tensor(first, shape), try tensor(second, shape))
    guard pair.0.type == pair.1.type, pair.0.byteCount == pair.1.byteCount else { return false }
    for start in stride(from: 0, to: pair.0.byteCount, by: 1 << 20) {
      let bytes = start..<min(start + 1 << 20, pair.0.byteCount)
      guard try read(pair.0, bytes) == read(pair.1, bytes) else { return false }
    }
    return true
  }

  private func read(_ tensor: TensorInfo, _ bytes: Range<Int>) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, count in
      try file.read(tensor, bytes: bytes, into: UnsafeMutableRawBufferPointer(buffer))
      count = bytes.count
    }
  }
}
