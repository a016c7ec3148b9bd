/// A JSON value in memory, for the small files.
enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case integer(Int)
  case double(Double)
  case string(String)
  case array([JSON])
  case object([String: JSON])

  /// The whole of a file, which must be a JSON value of at most `limit` bytes.
  static func read(path: String, limit: Int = 64 << 20) throws -> JSON {
    try JSON(bytes(path: path, limit: limit), source: path)
  }

  /// The whole of a file that should be JSON and is of at most `limit` bytes.
  static func bytes(path: String, limit: Int) throws -> [UInt8] {
    let file = try ReadableFile(path: path)
    guard file.size <= limit else {
      throw file.damaged("\(file.size) bytes are too many for a file of this kind")
    }
    let bytes = try file.bytes(at: 0, count: file.size)
    if let (what, help) = ForeignFile.describe(bytes) {
      throw file.damaged("this is \(what)", help: help)
    }
    return bytes
  }

  /// One value, and nothing after it.
  init(_ bytes: [UInt8], source: String) throws {
    var scanner = try JSONScanner(bytes, source: source)
    self = try scanner.value()
    try scanner.end()
  }

  /// The member of that name; nil if there is none, if it is null, or if this is not an object.
  subscript(key: String) -> JSON? {
    guard case .object(let members) = self, let value = members[key], value != .null else {
      return nil
    }
    return value
  }

  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var int: Int? { if case .integer(let value) = self { value } else { nil } }
  var string: String? { if case .string(let value) = self { value } else { nil } }
  var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
  var object: [String: JSON]? { if case .object(let value) = self { value } else { nil } }

  var double: Double? {
    switch self {
    case .double(let value): value
    case .integer(let value): Double(value)
    default: nil
    }
  }
}

extension JSON: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral
{
  init(integerLiteral value: Int) { self = .integer(value) }
  init(floatLiteral value: Double) { self = .double(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
}
