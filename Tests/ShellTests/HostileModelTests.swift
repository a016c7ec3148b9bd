import Foundation
import Testing

/// Models whose numbers ask for more memory than their files justify: the process may have as much
/// as a sound model of that size needs, and says what is wrong.
@Suite(.timeLimit(.minutes(2)))
struct HostileModelTests {
  /// Kilobytes of address space, of which most is the program's own.
  private static let limit = 1_500_000

  /// Opens a model under the limit, which macOS does not know.
  private func open(_ path: String) async throws -> BuiltProgram.Outcome {
    try await BuiltProgram.shell(
      "ulimit -v \(Self.limit) 2>/dev/null; summand --threads 1 --model '\(path)' -c 1")
  }

  /// The tiny model with other numbers in its metadata, all of which are stored as u32.
  private func model(_ numbers: [(String, UInt32)]) throws -> Data {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: BuiltProgram.tinyModel))
    for (key, number) in numbers {
      let name = try #require(bytes.firstRange(of: Data("llama.\(key)".utf8)), "\(key)")
      // The value stands after the key and the number of its type, u32.
      let type = name.upperBound..<name.upperBound + 4
      #expect(bytes[type].elementsEqual([4, 0, 0, 0]))
      let value = withUnsafeBytes(of: number.littleEndian) { Data($0) }
      bytes.replaceSubrange(type.upperBound..<type.upperBound + 4, with: value)
    }
    return bytes
  }

  @Test func soundModelFitsTheLimit() async throws {
    let opened = try await open(BuiltProgram.tinyModel)
    #expect(opened.messages == "")
    #expect(opened.status == 0)
  }

  @Test(
    arguments: [
      [("block_count", 1 << 31)], [("block_count", .max)], [("block_count", 4096)],
      [("block_count", 0)], [("attention.head_count", 0)], [("attention.head_count", .max)],
      [("attention.head_count", 4096)], [("attention.head_count_kv", 0)],
      [("attention.head_count_kv", 3)], [("attention.head_count_kv", .max)],
      [("embedding_length", 0)], [("embedding_length", .max)], [("embedding_length", 1 << 28)],
      [("feed_forward_length", 0)], [("feed_forward_length", 1 << 28)],
      [("context_length", 0)], [("context_length", .max)],
      [
        ("attention.head_count", 4096), ("attention.key_length", 65536),
        ("attention.value_length", 65536), ("rope.dimension_count", 65536),
      ],
      [("attention.head_count", 1 << 12), ("attention.head_count_kv", 1 << 12)],
    ] as [[(String, UInt32)]])
  func numbersOfAnArchitecture(numbers: [(String, UInt32)]) async throws {
    try await withFile("hostile.gguf", model(numbers)) { path in
      let ended = try await open(path)
      #expect(ended.status == 4, "\(ended.messages)")
      #expect(ended.messages.contains(path))
      #expect(ended.messages.utf8.count < 2000)
    }
  }

  /// A count or a length in the first bytes of a file, of 64 bits, each as large as can be.
  @Test(arguments: [8, 16, 24], [1 << 31, 1 << 40, UInt64.max] as [UInt64])
  func countsOfGGUF(offset: Int, count: UInt64) async throws {
    var bytes = try Data(contentsOf: URL(fileURLWithPath: BuiltProgram.tinyModel))
    let value = withUnsafeBytes(of: count.littleEndian) { Data($0) }
    bytes.replaceSubrange(offset..<offset + 8, with: value)
    try await withFile("hostile.gguf", bytes) { path in
      let ended = try await open(path)
      #expect(ended.status == 4, "\(ended.messages)")
      #expect(ended.messages.contains("is \(count), but only"))
    }
  }

  @Test(arguments: [100_000_000, 1 << 40, .max] as [UInt64])
  func headerOfSafetensors(length: UInt64) async throws {
    let value = withUnsafeBytes(of: length.littleEndian) { Data($0) }
    try await withFile("model.safetensors", value + Data("{}".utf8)) { path in
      let ended = try await open(path)
      #expect(ended.status == 4, "\(ended.messages)")
      #expect(ended.messages.contains("its header"))
    }
  }
}
