/// The tensors of a checkpoint, which may lie in several files, and the reading of their data.
struct TensorStore: Sendable {
  let files: [ReadableFile]
  let tensors: [TensorInfo]
  private let indices: [String: Int]

  /// - Parameter tensors: whose `shard` counts `files`.
  /// - Throws: if two of them have the same name.
  init(files: [ReadableFile], tensors: [TensorInfo]) throws {
    self.files = files
    self.tensors = tensors
    var indices: [String: Int] = [:]
    indices.reserveCapacity(tensors.count)
    for (index, tensor) in tensors.enumerated() {
      guard indices.updateValue(index, forKey: tensor.name) == nil else {
        throw files[tensor.shard].damaged("the tensor \(quoted(tensor.name)) occurs twice")
      }
    }
    self.indices = indices
  }

  var size: Int { files.reduce(0) { $0 + $1.size } }

  func tensor(named name: String) -> TensorInfo? { indices[name].map { tensors[$0] } }

  func read(
    _ tensor: TensorInfo, bytes: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    precondition(buffer.count == bytes.count && bytes.lowerBound >= 0)
    precondition(bytes.upperBound <= tensor.byteCount)
    try files[tensor.shard].read(into: buffer, at: tensor.offset + bytes.lowerBound)
  }
}
