/// A safetensors checkpoint: its list of tensors, read and checked on opening, and their data, read
/// on demand from any thread.
public final class SafetensorsFile: Sendable {
  public let path: String
  /// What the file says about itself; usually `["format": "pt"]`.
  public let metadata: [String: String]
  /// The tensors of the types F32, F16 and BF16, in the order of their data.
  public let tensors: [TensorInfo]
  /// The element types that are not read, such as `I64`, by the names of their tensors.
  public let unsupported: [String: String]
  /// Bytes.
  public let fileSize: Int
  private let file: ReadableFile
  private let indices: [String: Int]

  /// Opens the file and checks all of its header.
  ///
  /// - Throws: `ModelError` of kind `file` if it cannot be opened, or is truncated or damaged.
  public init(path: String) throws {
    let file = try ReadableFile(path: path)
    let header = try SafetensorsHeader(reading: file, shard: 0)
    self.path = path
    self.metadata = header.metadata
    self.tensors = header.tensors
    self.unsupported = header.unsupported
    self.fileSize = file.size
    self.file = file
    self.indices = Dictionary(
      uniqueKeysWithValues: header.tensors.enumerated().map { ($1.name, $0) })
  }

  /// nil if the file has no such tensor, or has it in a type that is not read.
  public func tensor(named name: String) -> TensorInfo? {
    indices[name].map { tensors[$0] }
  }

  /// The tensor of that name, or an error that says that it is missing or cannot be read.
  public func require(_ name: String) throws -> TensorInfo {
    if let tensor = tensor(named: name) { return tensor }
    if let dtype = unsupported[name] {
      throw file.damaged(
        "tensor \(quoted(name)) has elements of the type \(quoted(dtype)), which is not read",
        help: "convert it to F32, F16 or BF16")
    }
    throw file.damaged("there is no tensor \(quoted(name))")
  }

  /// Reads all of a tensor's data, as it is stored.
  ///
  /// - Parameter buffer: of exactly `tensor.byteCount` bytes.
  public func read(_ tensor: TensorInfo, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read(tensor, bytes: 0..<tensor.byteCount, into: buffer)
  }

  /// Reads a part of a tensor's data, as it is stored.
  ///
  /// - Parameters:
  ///   - bytes: counted from the start of the tensor, within `0..<tensor.byteCount`.
  ///   - buffer: of exactly `bytes.count` bytes.
  public func read(
    _ tensor: TensorInfo, bytes: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    precondition(buffer.count == bytes.count && bytes.lowerBound >= 0)
    precondition(bytes.upperBound <= tensor.byteCount)
    try file.read(into: buffer, at: tensor.offset + bytes.lowerBound)
  }
}
