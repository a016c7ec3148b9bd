/// Reads the keys and values between a GGUF file's counts and its list of tensors.
struct GGUFMetadataReader {
  private let reader: HeaderReader

  init(_ reader: HeaderReader) { self.reader = reader }

  /// How deep arrays may lie in arrays. The specification has no limit; no known file has two.
  private static let deepest = 8

  /// The types by the numbers that the file gives them.
  private enum ValueType: UInt32 {
    case uint8, int8, uint16, int16, uint32, int32, float32, bool, string, array
    case uint64, int64, float64

    /// The least number of bytes that a value takes.
    var size: Int {
      switch self {
      case .uint8, .int8, .bool: 1
      case .uint16, .int16: 2
      case .uint32, .int32, .float32: 4
      case .string, .uint64, .int64, .float64: 8
      case .array: 4 + 8
      }
    }
  }

  func entry(_ index: Int, of total: Int) throws -> (String, MetadataValue) {
    let subject = "metadata key \(index + 1) of \(total)"
    let length = try reader.count(of: 1, "the length of \(subject)")
    guard (1...65535).contains(length) else {
      throw reader.file.damaged("\(subject) has \(length) bytes; 1 to 65535 are allowed")
    }
    let bytes = try reader.take(length, subject)
    guard let key = String(validating: bytes, as: UTF8.self) else {
      throw reader.file.damaged("\(subject) is not UTF-8")
    }
    let type = try valueType(key)
    return (key, try value(type, key, depth: 0))
  }

  private func valueType(_ key: String) throws -> ValueType {
    let id = try reader.integer(UInt32.self, "the type of the metadata key \(quoted(key))")
    guard let type = ValueType(rawValue: id) else {
      throw reader.file.damaged("the metadata key \(quoted(key)) has the unknown type \(id)")
    }
    return type
  }

  private func value(_ type: ValueType, _ key: String, depth: Int) throws -> MetadataValue {
    switch type {
    case .uint8: .unsigned(UInt64(try scalar(UInt8.self, key)))
    case .uint16: .unsigned(UInt64(try scalar(UInt16.self, key)))
    case .uint32: .unsigned(UInt64(try scalar(UInt32.self, key)))
    case .uint64: .unsigned(try scalar(UInt64.self, key))
    case .int8: .signed(Int64(try scalar(Int8.self, key)))
    case .int16: .signed(Int64(try scalar(Int16.self, key)))
    case .int32: .signed(Int64(try scalar(Int32.self, key)))
    case .int64: .signed(try scalar(Int64.self, key))
    case .float32: .float(Double(Float(bitPattern: try scalar(UInt32.self, key))))
    case .float64: .float(Double(bitPattern: try scalar(UInt64.self, key)))
    case .bool: .bool(try bool(try scalar(UInt8.self, key), key))
    case .string: .string(try string(key))
    case .array: try array(key, depth: depth)
    }
  }

  private func scalar<T: FixedWidthInteger>(_: T.Type, _ key: String) throws -> T {
    try reader.integer(T.self, "the value of \(quoted(key))")
  }

  private func bool(_ byte: UInt8, _ key: String) throws -> Bool {
    guard byte <= 1 else {
      throw reader.file.damaged("the value of \(quoted(key)) is the bool \(byte); 0 and 1 exist")
    }
    return byte == 1
  }

  private func string(_ key: String) throws -> String {
    let length = try reader.count(of: 1, "the length of \(quoted(key))")
    return String(decoding: try reader.take(length, "the value of \(quoted(key))"), as: UTF8.self)
  }

  private func array(_ key: String, depth: Int) throws -> MetadataValue {
    guard depth < Self.deepest else {
      throw reader.file.damaged("the metadata key \(quoted(key)) has arrays in arrays too deep")
    }
    let type = try valueType(key)
    let count = try reader.count(of: type.size, "the length of the array \(quoted(key))")
    switch type {
    case .uint8: return .integers(try integers(UInt8.self, count, key))
    case .int8: return .integers(try integers(Int8.self, count, key))
    case .uint16: return .integers(try integers(UInt16.self, count, key))
    case .int16: return .integers(try integers(Int16.self, count, key))
    case .uint32: return .integers(try integers(UInt32.self, count, key))
    case .int32: return .int32s(try elements(Int32.self, count, key) { $0 })
    case .uint64: return .unsigneds(try elements(UInt64.self, count, key) { $0 })
    case .int64: return .integers(try integers(Int64.self, count, key))
    case .float32: return .floats(try elements(UInt32.self, count, key, Float.init(bitPattern:)))
    case .float64: return .doubles(try elements(UInt64.self, count, key, Double.init(bitPattern:)))
    case .bool: return .bools(try elements(UInt8.self, count, key) { try bool($0, key) })
    case .string: return .strings(try strings(count, key))
    case .array:
      var values: [MetadataValue] = []
      try (0..<count).forEachChecked { _ in values.append(try array(key, depth: depth + 1)) }
      return .arrays(values)
    }
  }

  private func integers<T: FixedWidthInteger>(
    _: T.Type, _ count: Int, _ key: String
  ) throws -> [Int64] {
    try elements(T.self, count, key) { Int64($0) }
  }

  private func elements<T: FixedWidthInteger, Element>(
    _: T.Type, _ count: Int, _ key: String, _ element: (T) throws -> Element
  ) throws -> [Element] {
    let size = MemoryLayout<T>.size
    // `count * size` fits: it was checked against the file's size.
    let bytes = try reader.take(count * size, "the array \(quoted(key))")
    return try (0..<count).mapChecked {
      try element(T(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * size, as: T.self)))
    }
  }

  private func strings(_ count: Int, _ key: String) throws -> StringArray {
    let source = try reader.strings(count, quoted(key))
    // All lengths are known to be good; now the strings are moved together.
    var ends: [Int] = []
    ends.reserveCapacity(count)
    try Interruption.check()
    let bytes = [UInt8](unsafeUninitializedCapacity: source.count - 8 * count) { target, end in
      var position = 0
      for _ in 0..<count {
        let length = Int(
          UInt64(littleEndian: source.loadUnaligned(fromByteOffset: position, as: UInt64.self)))
        let string = UnsafeRawBufferPointer(rebasing: source[position + 8..<position + 8 + length])
        UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(target)[end...])
          .copyMemory(from: string)
        position += 8 + length
        end += length
        ends.append(end)
      }
    }
    return StringArray(bytes: bytes, ends: ends)
  }
}
