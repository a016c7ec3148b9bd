/// A linear map and an offset between vectors of the stream: x ↦ W x + b, or x ↦ x + W x + b.
///
/// The weights stay in the type that their file has, in panels as a model's do, and products have the model's
/// kernels: the same bits whatever the number of rows and threads.
public final class AffineMap: Sendable {
  private let matrix: PackedMatrix
  private let bias: [Float]
  /// Whether x itself is part of the sum.
  private let isResidual: Bool
  private let failures: WeightFailures

  /// d_in and d_out.
  public var inputWidth: Int { matrix.columns }
  public var outputWidth: Int { matrix.rows }

  /// Reads nothing yet but the bias.
  ///
  /// - Parameters:
  ///   - weight: a tensor of the shape [d_out, d_in].
  ///   - bias: one of [d_out]; nil: 0.
  /// - Throws: `ModelError` for another shape, and for a bias with numbers that are not finite.
  init(
    weight: String, bias: String?, in file: any TensorFile, isResidual: Bool = false
  ) throws {
    let source = try MatrixSource(try file.require(weight), in: file)
    failures = WeightFailures()
    matrix = try PackedMatrix(source, failures: failures)
    self.isResidual = isResidual
    self.bias =
      try bias.map { name in
        let tensor = try file.require(name)
        guard tensor.shape == [source.rows] else {
          throw ModelError(
            .file,
            "tensor \(quoted(name)) in \(quoted(file.path)) has shape \(tensor.shape), and "
              + "\(quoted(weight)) gives \(source.rows) numbers")
        }
        let values = try file.floats(of: tensor)
        guard values.isFinite else { throw file.notFinite(tensor) }
        return values
      } ?? []
  }

  /// - Parameters:
  ///   - weights: [d_out · d_in], row after row.
  ///   - bias: [d_out].
  /// - Throws: `ModelError` where memory cannot be had.
  public convenience init(weights: [Float], bias: [Float]) throws {
    let columns = weights.count / max(1, bias.count)
    precondition(columns * bias.count == weights.count)
    try self.init(
      weight: "weight", bias: "bias",
      in: ComputedTensors([
        ("weight", [bias.count, columns], weights), ("bias", [bias.count], bias),
      ]))
  }

  /// What stands for a map in a plan: it takes vectors of a width to 0.
  public convenience init(plannedOf width: Int) throws {
    try self.init(
      weight: "weight", bias: nil, in: ComputedTensors(zeros: [("weight", [width, width])]))
  }

  /// One of a file of safetensors with the tensors `weight` and, maybe, `bias`.
  ///
  /// - Throws: `ModelError` for a file that is damaged, and for other tensors.
  public convenience init(path: String) throws {
    guard path.hasSuffix(".safetensors") else {
      throw ModelError(
        .file, "\(quoted(path)) is not a .safetensors file",
        help: "a map is the tensors `weight` [out, in] and `bias` [out] of one")
    }
    let file = try SafetensorsFile(path: path)
    let names = file.tensors.map(\.name) + file.unsupported.keys
    if let other = names.sorted().first(where: { !["weight", "bias"].contains($0) }) {
      throw ModelError(
        .file, "\(quoted(path)) has a tensor \(quoted(other)), which a map has no place for",
        help: "a map is the tensors `weight` [out, in] and `bias` [out]")
    }
    try self.init(
      weight: "weight", bias: names.contains("bias") ? "bias" : nil, in: file)
  }

  /// W x + b for each of some vectors.
  ///
  /// - Parameter rows: [n][d_in].
  /// - Returns: [n][d_out].
  /// - Throws: `Interruption.Stopped`, and `ModelError` where the weights cannot be read or are not numbers.
  public func applied(to rows: [[Float]], on pool: WorkerPool) throws -> [[Float]] {
    precondition(rows.allSatisfy { $0.count == inputWidth })
    let atOnce = min(rows.count, 192)
    let (width, stride) = (inputWidth, matrix.stride)
    let x = FloatBuffer(atOnce * width)
    let out = FloatBuffer(atOnce * stride)
    let products = Products(pool: pool, mayStop: true)
    var mapped: [[Float]] = []
    mapped.reserveCapacity(rows.count)
    for start in Swift.stride(from: 0, to: rows.count, by: max(1, atOnce)) {
      let some = rows[start..<min(start + atOnce, rows.count)]
      for (i, row) in some.enumerated() {
        row.withUnsafeBufferPointer { row in
          if let row = row.baseAddress { (x.pointer + i * width).update(from: row, count: width) }
        }
      }
      products.multiply(
        x.pointer, rows: some.count, stride: width,
        [ProductTarget(matrix: matrix, out: out.pointer)])
      try Interruption.check()
      try failures.check()
      for (i, row) in some.enumerated() {
        mapped.append(finished(out.pointer + i * stride, of: row))
      }
    }
    return mapped
  }

  /// W, [d_out · d_in], row after row, and b, [d_out].
  ///
  /// - Throws: `ModelError` where the weights cannot be read.
  public func numbers() throws -> (weights: [Float], bias: [Float]) {
    let weights = (0..<outputWidth).flatMap { matrix.row($0) }
    try failures.check()
    return (weights, bias.isEmpty ? [Float](repeating: 0, count: outputWidth) : bias)
  }

  private func finished(_ product: UnsafePointer<Float>, of x: [Float]) -> [Float] {
    (0..<outputWidth).map { i in
      let sum = bias.isEmpty ? product[i] : product[i] + bias[i]
      return isResidual ? x[i] + sum : sum
    }
  }
}
