/// One value of a GGUF file's metadata.
enum MetadataValue: Sendable, Equatable {
  /// `u8`, `u16`, `u32`, `u64`.
  case unsigned(UInt64)
  /// `i8`, `i16`, `i32`, `i64`.
  case signed(Int64)
  /// `f32` (exactly represented), `f64`.
  case float(Double)
  case bool(Bool)
  /// Bytes that are not UTF-8 are replaced by U+FFFD.
  case string(String)
  case strings(StringArray)
  case int32s([Int32])
  case floats([Float])
  case bools([Bool])
  /// Arrays of the other integer types but `u64`.
  case integers([Int64])
  /// Arrays of `u64`.
  case unsigneds([UInt64])
  /// Arrays of `f64`.
  case doubles([Double])
  /// Arrays of arrays.
  case arrays([MetadataValue])

  /// A whole number of any integer type that fits, else nil.
  var int: Int? {
    switch self {
    case .unsigned(let value): Int(exactly: value)
    case .signed(let value): Int(exactly: value)
    default: nil
    }
  }

  /// A number of any type, else nil.
  var double: Double? {
    switch self {
    case .float(let value): value
    case .unsigned(let value): Double(value)
    case .signed(let value): Double(value)
    default: nil
    }
  }

  var bool: Bool? {
    if case .bool(let value) = self { value } else { nil }
  }

  var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  var strings: StringArray? {
    if case .strings(let value) = self { value } else { nil }
  }

  /// An array of any integer type whose values all fit, else nil. Some keys hold one number for
  /// all layers or an array of one for each (`llama.attention.head_count_kv`).
  var ints: [Int]? {
    switch self {
    case .int32s(let values): return values.map(Int.init)
    case .integers(let values): return values.compactMap(Int.init(exactly:))
    case .unsigneds(let values):
      let ints = values.compactMap(Int.init(exactly:))
      return ints.count == values.count ? ints : nil
    default: return nil
    }
  }

  var int32s: [Int32]? {
    if case .int32s(let values) = self { values } else { nil }
  }

  var floats: [Float]? {
    if case .floats(let values) = self { values } else { nil }
  }
}

/// An array of byte strings in one buffer: a vocabulary of a hundred thousand `String`s would take
/// longer to make than a forward pass.
struct StringArray: Sendable, Equatable {
  /// All the strings, one after the other.
  let bytes: [UInt8]
  /// Where each string ends in `bytes`; it begins where the one before ends.
  let ends: [Int]

  init(bytes: [UInt8], ends: [Int]) {
    self.bytes = bytes
    self.ends = ends
  }

  var count: Int { ends.count }

  /// The range of string `index` in the common buffer.
  func range(_ index: Int) -> Range<Int> {
    (index == 0 ? 0 : ends[index - 1])..<ends[index]
  }

  /// The bytes of string `index`. They need not be UTF-8.
  subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(index)] }

  /// String `index`, with U+FFFD for what is not UTF-8.
  func string(_ index: Int) -> String { String(decoding: self[index], as: UTF8.self) }
}

/// A GGUF file's metadata: keys and values in the file's order, and found by key.
struct Metadata: Sendable {
  private(set) var keys: [String] = []
  private var values: [String: MetadataValue] = [:]

  /// nil if the file does not have the key.
  subscript(key: String) -> MetadataValue? { values[key] }

  /// False if the key is there already.
  mutating func add(_ key: String, _ value: MetadataValue) -> Bool {
    guard values.updateValue(value, forKey: key) == nil else { return false }
    keys.append(key)
    return true
  }
}
