import Lang
import Model

/// The pages of one column in one group of rows.
struct ParquetPages {
  private var reader: BinaryReader
  private let column: ParquetColumn
  private let what: String
  private var dictionary: [String]?

  init(_ reader: BinaryReader, of column: ParquetColumn) {
    self.reader = reader
    self.column = column
    what = "column `\(excerpt(column.name))`"
  }

  mutating func values(_ rows: Int) throws -> Values {
    var found = Values.missing(column.kind, count: 0)
    while found.count < rows {
      let header = try reader.thriftStruct(of: "a page of \(what)")
      guard let size = header[3]?.integer, header[2]?.integer == size,
        let number = header[1]?.integer, let type = Parquet.PageType(rawValue: number)
      else { throw damaged("a page has no proper header") }
      let body = BinaryReader(try reader.take(size, of: what), name: reader.name)
      switch type {
      case .index: continue
      case .dictionary: try readDictionary(header, body)
      case .dataV2:
        throw reader.failure(
          "has pages of version 2, which are not read", help: "write pages of version 1")
      case .data:
        let page = try dataPage(header, body, most: rows - found.count)
        try found.append(page)
      }
    }
    return found
  }

  private func damaged(_ problem: String) -> Failure {
    reader.failure("is damaged: in \(what), \(problem)")
  }

  private func unread(_ encoding: Int) -> Failure {
    reader.failure(
      "has \(what) in the encoding \(Parquet.encodings[encoding] ?? "\(encoding)"), which is not read",
      help: "write it PLAIN or with a dictionary")
  }

  private mutating func readDictionary(_ header: ThriftValue, _ body: BinaryReader) throws {
    guard column.kind == .texts else {
      throw reader.failure(
        "has \(what) of numbers in a dictionary, which is not read",
        help: "pandas: `to_parquet(…, use_dictionary=False)`")
    }
    var body = body
    guard dictionary == nil, let count = header[7]?[1]?.integer, count >= 0, count <= body.left / 4
    else { throw damaged("the dictionary has no proper size") }
    dictionary = try (0..<count).mapChecked { _ in try text(&body) }
  }

  private func text(_ body: inout BinaryReader) throws -> String {
    let count = Int(try body.number(UInt32.self, of: what))
    guard let text = String(validating: try body.take(count, of: what), as: UTF8.self) else {
      throw damaged("a text is not UTF-8")
    }
    return text
  }

  private func dataPage(_ header: ThriftValue, _ body: BinaryReader, most: Int) throws -> Values {
    var body = body
    guard let data = header[5], let count = data[1]?.integer, (1...max(1, most)).contains(count),
      let encoding = data[2]?.integer
    else { throw damaged("a page has no proper count of values") }
    var isThere = [Bool](repeating: true, count: count)
    if column.isOptional {
      guard data[3]?.integer == Parquet.Encoding.rle.rawValue else {
        throw unread(data[3]?.integer ?? -1)
      }
      let length = Int(try body.number(UInt32.self, of: what))
      var levels = BinaryReader(try body.take(length, of: what), name: body.name)
      isThere = try hybrid(&levels, width: 1, count: count).map { $0 == 1 }
    }
    let present = isThere.count { $0 }
    switch Parquet.Encoding(rawValue: encoding) {
    case .plain: return try plain(&body, isThere, present)
    case .plainDictionary, .rleDictionary:
      guard let dictionary else { throw damaged("the dictionary is missing") }
      let width = Int(try body.number(UInt8.self, of: what))
      guard width <= 32 else { throw damaged("places of \(width) bits in a dictionary") }
      var codes = try hybrid(&body, width: width, count: present)[...]
      return .texts(
        try isThere.mapChecked { isThere in
          guard isThere, let code = codes.popFirst() else { return nil }
          guard dictionary.indices.contains(code) else {
            throw damaged("a place beyond the dictionary")
          }
          return dictionary[code]
        })
    case .rle, nil: throw unread(encoding)
    }
  }

  private func plain(_ body: inout BinaryReader, _ isThere: [Bool], _ present: Int) throws -> Values
  {
    /// `read` reads the next value.
    func all<T>(_ missing: T, _ read: () throws -> T) throws -> [T] {
      try isThere.mapChecked { try $0 ? read() : missing }
    }
    let what = what
    switch column.type {
    case .boolean:
      let bits = try body.take((present + 7) / 8, of: what)
      var index = 0
      return .booleans(
        try all(nil) {
          defer { index += 1 }
          return bits[bits.startIndex + index / 8] >> UInt8(index % 8) & 1 == 1
        })
    case .int32:
      return .integers(
        try all(nil) { Int(Int32(bitPattern: try body.number(UInt32.self, of: what))) })
    case .int64:
      return .integers(
        try all(nil) { Int(Int64(bitPattern: try body.number(UInt64.self, of: what))) })
    case .float:
      return .singles(
        try all(.nan) { Float(bitPattern: try body.number(UInt32.self, of: what)) })
    case .double:
      return .doubles(
        try all(.nan) { Double(bitPattern: try body.number(UInt64.self, of: what)) })
    case .byteArray: return .texts(try all(nil) { try text(&body) })
    case .int96, .fixedByteArray: throw damaged("values of another type")
    }
  }

  /// `count` numbers of `width` bits, as runs and in groups of eight.
  private func hybrid(_ body: inout BinaryReader, width: Int, count: Int) throws -> [Int] {
    var numbers: [Int] = []
    numbers.reserveCapacity(count)
    while numbers.count < count {
      try Interruption.check()
      let header = try body.variable(of: what)
      let left = count - numbers.count
      if header & 1 == 0 {
        let run = min(left, Int(clamping: header >> 1))
        guard run > 0 else { throw damaged("a run of nothing") }
        let value = try body.take((width + 7) / 8, of: what).reversed().reduce(0) {
          $0 << 8 | Int($1)
        }
        numbers.append(contentsOf: repeatElement(value, count: run))
      } else {
        let groups = Int(clamping: header >> 1)
        guard groups > 0 else { throw damaged("a run of nothing") }
        let (bytes, overflow) = groups.multipliedReportingOverflow(by: width)
        guard !overflow else { throw damaged("a run without an end") }
        // The last group may be cut short where its values end.
        let packed = try body.take(min(bytes, body.left), of: what)
        let whole = width == 0 ? left : packed.count * 8 / width
        guard whole >= min(left, groups.multipliedReportingOverflow(by: 8).partialValue) else {
          throw truncated(body.name, in: what)
        }
        var (bits, held, place) = (UInt64(0), 0, packed.startIndex)
        for _ in 0..<min(left, whole) {
          while held < width {
            bits |= UInt64(packed[place]) << UInt64(held)
            place += 1
            held += 8
          }
          numbers.append(Int(bits & ((1 << UInt64(width)) - 1)))
          bits >>= UInt64(width)
          held -= width
        }
      }
    }
    return numbers
  }
}
