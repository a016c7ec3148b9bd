@testable import Model

/// Bytes to numbers: the kernels' panels against the plain decoder, which is held against `gguf`.
extension FuzzTarget {
  /// A byte that chooses the type, one for the number of columns, and the rows of a matrix.
  static func blocks(_ bytes: [UInt8]) throws {
    guard bytes.count > 2 else { return }
    let type = TensorType.allCases[Int(bytes[0]) % TensorType.allCases.count]
    let isPlain = type.elementsPerBlock == 1
    let columns = (Int(bytes[1]) % (isPlain ? 70 : 3) + 1) * type.elementsPerBlock
    let rowBytes = columns / type.elementsPerBlock * type.bytesPerBlock
    let rows = min((bytes.count - 2) / rowBytes, 70)
    guard rows > 0 else { return }
    let data = Array(bytes[2..<2 + rows * rowBytes])
    guard
      let tensor = TensorInfo(
        name: "w", shape: [rows, columns], type: type, offset: 0, shard: 0)
    else { throw BrokenPromise(message: "no tensor of \(rows) · \(columns) \(type.name)") }
    var wanted = [Float](repeating: 0, count: rows * columns)
    wanted.withUnsafeMutableBufferPointer { wanted in
      data.withUnsafeBytes { Dequantize.dequantize(type, $0, into: wanted) }
    }
    let failures = WeightFailures()
    let file = MemoryFile(tensors: [tensor], data: data)
    let matrix = try PackedMatrix(MatrixSource(tensor, in: file), failures: failures)
    let found = (0..<rows).flatMap { matrix.row($0) }
    let isFinite = wanted.allSatisfy(\.isFinite)
    do {
      try failures.check()
      try promise(isFinite, "\(type.name) has weights that are no numbers, and nobody says so")
    } catch is ModelError {
      // A scale with which any nibble but the smallest would be infinite is refused with all of them.
      let isExtreme =
        type == .mxfp4 && stride(from: 0, to: data.count, by: 17).contains { data[$0] >= 253 }
      return try promise(!isFinite || isExtreme, "\(type.name) of numbers is refused")
    }
    let wrong = zip(found, wanted).enumerated().first { $1.0.bitPattern != $1.1.bitPattern }
    if let (index, (found, wanted)) = wrong {
      let place = index.quotientAndRemainder(dividingBy: columns)
      throw BrokenPromise(message: "\(type.name) \(place): \(found) instead of \(wanted)")
    }
  }
}

/// A tensor in memory.
private struct MemoryFile: TensorFile {
  var path: String { "memory" }
  let tensors: [TensorInfo]
  let data: [UInt8]

  func require(_ name: String) throws -> TensorInfo { tensors[0] }

  func read(
    _ tensor: TensorInfo, bytes: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    buffer.copyBytes(from: data[bytes])
  }
}
