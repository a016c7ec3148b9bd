/// Tensors that were computed, and are in no file.
struct ComputedTensors: TensorFile {
  let path = "memory"
  let tensors: [TensorInfo]
  private let numbers: [String: [Float]]

  /// - Parameter tensors: with as many numbers as their shape says.
  init(_ tensors: [(name: String, shape: [Int], numbers: [Float])]) {
    self.tensors = tensors.compactMap {
      TensorInfo(name: $0.name, shape: $0.shape, type: .f32, offset: 0, shard: 0)
    }
    numbers = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.numbers) })
    precondition(self.tensors.allSatisfy { numbers[$0.name]?.count == $0.elementCount })
  }

  /// All zeros, which are nowhere.
  init(zeros tensors: [(name: String, shape: [Int])]) {
    self.tensors = tensors.compactMap {
      TensorInfo(name: $0.name, shape: $0.shape, type: .f32, offset: 0, shard: 0)
    }
    numbers = [:]
  }

  func require(_ name: String) throws -> TensorInfo {
    guard let tensor = tensors.first(where: { $0.name == name }) else {
      throw ModelError(.file, "there is no tensor \(quoted(name))")
    }
    return tensor
  }

  func read(
    _ tensor: TensorInfo, bytes: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    guard let numbers = numbers[tensor.name] else {
      for i in buffer.indices { buffer[i] = 0 }
      return
    }
    numbers.withUnsafeBytes { numbers in
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: numbers[bytes]))
    }
  }
}
