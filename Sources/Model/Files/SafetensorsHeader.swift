/// What stands before the data in one safetensors file.
///
/// Layout: the [safetensors documentation](https://huggingface.co/docs/safetensors), whose reference
/// implementation refuses what is refused here: holes, overlaps, equal keys, more than 100 MB.
struct SafetensorsHeader {
  /// In the order of their data.
  var tensors: [TensorInfo] = []
  /// The element types that are not read, by the names of their tensors.
  var unsupported: [String: String] = [:]
  var metadata: [String: String] = [:]

  private static let longest = 100_000_000
  /// As many as PyTorch and NumPy have.
  private static let mostDimensions = 64

  init(reading file: ReadableFile, shard: Int) throws {
    guard file.size >= 8 else {
      throw file.damaged(
        "it has \(file.size) bytes, and a safetensors file has at least 8",
        help: "it is truncated: fetch it again")
    }
    let length = try file.bytes(at: 0, count: 8).withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self))
    }
    guard length <= Self.longest else {
      throw file.foreign(
        otherwise:
          "its header would have \(length) bytes, and at most \(Self.longest) are allowed: "
          + "this is not a safetensors file")
    }
    guard length <= file.size - 8 else {
      throw file.foreign(
        otherwise: "its header needs \(length) bytes, but the file has \(file.size)",
        help: "it is truncated: fetch it again")
    }
    let bytes = try file.bytes(at: 8, count: Int(length))
    guard bytes.first == UInt8(ascii: "{") else {
      throw file.foreign(
        otherwise: "this is not a safetensors file: its header does not begin with {")
    }
    var entries: [Entry] = []
    var scanner = try JSONScanner(bytes, source: file.path)
    try scanner.object { scanner, key in
      if key == "__metadata__" {
        try scanner.object { scanner, key in metadata[key] = try scanner.string() }
      } else {
        entries.append(try Entry(&scanner, name: key))
      }
    }
    try scanner.end()
    try locate(entries, dataStart: 8 + Int(length), in: file, shard: shard)
  }

  /// A tensor as the header lists it.
  private struct Entry {
    var name: String
    var dtype: String
    var shape: [Int]
    /// Counted from the start of the data.
    var begin: Int
    var end: Int

    init(_ scanner: inout JSONScanner, name: String) throws {
      var (dtype, shape, offsets): (String?, [Int]?, [Int]?)
      try scanner.object { scanner, key in
        switch key {
        case "dtype": dtype = try scanner.string()
        case "shape": shape = try Self.integers(&scanner)
        case "data_offsets": offsets = try Self.integers(&scanner)
        default: _ = try scanner.value()
        }
      }
      guard let dtype, let shape, let offsets, offsets.count == 2 else {
        throw scanner.error(
          "tensor \(quoted(name)) needs a dtype, a shape and two data_offsets")
      }
      guard shape.count <= SafetensorsHeader.mostDimensions else {
        throw scanner.error(
          "tensor \(quoted(name)) has \(shape.count) dimensions; at most "
            + "\(SafetensorsHeader.mostDimensions) are allowed")
      }
      self.name = name
      self.dtype = dtype
      self.shape = shape
      (begin, end) = (offsets[0], offsets[1])
    }

    private static func integers(_ scanner: inout JSONScanner) throws -> [Int] {
      var integers: [Int] = []
      try scanner.array { scanner in
        let value = try scanner.integer()
        guard value >= 0 else { throw scanner.error("a negative number stands here") }
        integers.append(value)
      }
      return integers
    }
  }

  private mutating func locate(
    _ entries: [Entry], dataStart: Int, in file: ReadableFile, shard: Int
  ) throws {
    let dataSize = file.size - dataStart
    var covered = 0
    let sorted = entries.sorted { ($0.begin, $0.end, $0.name) < ($1.begin, $1.end, $1.name) }
    for entry in sorted {
      var name: String { quoted(entry.name) }
      let (begin, end) = (entry.begin, entry.end)
      guard begin <= end else {
        throw file.damaged("tensor \(name) ends at \(end), before its beginning at \(begin)")
      }
      guard end <= dataSize else {
        throw file.damaged(
          "tensor \(name) needs the bytes \(begin)..<\(end) of the data, but there are \(dataSize)",
          help: "it is truncated: fetch it again")
      }
      guard begin == covered else {
        throw file.damaged(
          "tensor \(name) begins at byte \(begin) of the data, but the one before ends at \(covered)"
        )
      }
      covered = end
      if let bits = Self.bitsPerElement[entry.dtype] {
        let needed = product(entry.shape)?.multipliedReportingOverflow(by: bits)
        guard let needed, !needed.overflow, needed.partialValue % 8 == 0,
          needed.partialValue / 8 == end - begin
        else {
          throw file.damaged(
            "tensor \(name) has \(end - begin) bytes, which is not the size of \(entry.dtype) "
              + "elements in the shape \(entry.shape)")
        }
      }
      if let type = Self.type(entry.dtype),
        let tensor = TensorInfo(
          name: entry.name, shape: entry.shape, type: type, offset: dataStart + begin, shard: shard,
          isDouble: entry.dtype == "F64")
      {
        tensors.append(tensor)
      } else {
        unsupported[entry.name] = entry.dtype
      }
    }
    guard covered == dataSize else {
      throw file.damaged(
        "its tensors end at byte \(covered) of the data, but there are \(dataSize) bytes")
    }
  }

  private static func type(_ dtype: String) -> TensorType? {
    switch dtype {
    case "F32", "F64": .f32
    case "F16": .f16
    case "BF16": .bf16
    case "F8_E4M3": .f8_E4M3
    case "F8_E5M2": .f8_E5M2
    default: nil
    }
  }

  /// The element types that the format had when this was written. A newer one is listed unchecked.
  private static let bitsPerElement = [
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "I16": 16, "U16": 16, "F16": 16,
    "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64,
  ]
}
