import Foundation
import Testing

@testable import Model

/// Damaged files, by the thousand: each is an error or harmless, and never a crash, a large
/// allocation, or bytes that are not in the file.
@Suite struct FilesHostileTests {
  private static let gguf = GGUFBuilder.complete.build()
  private static let safetensors = SafetensorsBuilder.complete.build()

  /// Whether the file opens, in which case all of its tensors can be read.
  private func opensGGUF(_ bytes: [UInt8], _ file: TemporaryFile) throws -> Bool {
    try file.write(bytes)
    do {
      let gguf = try GGUFFile(path: file.path)
      for tensor in gguf.tensors { #expect(try data(tensor, in: gguf).count == tensor.byteCount) }
      // A tokenizer is not there, or is damaged like the rest.
      do { _ = try Tokenizer(gguf: gguf) } catch is ModelError {}
      return true
    } catch is ModelError {
      return false
    }
  }

  private func opensSafetensors(_ bytes: [UInt8], _ file: TemporaryFile) throws -> Bool {
    try file.write(bytes)
    do {
      let opened = try SafetensorsFile(path: file.path)
      for tensor in opened.tensors {
        #expect(try data(tensor, in: opened).count == tensor.byteCount)
      }
      return true
    } catch is ModelError {
      return false
    }
  }

  @Test func truncatedGGUF() throws {
    let file = try TemporaryFile([])
    #expect(try opensGGUF(Self.gguf.bytes, file))
    for length in 0..<Self.gguf.bytes.count {
      #expect(try !opensGGUF(Array(Self.gguf.bytes[..<length]), file), "\(length)")
    }
  }

  @Test func truncatedSafetensors() throws {
    let file = try TemporaryFile([])
    #expect(try opensSafetensors(Self.safetensors, file))
    for length in 0..<Self.safetensors.count {
      #expect(try !opensSafetensors(Array(Self.safetensors[..<length]), file), "\(length)")
    }
  }

  @Test func extremesInEveryFieldOfGGUF() throws {
    let file = try TemporaryFile([])
    var refused: Set<String> = []
    for field in Self.gguf.fields {
      let bits = field.range.count * 8
      let extremes: [UInt64] = [
        0, 1, 2, 0x7F, 0x80, 0xFF, 1 << 16, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 32,
        1 << 40, 1 << 60, (1 << 61) + 1, (1 << 63) - 1, 1 << 63, .max - 31, .max - 7, .max,
      ]
      for extreme in Set(extremes.map { bits == 64 ? $0 : $0 & ((1 << bits) - 1) }) {
        var bytes = Self.gguf.bytes
        for (index, place) in field.range.enumerated() {
          bytes[place] = UInt8(truncatingIfNeeded: extreme >> (8 * UInt64(index)))
        }
        if try !opensGGUF(bytes, file) { refused.insert(field.name) }
      }
    }
    // Counts, lengths, types, ranks, dimensions, offsets cannot take all those values.
    let structural = Self.gguf.fields.map(\.name).filter { name in
      ["version", "count", "length", "type", "element", "rank", "dimension", "offset"].contains {
        name.hasSuffix($0)
      }
    }
    #expect(structural.count > 70)
    #expect(refused.isSuperset(of: structural))
  }

  @Test func flippedBits() throws {
    let file = try TemporaryFile([])
    for index in Self.gguf.bytes.indices.prefix(1600) {
      for bit in [0, 3, 7] as [UInt8] {
        var bytes = Self.gguf.bytes
        bytes[index] ^= 1 << bit
        _ = try opensGGUF(bytes, file)
      }
    }
    for index in Self.safetensors.indices {
      for bit in [0, 1, 3, 5, 7] as [UInt8] {
        var bytes = Self.safetensors
        bytes[index] ^= 1 << bit
        _ = try opensSafetensors(bytes, file)
      }
    }
  }

  /// A file that is mostly a hole: large counts are then believable, and must still fail early.
  @Test func largeSparseFile() throws {
    let file = try TemporaryFile(Self.gguf.bytes)
    #expect(truncate(file.path, to: 1 << 40))
    let gguf = try GGUFFile(path: file.path)
    #expect(gguf.fileSize == 1 << 40)
    // As many parts as there can be, and more, of which none is there.
    for count in [65535, 1 << 40] as [UInt64] {
      var builder = GGUFBuilder()
      builder.metadata.append(("split.count", .uint64(count)))
      let split = try TemporaryFile(builder.build().bytes, name: "x-00001-of-65535.gguf")
      expectFileError(count > 65535 ? "too large" : "x-00002-of-65535.gguf': No such file") {
        _ = try GGUFFile(path: split.path)
      }
    }
    // One key whose name is a hole of a gigabyte.
    var writer = ByteWriter()
    writer.raw("GGUF".utf8)
    writer.integer(3 as UInt32, "version")
    writer.integer(0 as UInt64, "tensors.count")
    writer.integer(1 as UInt64, "metadata.count")
    writer.integer(1 << 30 as UInt64, "key.length")
    try file.write(writer.bytes)
    #expect(truncate(file.path, to: 1 << 40))
    expectFileError("metadata key 1 of 1 has 1073741824 bytes") {
      _ = try GGUFFile(path: file.path)
    }
    // One array that is a hole of half a terabyte.
    for (type, count) in [(0, 1 << 39), (10, 1 << 36)] as [(UInt32, UInt64)] {
      writer = ByteWriter()
      writer.raw("GGUF".utf8)
      writer.integer(3 as UInt32, "version")
      writer.integer(0 as UInt64, "tensors.count")
      writer.integer(1 as UInt64, "metadata.count")
      writer.string("hole", "key")
      writer.integer(9 as UInt32, "type")
      writer.integer(type, "element")
      writer.integer(count, "count")
      try file.write(writer.bytes)
      #expect(truncate(file.path, to: 1 << 40))
      expectFileError("and a header has at most 268435456") { _ = try GGUFFile(path: file.path) }
    }
  }
}

/// Sets the length of a file. False if that failed.
func truncate(_ path: String, to length: Int) -> Bool {
  guard let handle = FileHandle(forWritingAtPath: path) else { return false }
  defer { try? handle.close() }
  return (try? handle.truncate(atOffset: UInt64(length))) != nil
}
