/// Reads weights by name and refuses those of another shape.
struct WeightReader {
  /// Of matrices, which are read when they are first needed.
  let failures = WeightFailures()
  private let names: WeightNames
  private let file: any TensorFile
  private let present: Set<String>

  init(_ names: WeightNames, file: any TensorFile) {
    self.names = names
    self.file = file
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
    let tensor = try tensor(source.name, source.isTransposed ? [columns, all] : [all, columns])
    return try PackedMatrix(
      MatrixSource(
        tensor, in: file, order: source.order?.rows, isTransposed: source.isTransposed),
      failures: failures)
  }

  func vector(_ source: WeightSource, _ count: Int) throws -> [Float] {
    let all = source.fileRows ?? count
    let tensor = try tensor(source.name, [all])
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

  /// Numbers that PyTorch keeps beside weights and that no result depends on.
  private static func isHarmless(_ name: String) -> Bool {
    [".position_ids", ".num_batches_tracked", ".rotary_emb.inv_freq"].contains(
      where: name.hasSuffix)
  }

  func tensor(_ name: String, _ shape: [Int]) throws -> TensorInfo {
    let name = names.spellings(of: name).first(where: present.contains) ?? name
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
