import Lang

/// Reads numbers from bytes that another program wrote. Every step is checked against the end.
struct BinaryReader {
  /// What messages call the file.
  let name: String
  private let bytes: ArraySlice<UInt8>
  private(set) var index: Int

  init(_ bytes: ArraySlice<UInt8>, name: String) {
    self.bytes = bytes
    self.name = name
    index = bytes.startIndex
  }

  var left: Int { bytes.endIndex - index }

  func failure(_ problem: String, help: String? = nil) -> Failure {
    unreadableFile(name, problem, help: help)
  }

  mutating func take(_ count: Int, of what: String) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= left else { throw truncated(name, in: what) }
    defer { index += count }
    return bytes[index..<index + count]
  }

  mutating func skip(_ count: Int, of what: String) throws { _ = try take(count, of: what) }

  /// An unsigned number, its lowest byte first.
  mutating func number<Number: FixedWidthInteger & UnsignedInteger>(
    _: Number.Type, of what: String
  ) throws -> Number {
    try take(MemoryLayout<Number>.size, of: what).reversed().reduce(0) { $0 << 8 | Number($1) }
  }

  /// A size or an offset of 64 bits.
  mutating func size(of what: String) throws -> Int {
    let value = try number(UInt64.self, of: what)
    guard let size = Int(exactly: value) else {
      throw failure("is damaged: \(value) bytes of \(what)")
    }
    return size
  }
}

/// A failure to read a file: `` `NAME` PROBLEM``.
func unreadableFile(_ name: String, _ problem: String, help: String? = nil) -> Failure {
  Failure("`\(name)` \(problem)", help: help, status: .unreadable)
}

func truncated(_ name: String, in what: String) -> Failure {
  unreadableFile(name, "ends in the middle of \(what)", help: "it is truncated: copy it again")
}

extension [UInt8] {
  /// Appends a number, its lowest byte first.
  mutating func append(little value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// Appends numbers as they lie in memory: every platform that Summand runs on has the lowest byte
  /// first.
  mutating func append<Number: BitwiseCopyable>(inMemory values: [Number]) {
    values.withUnsafeBytes { append(contentsOf: $0) }
  }
}

/// How many elements an array of a shape has; nil where no `Int` holds that.
func elementCount(_ shape: [Int]) -> Int? {
  shape.reduce(Optional(1)) { count, axis in
    guard let (product, overflow) = count?.multipliedReportingOverflow(by: axis) else { return nil }
    return overflow ? nil : product
  }
}
