import Foundation
import TestSupport
import Testing

@testable import Model

/// A file that lives as long as this.
final class TemporaryFile {
  let path: String

  init(_ bytes: some Sequence<UInt8>, name: String = "file") throws {
    let directory = FileManager.default.temporaryDirectory
    path = directory.appending(path: "summand-\(UUID().uuidString)-\(name)").path
    try write(bytes)
  }

  func write(_ bytes: some Sequence<UInt8>) throws {
    try Data(bytes).write(to: URL(filePath: path))
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A directory that lives as long as this.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path =
      FileManager.default.temporaryDirectory.appending(path: "summand-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func write(_ bytes: some Sequence<UInt8>, _ name: String) throws {
    try Data(bytes).write(to: URL(filePath: path + "/" + name))
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: path + "/" + name)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// Expects a `ModelError` of kind `file` whose message and help together contain all of `parts`.
func expectFileError(
  _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation,
  _ body: () throws -> Void
) {
  do {
    try body()
    Issue.record("no error, instead of \(parts)", sourceLocation: sourceLocation)
  } catch let error as ModelError {
    #expect(error.kind == .file, sourceLocation: sourceLocation)
    let text = error.message + "\n" + (error.help ?? "")
    for part in parts {
      #expect(text.contains(part), "in: \(text)", sourceLocation: sourceLocation)
    }
  } catch {
    Issue.record("\(error) is no ModelError", sourceLocation: sourceLocation)
  }
}

/// Writes little-endian files byte by byte, and remembers where its integers stand.
struct ByteWriter {
  struct Field {
    var name: String
    var range: Range<Int>
  }

  private(set) var bytes: [UInt8] = []
  private(set) var fields: [Field] = []

  mutating func integer<T: FixedWidthInteger>(_ value: T, _ name: String) {
    let start = bytes.count
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    fields.append(Field(name: name, range: start..<bytes.count))
  }

  mutating func raw(_ content: some Sequence<UInt8>) { bytes.append(contentsOf: content) }

  mutating func string(_ content: String, _ name: String) {
    integer(UInt64(content.utf8.count), "\(name).length")
    raw(content.utf8)
  }
}

/// A small GGUF file, correct unless told otherwise.
struct GGUFBuilder {
  struct Tensor {
    var name: String
    /// In the file's order: the contiguous dimension first.
    var dimensions: [UInt64]
    var type: UInt32
    var data: [UInt8]
    /// From the start of the data; nil puts it after the tensor before.
    var offset: UInt64?
  }

  enum Value {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    case uint64(UInt64)
    case int64(Int64)
    case float64(Double)
    indirect case array(UInt32, [Value])

    var type: UInt32 {
      switch self {
      case .uint8: 0
      case .int8: 1
      case .uint16: 2
      case .int16: 3
      case .uint32: 4
      case .int32: 5
      case .float32: 6
      case .bool: 7
      case .string: 8
      case .array: 9
      case .uint64: 10
      case .int64: 11
      case .float64: 12
      }
    }
  }

  var magic = "GGUF"
  var version: UInt32 = 3
  var metadata: [(String, Value)] = [("general.architecture", .string("test"))]
  var tensors: [Tensor] = []
  var alignment = 32

  func build() -> ByteWriter {
    var writer = ByteWriter()
    writer.raw(magic.utf8)
    writer.integer(version, "version")
    writer.integer(UInt64(tensors.count), "tensors.count")
    writer.integer(UInt64(metadata.count), "metadata.count")
    for (key, value) in metadata {
      writer.string(key, key)
      writer.integer(value.type, "\(key).type")
      write(value, key, to: &writer)
    }
    var (offset, data): (Int, [UInt8]) = (0, [])
    for tensor in tensors {
      writer.string(tensor.name, tensor.name)
      writer.integer(UInt32(tensor.dimensions.count), "\(tensor.name).rank")
      for dimension in tensor.dimensions { writer.integer(dimension, "\(tensor.name).dimension") }
      writer.integer(tensor.type, "\(tensor.name).type")
      writer.integer(tensor.offset ?? UInt64(offset), "\(tensor.name).offset")
      data += [UInt8](repeating: 0xEE, count: offset - data.count) + tensor.data
      offset = (data.count + alignment - 1) / alignment * alignment
    }
    let start = (writer.bytes.count + alignment - 1) / alignment * alignment
    writer.raw([UInt8](repeating: 0xEE, count: start - writer.bytes.count) + data)
    return writer
  }

  private func write(_ value: Value, _ key: String, to writer: inout ByteWriter) {
    switch value {
    case .uint8(let value): writer.integer(value, key)
    case .int8(let value): writer.integer(value, key)
    case .uint16(let value): writer.integer(value, key)
    case .int16(let value): writer.integer(value, key)
    case .uint32(let value): writer.integer(value, key)
    case .int32(let value): writer.integer(value, key)
    case .float32(let value): writer.integer(value.bitPattern, key)
    case .bool(let value): writer.integer(value ? 1 : 0 as UInt8, key)
    case .string(let value): writer.string(value, key)
    case .uint64(let value): writer.integer(value, key)
    case .int64(let value): writer.integer(value, key)
    case .float64(let value): writer.integer(value.bitPattern, key)
    case .array(let type, let values):
      writer.integer(type, "\(key).element")
      writer.integer(UInt64(values.count), "\(key).count")
      for value in values { write(value, key, to: &writer) }
    }
  }

  /// Every kind of value, and tensors of every type.
  static var complete: GGUFBuilder {
    var builder = GGUFBuilder()
    builder.metadata += [
      ("a.u8", .uint8(200)), ("a.i8", .int8(-100)), ("a.u16", .uint16(65000)),
      ("a.i16", .int16(-30000)), ("a.u32", .uint32(4_000_000_000)), ("a.i32", .int32(-5)),
      ("a.f32", .float32(0.1)), ("a.bool", .bool(true)), ("a.string", .string("naïve")),
      ("a.u64", .uint64(.max)), ("a.i64", .int64(.min)), ("a.f64", .float64(0.1)),
      ("b.strings", .array(8, [.string("one"), .string(""), .string("drei €")])),
      ("b.i32", .array(5, [.int32(1), .int32(-2)])),
      ("b.f32", .array(6, [.float32(1.5), .float32(-2)])),
      ("b.bool", .array(7, [.bool(false), .bool(true)])),
      ("b.u8", .array(0, [.uint8(255)])), ("b.u32", .array(4, [.uint32(.max)])),
      ("b.u64", .array(10, [.uint64(.max)])), ("b.f64", .array(12, [.float64(2)])),
      ("b.nested", .array(9, [.array(5, [.int32(3)]), .array(8, [.string("x")])])),
      ("b.empty", .array(8, [])),
    ]
    func tensor(_ name: String, _ dimensions: [UInt64], _ type: UInt32, _ count: Int) -> Tensor {
      Tensor(
        name: name, dimensions: dimensions, type: type,
        data: (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + name.utf8.count) })
    }
    builder.tensors = [
      tensor("t.f32", [3, 2], 0, 24), tensor("t.f16", [5], 1, 10),
      tensor("t.bf16", [2, 1, 2], 30, 8),
      tensor("t.q4_1", [64, 2], 3, 80), tensor("t.q8_0", [32], 8, 34),
      tensor("t.q6_K", [256, 1, 1, 2], 14, 420), tensor("t.scalar", [], 0, 4),
    ]
    return builder
  }
}

/// The bytes of a tensor.
func data(_ tensor: TensorInfo, in file: GGUFFile) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
  try bytes.withUnsafeMutableBytes { try file.read(tensor, into: $0) }
  return bytes
}

func data(_ tensor: TensorInfo, in file: SafetensorsFile) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: tensor.byteCount)
  try bytes.withUnsafeMutableBytes { try file.read(tensor, into: $0) }
  return bytes
}
