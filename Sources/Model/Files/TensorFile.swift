/// A source of tensors, whatever its format.
protocol TensorFile: Sendable {
  var path: String { get }
  var tensors: [TensorInfo] { get }
  /// The files that hold the data.
  var parts: [ReadableFile] { get }
  /// The element types that are not read, such as `I64`, by the names of their tensors.
  var unsupported: [String: String] { get }
  /// The tensor of that name, or an error that says why it cannot be had.
  func require(_ name: String) throws -> TensorInfo
  /// Fills `buffer` with `bytes` of the tensor's data.
  func read(
    _ tensor: TensorInfo, bytes: Range<Int>, into buffer: UnsafeMutableRawBufferPointer) throws
}

extension TensorFile {
  var unsupported: [String: String] { [:] }
  var parts: [ReadableFile] { [] }

  /// Reads all of a tensor's data, as it is stored, into a buffer of as many bytes.
  func read(_ tensor: TensorInfo, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(tensor, bytes: 0..<tensor.byteCount, into: buffer)
  }

  /// All elements of a tensor, decoded.
  func floats(of tensor: TensorInfo) throws -> [Float] {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: tensor.byteCount, alignment: 64)
    defer { bytes.deallocate() }
    try read(tensor, bytes: 0..<tensor.byteCount, into: bytes)
    return [Float](unsafeUninitializedCapacity: tensor.elementCount) { out, count in
      Dequantize.dequantize(
        tensor.type, UnsafeRawBufferPointer(bytes),
        into: UnsafeMutableBufferPointer(rebasing: out[0..<tensor.elementCount]))
      count = tensor.elementCount
    }
  }

  /// Weights that are not numbers would make every number of the model NaN.
  func notFinite(_ tensor: TensorInfo) -> ModelError {
    ModelError(
      .file,
      "tensor \(quoted(tensor.name)) in \(quoted(path)) has weights that are infinite or not numbers",
      help: "the file is damaged, or was trained or converted wrongly: fetch it again")
  }
}

/// A checkpoint on disk, in one file or in parts.
protocol CheckpointFile: TensorFile {
  var store: TensorStore { get }
}

extension CheckpointFile {
  var parts: [ReadableFile] { store.files }

  /// In the order of their data.
  var tensors: [TensorInfo] { store.tensors }

  /// nil if the file has no such tensor, or has it in a type that is not read.
  func tensor(named name: String) -> TensorInfo? { store.tensor(named: name) }

  /// Reads a part of a tensor's data, as it is stored.
  ///
  /// - Parameters:
  ///   - bytes: counted from the start of the tensor, within `0..<tensor.byteCount`.
  ///   - buffer: of exactly `bytes.count` bytes.
  func read(
    _ tensor: TensorInfo, bytes: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    try store.read(tensor, bytes: bytes, into: buffer)
  }
}

extension GGUFFile: CheckpointFile {}
extension SafetensorsFile: CheckpointFile {}
