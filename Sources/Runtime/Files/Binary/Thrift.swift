// Thrift's compact protocol, as far as the metadata of Parquet needs it:
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md

/// Writes structs. Fields are written in the order of their numbers.
struct ThriftWriter {
  private(set) var bytes: [UInt8] = []
  /// The number of the last field of each struct that is open.
  private var last = [0]

  private enum Kind: UInt8 {
    case int32 = 5
    case int64 = 6
    case binary = 8
    case list = 9
    case structure = 12
  }

  mutating func int32(_ field: Int, _ value: Int) {
    header(field, .int32)
    zigzag(value)
  }

  mutating func int64(_ field: Int, _ value: Int) {
    header(field, .int64)
    zigzag(value)
  }

  mutating func text(_ field: Int, _ value: String) {
    header(field, .binary)
    text(value)
  }

  mutating func int32s(_ field: Int, _ values: [Int]) {
    list(field, .int32, count: values.count)
    for value in values { zigzag(value) }
  }

  mutating func texts(_ field: Int, _ values: [String]) {
    list(field, .binary, count: values.count)
    for value in values { text(value) }
  }

  mutating func structure(_ field: Int, _ body: (inout ThriftWriter) throws -> Void) rethrows {
    header(field, .structure)
    try structure(body)
  }

  mutating func structures<Element>(
    _ field: Int, _ elements: [Element], _ body: (Element, inout ThriftWriter) throws -> Void
  ) rethrows {
    list(field, .structure, count: elements.count)
    for element in elements { try structure { try body(element, &$0) } }
  }

  /// Ends the outermost struct.
  mutating func end() { bytes.append(0) }

  private mutating func structure(_ body: (inout ThriftWriter) throws -> Void) rethrows {
    last.append(0)
    try body(&self)
    bytes.append(0)
    last.removeLast()
  }

  private mutating func header(_ field: Int, _ kind: Kind) {
    let step = field - last[last.count - 1]
    last[last.count - 1] = field
    if (1...15).contains(step) {
      bytes.append(UInt8(step) << 4 | kind.rawValue)
    } else {
      bytes.append(kind.rawValue)
      zigzag(field)
    }
  }

  private mutating func list(_ field: Int, _ kind: Kind, count: Int) {
    header(field, .list)
    if count < 15 {
      bytes.append(UInt8(count) << 4 | kind.rawValue)
    } else {
      bytes.append(0xF0 | kind.rawValue)
      bytes.append(variable: UInt64(count))
    }
  }

  private mutating func zigzag(_ value: Int) {
    bytes.append(variable: UInt64(bitPattern: Int64(value << 1 ^ value >> 63)))
  }

  private mutating func text(_ value: String) {
    bytes.append(variable: UInt64(value.utf8.count))
    bytes.append(contentsOf: value.utf8)
  }
}

extension [UInt8] {
  /// Appends seven bits a byte, the lowest first; all bytes but the last have the eighth bit.
  mutating func append(variable value: UInt64) {
    var rest = value
    while rest > 0x7F {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(rest))
  }
}

/// A value that was read: a struct has its fields by their numbers.
indirect enum ThriftValue {
  case boolean(Bool)
  case integer(Int)
  case double
  case binary(ArraySlice<UInt8>)
  case list([ThriftValue])
  case structure([Int: ThriftValue])

  subscript(field: Int) -> ThriftValue? {
    if case .structure(let fields) = self { fields[field] } else { nil }
  }

  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var list: [ThriftValue]? { if case .list(let values) = self { values } else { nil } }
  var isStructure: Bool { if case .structure = self { true } else { false } }

  /// Nil where it is not UTF-8.
  var text: String? {
    if case .binary(let bytes) = self { String(validating: bytes, as: UTF8.self) } else { nil }
  }
}

/// Reads structs whose fields it need not know.
extension BinaryReader {
  private static let deepest = 32

  mutating func thriftStruct(of what: String, depth: Int = 0) throws -> ThriftValue {
    guard depth < Self.deepest else { throw failure("is damaged: \(what) is nested too deep") }
    var fields: [Int: ThriftValue] = [:]
    var field = 0
    while true {
      let byte = try number(UInt8.self, of: what)
      if byte == 0 { return .structure(fields) }
      let step = Int(byte >> 4)
      let next = step == 0 ? try zigzag(of: what) : field + step
      guard (1...Int(Int16.max)).contains(next) else {
        throw failure("is damaged: \(what) has a field \(next)")
      }
      field = next
      fields[field] = try thriftValue(kind: byte & 15, of: what, depth: depth)
    }
  }

  private mutating func thriftValue(
    kind: UInt8, of what: String, depth: Int, isElement: Bool = false
  ) throws -> ThriftValue {
    switch kind {
    case 1, 2:
      // Alone, the kind is the value.
      return .boolean(isElement ? try number(UInt8.self, of: what) == 1 : kind == 1)
    case 3: return .integer(Int(Int8(bitPattern: try number(UInt8.self, of: what))))
    case 4, 5, 6: return .integer(try zigzag(of: what))
    case 7:
      try skip(8, of: what)
      return .double
    case 8:
      let count = try variable(of: what)
      return .binary(try take(Int(clamping: count), of: what))
    case 9, 10:
      let byte = try number(UInt8.self, of: what)
      let count = byte >> 4 == 15 ? Int(clamping: try variable(of: what)) : Int(byte >> 4)
      guard count <= left else { throw truncated(name, in: what) }
      return .list(
        try (0..<count).map { _ in
          try thriftValue(kind: byte & 15, of: what, depth: depth + 1, isElement: true)
        })
    case 12: return try thriftStruct(of: what, depth: depth + 1)
    default: throw failure("is damaged: \(what) has a field of an unknown kind")
    }
  }

  mutating func variable(of what: String) throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try number(UInt8.self, of: what)
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw failure("is damaged: \(what) has a number of more than 64 bits")
  }

  private mutating func zigzag(of what: String) throws -> Int {
    let value = try variable(of: what)
    return Int(Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1))
  }
}
