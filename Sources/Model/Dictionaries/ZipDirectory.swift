/// Where the members of a zip file lie that are stored as they are.
struct ZipDirectory {
  struct Member {
    var name: String
    /// Of its data, in bytes from the start of the file.
    var start: Int
    var size: Int
  }

  private(set) var members: [Member] = []

  /// The largest directory that is read.
  private static let largest = 16 << 20

  init(_ file: ReadableFile) throws {
    let (start, size, count) = try Self.extent(file)
    guard start <= file.size, size <= file.size - start, size <= Self.largest,
      count <= size / 46
    else { throw Self.truncated(file) }
    var reader = Bytes(try file.bytes(at: start, count: size))
    for _ in 0..<count { members.append(try Self.member(&reader, file)) }
  }

  private static func truncated(_ file: ReadableFile) -> ModelError {
    file.damaged("it has no whole directory of a zip file", help: "it is truncated: fetch it again")
  }

  /// From the record at the file's end, which a comment of up to 65,535 bytes may follow.
  private static func extent(_ file: ReadableFile) throws -> (start: Int, size: Int, count: Int) {
    let tailSize = min(file.size, 22 + 65_535)
    let tail = try file.bytes(at: file.size - tailSize, count: tailSize)
    guard tailSize >= 22 else { throw truncated(file) }
    let places = stride(from: tailSize - 22, through: 0, by: -1)
    guard
      let place = places.first(where: { place in
        tail[place...].starts(with: [0x50, 0x4B, 5, 6])
          && place + 22 + (Int(tail[place + 20]) | Int(tail[place + 21]) << 8) == tailSize
      })
    else { throw truncated(file) }
    var record = Bytes(Array(tail[(place + 10)...]))
    guard let count = record.number(2), let size = record.number(4), let start = record.number(4)
    else { throw truncated(file) }
    guard count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF else {
      return (start, size, count)
    }
    return try extent64(file, before: file.size - tailSize + place)
  }

  private static func extent64(_ file: ReadableFile, before end: Int) throws -> (
    start: Int, size: Int, count: Int
  ) {
    guard end >= 20 else { throw truncated(file) }
    var locator = Bytes(try file.bytes(at: end - 20, count: 20))
    guard locator.number(4) == 0x0706_4B50, locator.skip(4), let place = locator.number(8),
      place <= end - 20, end - place >= 56
    else { throw truncated(file) }
    var record = Bytes(try file.bytes(at: place, count: 56))
    guard record.number(4) == 0x0606_4B50, record.skip(28), let count = record.number(8),
      let size = record.number(8), let start = record.number(8)
    else { throw truncated(file) }
    return (start, size, count)
  }

  private static func member(_ reader: inout Bytes, _ file: ReadableFile) throws -> Member {
    guard reader.number(4) == 0x0201_4B50, reader.skip(4), let flags = reader.number(2),
      let method = reader.number(2), reader.skip(8), var compressed = reader.number(4),
      var size = reader.number(4), let nameLength = reader.number(2),
      let extraLength = reader.number(2), let commentLength = reader.number(2), reader.skip(8),
      var offset = reader.number(4), let name = reader.take(nameLength),
      let extra = reader.take(extraLength), reader.skip(commentLength)
    else { throw truncated(file) }
    let text = String(decoding: name, as: UTF8.self)
    var fields = Bytes(extra)
    while let kind = fields.number(2), let length = fields.number(2),
      let content = fields.take(length)
    {
      guard kind == 1 else { continue }
      var field = Bytes(content)
      let large = 0xFFFF_FFFF
      if size == large { size = field.number(8) ?? large }
      if compressed == large { compressed = field.number(8) ?? large }
      if offset == large { offset = field.number(8) ?? large }
    }
    guard method == 0, flags & 1 == 0 else {
      throw file.damaged(
        "the array \(quoted(text)) is \(flags & 1 == 0 ? "compressed" : "encrypted")",
        help: "save the arrays as they are: numpy.savez, not numpy.savez_compressed")
    }
    // The member's own header, whose names and fields may be longer.
    guard compressed == size, offset <= file.size, file.size - offset >= 30 else {
      throw truncated(file)
    }
    var local = Bytes(try file.bytes(at: offset, count: 30))
    guard local.number(4) == 0x0403_4B50, local.skip(22), let ownName = local.number(2),
      let ownExtra = local.number(2)
    else { throw truncated(file) }
    let start = offset + 30 + ownName + ownExtra
    guard start <= file.size, size <= file.size - start else { throw truncated(file) }
    return Member(name: text, start: start, size: size)
  }
}

/// Bytes that are read one after the other, numbers with their lowest byte first.
private struct Bytes {
  private let bytes: [UInt8]
  private var index = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Nil at the end, and for what `Int` cannot hold.
  mutating func number(_ size: Int) -> Int? {
    guard let own = take(size) else { return nil }
    var value: UInt64 = 0
    for byte in own.reversed() { value = value << 8 | UInt64(byte) }
    return Int(exactly: value)
  }

  mutating func take(_ count: Int) -> [UInt8]? {
    guard count <= bytes.count - index else { return nil }
    defer { index += count }
    return Array(bytes[index..<index + count])
  }

  mutating func skip(_ count: Int) -> Bool { take(count) != nil }
}
