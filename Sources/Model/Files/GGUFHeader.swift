/// What stands before the data in one GGUF file: versions 2 and 3, little-endian.
///
/// Layout: the [GGUF specification](https://github.com/ggml-org/ggml/blob/master/docs/gguf.md).
struct GGUFHeader {
  var version: Int
  var metadata: Metadata
  /// In the file's order.
  var tensors: [TensorInfo]

  init(reading file: ReadableFile, shard: Int) throws {
    let reader = HeaderReader(file)
    version = try Self.version(reader)
    // A tensor takes at least the lengths of its name, its rank, type and offset; a key its
    // length, one byte, its type and a byte of value.
    let tensorCount = try reader.count(of: 8 + 4 + 4 + 8, "the number of tensors")
    let keyCount = try reader.count(of: 8 + 1 + 4 + 1, "the number of metadata keys")
    metadata = Metadata()
    for index in 0..<keyCount {
      let (key, value) = try GGUFMetadataReader(reader).entry(index, of: keyCount)
      guard metadata.add(key, value) else {
        throw file.damaged("the metadata key \(quoted(key)) occurs twice")
      }
    }
    let alignment = try Self.alignment(metadata, file)
    var entries: [Entry] = []
    for index in 0..<tensorCount {
      entries.append(try Entry(reader, "tensor \(index + 1) of \(tensorCount)"))
    }
    tensors = try Self.located(
      entries, after: reader.position, alignment: alignment, in: file, shard: shard)
  }

  private static func version(_ reader: HeaderReader) throws -> Int {
    let file = reader.file
    let magic = try reader.take(4, "the magic number")
    guard magic.elementsEqual("GGUF".utf8) else {
      let isOld = ["lmgg", "fmgg", "tjgg"].contains { magic.elementsEqual($0.utf8) }
      guard isOld else {
        throw file.foreign(otherwise: "this is not a GGUF file: it does not begin with GGUF")
      }
      throw file.damaged(
        "this is a GGML file, the format before GGUF",
        help: "convert it to GGUF with llama.cpp's tools")
    }
    let version = try reader.integer(UInt32.self, "the version")
    switch version {
    case 2, 3: return Int(version)
    case 1:
      throw file.damaged(
        "this is GGUF version 1, whose counts have 32 bits; versions 2 and 3 are read",
        help: "convert it with llama.cpp's gguf-py, or fetch a newer copy")
    // The low half of a small number in the other byte order is zero.
    case _ where version != 0 && version & 0xFFFF == 0:
      throw file.damaged(
        "this is a big-endian GGUF file (version \(version.byteSwapped)); little-endian is read",
        help: "convert it with gguf-convert-endian, which comes with the PyPI package gguf")
    default:
      throw file.damaged("this is GGUF version \(version); versions 2 and 3 are read")
    }
  }

  private static func alignment(_ metadata: Metadata, _ file: ReadableFile) throws -> Int {
    guard let value = metadata["general.alignment"] else { return 32 }
    guard let alignment = value.int, alignment > 0, alignment <= 1 << 31,
      alignment & (alignment - 1) == 0
    else {
      let shown = value.int.map(String.init) ?? "no whole number"
      throw file.damaged("general.alignment is \(shown), but must be a power of two")
    }
    return alignment
  }

  /// A tensor as the header lists it, its offset counted from the start of the data.
  private struct Entry {
    var name: String
    var shape: [Int]
    var type: TensorType
    var offset: UInt64

    init(_ reader: HeaderReader, _ subject: String) throws {
      let file = reader.file
      let length = try reader.count(of: 1, "the length of \(subject)'s name")
      guard (1...64).contains(length) else {
        throw file.damaged("\(subject) has a name of \(length) bytes; 1 to 64 are allowed")
      }
      let bytes = try reader.take(length, "\(subject)'s name")
      guard let name = String(validating: bytes, as: UTF8.self) else {
        throw file.damaged("\(subject) has a name that is not UTF-8")
      }
      let rank = try reader.integer(UInt32.self, "the rank of tensor \(quoted(name))")
      guard rank <= 4 else {
        throw file.damaged("tensor \(quoted(name)) has \(rank) dimensions; at most 4 are allowed")
      }
      var shape: [Int] = []
      for _ in 0..<rank {
        let dimension = try reader.integer(UInt64.self, "the shape of tensor \(quoted(name))")
        guard let dimension = Int(exactly: dimension) else {
          throw file.damaged("tensor \(quoted(name)) has a dimension of \(dimension)")
        }
        shape.append(dimension)
      }
      // The file's first dimension is the contiguous one.
      shape.reverse()
      let id = try reader.integer(UInt32.self, "the type of tensor \(quoted(name))")
      guard let type = TensorType(ggml: id) else {
        let typeName = ggmlTypeName(id).map { " (\($0))" } ?? ""
        throw file.damaged(
          "tensor \(quoted(name)) has type \(id)\(typeName), which is not read",
          help: "fetch or make a copy in one of the types \(TensorType.list)")
      }
      self.name = name
      self.shape = shape
      self.type = type
      self.offset = try reader.integer(UInt64.self, "the offset of tensor \(quoted(name))")
    }
  }

  /// Finds each tensor's bytes, and checks that they are in the file and nobody else's.
  private static func located(
    _ entries: [Entry], after headerEnd: Int, alignment: Int, in file: ReadableFile, shard: Int
  ) throws -> [TensorInfo] {
    // Both are far below 2^62: a file's size and at most 2^31.
    let dataStart = (headerEnd + alignment - 1) / alignment * alignment
    var tensors: [TensorInfo] = []
    for entry in entries {
      var name: String { quoted(entry.name) }
      guard entry.offset % UInt64(alignment) == 0 else {
        throw file.damaged(
          "tensor \(name) lies at offset \(entry.offset), which is not a multiple of \(alignment)")
      }
      guard let relative = Int(exactly: entry.offset),
        case (let offset, let overflow) = dataStart.addingReportingOverflow(relative), !overflow
      else { throw file.damaged("tensor \(name) lies at offset \(entry.offset)") }
      guard
        let tensor = TensorInfo(
          name: entry.name, shape: entry.shape, type: entry.type, offset: offset, shard: shard)
      else {
        throw file.damaged(
          "tensor \(name) has the shape \(entry.shape), which \(entry.type.name) cannot have: its rows "
            + "are not a multiple of \(entry.type.elementsPerBlock), or it is too large")
      }
      let (end, endOverflow) = offset.addingReportingOverflow(tensor.byteCount)
      guard !endOverflow, end <= file.size else {
        let range =
          endOverflow ? "\(tensor.byteCount) bytes from \(offset)" : "bytes \(offset)..<\(end)"
        throw file.damaged(
          "tensor \(name) needs \(range), but the file has \(file.size)",
          help: "it is truncated: fetch it again")
      }
      tensors.append(tensor)
    }
    if let (first, second) = firstOverlap(tensors) {
      throw file.damaged(
        "the tensors \(quoted(first.name)) and \(quoted(second.name)) lie on the same bytes")
    }
    return tensors
  }
}

/// Two tensors of one file that share bytes, if there are any.
private func firstOverlap(_ tensors: [TensorInfo]) -> (TensorInfo, TensorInfo)? {
  let sorted = tensors.filter { $0.byteCount > 0 }.sorted { $0.offset < $1.offset }
  return zip(sorted, sorted.dropFirst()).first { $0.offset + $0.byteCount > $1.offset }
}
