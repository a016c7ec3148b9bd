/// Where the rows of a weight matrix come from: a tensor, some rows of one, or its columns.
struct MatrixSource: Sendable, CustomStringConvertible {
  let tensor: TensorInfo
  let rows: Int
  let columns: Int
  /// For each row of the matrix, the row of the tensor; nil where they are the same.
  let order: [Int]?
  /// Whether the tensor is [in, out] rather than [out, in]: GPT-2's `Conv1D`. What is said of its
  /// rows is then meant of its columns.
  let isTransposed: Bool
  /// Of a row, in bytes.
  let rowBytes: Int
  private let file: any TensorFile

  /// - Throws: `ModelError` if the tensor is not a matrix, or has blocks where it must be transposed.
  init(
    _ tensor: TensorInfo, in file: any TensorFile, order: [Int]? = nil, isTransposed: Bool = false
  ) throws {
    self.tensor = tensor
    self.file = file
    self.order = order
    self.isTransposed = isTransposed
    guard tensor.shape.count == 2, tensor.elementCount > 0 else {
      throw ModelError(
        .file,
        "tensor \(quoted(tensor.name)) in \(quoted(file.path)) has shape \(tensor.shape), not that of "
          + "a matrix")
    }
    guard !isTransposed || tensor.type.elementsPerBlock == 1 else {
      throw ModelError(
        .file,
        "tensor \(quoted(tensor.name)) in \(quoted(file.path)) would have to be transposed, which "
          + "blocks of \(tensor.type.name) do not allow",
        help: "a GGUF file of the same model has it the right way round")
    }
    rows = order?.count ?? tensor.shape[isTransposed ? 1 : 0]
    columns = tensor.shape[isTransposed ? 0 : 1]
    rowBytes = columns / tensor.type.elementsPerBlock * tensor.type.bytesPerBlock
  }

  /// Fills `buffer` with rows of the tensor, one after another.
  func read(rows: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard isTransposed else {
      let bytes = rows.lowerBound * rowBytes..<rows.upperBound * rowBytes
      return try file.read(tensor, bytes: bytes, into: buffer)
    }
    let size = tensor.type.bytesPerBlock
    let stride = tensor.shape[1] * size
    let part = UnsafeMutableRawBufferPointer.allocate(byteCount: rows.count * size, alignment: 64)
    defer { part.deallocate() }
    for column in 0..<columns {
      let start = column * stride + rows.lowerBound * size
      try file.read(tensor, bytes: start..<start + part.count, into: part)
      for row in 0..<rows.count {
        let start = row * rowBytes + column * size
        for i in 0..<size { buffer[start + i] = part[row * size + i] }
      }
    }
  }

  var notFinite: ModelError { file.notFinite(tensor) }

  var description: String { "tensor \(quoted(tensor.name)) in \(quoted(file.path))" }
}
