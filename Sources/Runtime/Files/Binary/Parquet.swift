/// Numbers of `parquet.thrift`, as far as files of Summand use them.
enum Parquet {
  static let magic = [UInt8]("PAR1".utf8)
  /// The key of the metadata that holds what a table was measured on, as JSON.
  static let provenanceKey = "summand"
  static let uncompressed = 0
  static let utf8 = 0

  enum PhysicalType: Int {
    case boolean = 0
    case int32 = 1
    case int64 = 2
    case int96 = 3
    case float = 4
    case double = 5
    case byteArray = 6
    case fixedByteArray = 7

    init(_ kind: Values.Kind) {
      switch kind {
      case .booleans: self = .boolean
      case .integers: self = .int64
      case .singles: self = .float
      case .doubles: self = .double
      case .texts: self = .byteArray
      }
    }

    /// Nil for those that no column has.
    var kind: Values.Kind? {
      switch self {
      case .boolean: .booleans
      case .int32, .int64: .integers
      case .float: .singles
      case .double: .doubles
      case .byteArray: .texts
      case .int96, .fixedByteArray: nil
      }
    }
  }

  enum Repetition: Int { case required, optional, repeated }

  enum PageType: Int {
    case data = 0
    case index = 1
    case dictionary = 2
    case dataV2 = 3
  }

  enum Encoding: Int {
    case plain = 0
    case plainDictionary = 2
    case rle = 3
    case rleDictionary = 8
  }

  static let encodings = [
    0: "PLAIN", 2: "PLAIN_DICTIONARY", 3: "RLE", 4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED",
    6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY", 8: "RLE_DICTIONARY",
    9: "BYTE_STREAM_SPLIT",
  ]
  static let codecs = [
    0: "UNCOMPRESSED", 1: "SNAPPY", 2: "GZIP", 3: "LZO", 4: "BROTLI", 5: "LZ4", 6: "ZSTD",
    7: "LZ4_RAW",
  ]
  static let convertedTypes = [
    0: "UTF8", 1: "MAP", 2: "MAP_KEY_VALUE", 3: "LIST", 4: "ENUM", 5: "DECIMAL", 6: "DATE",
    7: "TIME_MILLIS", 8: "TIME_MICROS", 9: "TIMESTAMP_MILLIS", 10: "TIMESTAMP_MICROS",
    11: "UINT_8", 12: "UINT_16", 13: "UINT_32", 14: "UINT_64", 15: "INT_8", 16: "INT_16",
    17: "INT_32", 18: "INT_64", 19: "JSON", 20: "BSON", 21: "INTERVAL",
  ]
  /// The fields of the union `LogicalType`.
  static let logicalTypes = [
    1: "STRING", 2: "MAP", 3: "LIST", 4: "ENUM", 5: "DECIMAL", 6: "DATE", 7: "TIME",
    8: "TIMESTAMP", 10: "INTEGER", 11: "UNKNOWN", 12: "JSON", 13: "BSON", 14: "UUID",
    15: "FLOAT16", 16: "VARIANT", 17: "GEOMETRY", 18: "GEOGRAPHY",
  ]
}
