/// A GGUF checkpoint: its metadata and list of tensors, read and checked on opening, and the
/// tensors' data, read on demand from any thread.
public final class GGUFFile: Sendable {
  public let path: String
  /// Of the format: 2 or 3.
  public let version: Int
  public let metadata: Metadata
  /// In the file's order.
  public let tensors: [TensorInfo]
  /// Bytes.
  public let fileSize: Int
  private let file: ReadableFile
  private let indices: [String: Int]

  /// Opens the file and checks all of its header.
  ///
  /// - Throws: `ModelError` of kind `file` if it cannot be opened, is no GGUF of version 2 or 3, is
  ///   truncated or damaged, or holds a tensor of a type that `TensorType` does not have.
  public init(path: String) throws {
    let file = try ReadableFile(path: path)
    let header = try GGUFHeader(reading: file, shard: 0)
    self.path = path
    self.version = header.version
    self.metadata = header.metadata
    self.tensors = header.tensors
    self.fileSize = file.size
    self.file = file
    self.indices = Dictionary(
      uniqueKeysWithValues: header.tensors.enumerated().map { ($1.name, $0) })
  }

  /// nil if the file has no such tensor.
  public func tensor(named name: String) -> TensorInfo? {
    indices[name].map { tensors[$0] }
  }

  /// The tensor of that name, or an error that says that it is missing.
  public func require(_ name: String) throws -> TensorInfo {
    guard let tensor = tensor(named: name) else {
      throw file.damaged("there is no tensor \(quoted(name))")
    }
    return tensor
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
