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
    let file = files[tensor.shard]
    if tensor.isDouble {
      try readDoubles(tensor, bytes: bytes, in: file, into: buffer)
    } else {
      try file.read(into: buffer, at: tensor.offset + bytes.lowerBound)
    }
  }

  /// Hands doubles out as singles, and refuses one that a single is not: files of doubles are mostly
  /// singles that were written as such, and any other weight would be rounded without a word.
  private func readDoubles(
    _ tensor: TensorInfo, bytes: Range<Int>, in file: ReadableFile,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    precondition(bytes.lowerBound % 4 == 0 && bytes.count % 4 == 0)
    let doubles = try file.bytes(at: tensor.offset + bytes.lowerBound * 2, count: bytes.count * 2)
    try doubles.withUnsafeBytes { doubles in
      for index in 0..<bytes.count / 4 {
        let bits = doubles.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
        let value = Double(bitPattern: UInt64(littleEndian: bits))
        let single = Float(value)
        guard Double(single) == value || value.isNaN else {
          throw file.damaged(
            "tensor \(quoted(tensor.name)) has the weight \(value) in F64, which F32 cannot hold",
            help: "Summand computes in F32: round the model yourself, by saving it as F32")
        }
        buffer.storeBytes(
          of: single.bitPattern.littleEndian, toByteOffset: index * 4, as: UInt32.self)
      }
    }
  }
}
