import Lang
import Model

/// The members of a zip file, stored or deflated, as NumPy and Summand write them.
struct ZipReader {
  private let bytes: ArraySlice<UInt8>
  private let name: String
  private var members: [Member] = []
  /// Of the whole file; empty where it has none.
  let comment: String

  private struct Member {
    var name: String
    var method: UInt16
    var checksum: UInt32
    var compressedSize: Int
    var size: Int
    var offset: Int
  }

  init(_ bytes: ArraySlice<UInt8>, name: String) throws {
    self.bytes = bytes
    self.name = name
    guard let end = Self.end(of: bytes) else {
      throw unreadableFile(
        name, "has no directory of a zip file at its end", help: "it is truncated: copy it again")
    }
    comment = String(decoding: bytes[(end + 22)...], as: UTF8.self)
    var reader = BinaryReader(bytes[(end + 8)...], name: name)
    var count = Int(try reader.number(UInt16.self, of: "its directory"))
    try reader.skip(2, of: "its directory")
    var size = Int(try reader.number(UInt32.self, of: "its directory"))
    var start = Int(try reader.number(UInt32.self, of: "its directory"))
    if start == Int(UInt32.max) || size == Int(UInt32.max) || count == Int(UInt16.max) {
      (count, size, start) = try end64(before: end)
    }
    guard start <= bytes.count, size <= bytes.count - start else {
      throw truncated(name, in: "its directory")
    }
    let first = bytes.startIndex + start
    var directory = BinaryReader(bytes[first..<first + size], name: name)
    // An entry has 46 bytes at least.
    guard count <= size / 46 else { throw truncated(name, in: "its directory") }
    for _ in 0..<count { members.append(try Self.member(&directory)) }
  }

  var names: [String] { members.map(\.name) }

  /// A member's bytes; nil where there is none of that name.
  func bytes(of member: String) throws -> ArraySlice<UInt8>? {
    guard let found = members.first(where: { $0.name == member }) else { return nil }
    let what = "`\(excerpt(member))`"
    guard found.offset <= bytes.count else { throw truncated(name, in: what) }
    var local = BinaryReader(bytes[(bytes.startIndex + found.offset)...], name: name)
    guard try local.number(UInt32.self, of: what) == 0x0403_4B50 else {
      throw unreadableFile(name, "is damaged: \(what) does not begin where the directory says")
    }
    try local.skip(22, of: what)
    let (first, second) = (
      Int(try local.number(UInt16.self, of: what)), Int(try local.number(UInt16.self, of: what))
    )
    try local.skip(first + second, of: what)
    let data = try local.take(found.compressedSize, of: what)
    let content = try content(data, of: found, what)
    var checksum = CRC32()
    checksum.add(Array(content))
    guard checksum.value == found.checksum else {
      throw unreadableFile(name, "is damaged: \(what) has another checksum than the directory says")
    }
    return content
  }

  private func content(_ data: ArraySlice<UInt8>, of member: Member, _ what: String) throws
    -> ArraySlice<UInt8>
  {
    switch member.method {
    case 0:
      guard member.size == data.count else {
        throw unreadableFile(name, "is damaged: \(what) has two sizes")
      }
      return data
    case 8:
      try Memory.reserve(member.size, for: "\(what) of `\(name)`")
      do {
        return try Inflater.bytes(of: data, size: member.size)[...]
      } catch is Inflater.Damaged {
        throw unreadableFile(name, "is damaged: \(what) cannot be decompressed")
      }
    default:
      throw unreadableFile(
        name, "has \(what) compressed by method \(member.method), which is not read",
        help: "write it with numpy.savez or numpy.savez_compressed")
    }
  }

  /// Where the end of the directory begins: a comment of up to 65,535 bytes may follow it.
  private static func end(of bytes: ArraySlice<UInt8>) -> Int? {
    guard bytes.count >= 22 else { return nil }
    let last = bytes.endIndex - 22
    for place in stride(from: last, through: max(bytes.startIndex, last - Int(UInt16.max)), by: -1)
    where bytes[place] == 0x50 && bytes[place...].starts(with: [0x50, 0x4B, 5, 6]) {
      let comment = Int(bytes[place + 20]) | Int(bytes[place + 21]) << 8
      if place + 22 + comment == bytes.endIndex { return place }
    }
    return nil
  }

  private func end64(before end: Int) throws -> (count: Int, size: Int, start: Int) {
    let what = "its directory"
    guard end - bytes.startIndex >= 20 else { throw truncated(name, in: what) }
    var locator = BinaryReader(bytes[(end - 20)..<end], name: name)
    guard try locator.number(UInt32.self, of: what) == 0x0706_4B50 else {
      throw truncated(name, in: what)
    }
    try locator.skip(4, of: what)
    let place = try locator.size(of: what)
    guard place <= end - bytes.startIndex else { throw truncated(name, in: what) }
    var reader = BinaryReader(bytes[(bytes.startIndex + place)..<end], name: name)
    guard try reader.number(UInt32.self, of: what) == 0x0606_4B50 else {
      throw truncated(name, in: what)
    }
    try reader.skip(28, of: what)
    return (
      try reader.size(of: what), try reader.size(of: what), try reader.size(of: what)
    )
  }

  private static func member(_ reader: inout BinaryReader) throws -> Member {
    let what = "its directory"
    guard try reader.number(UInt32.self, of: what) == 0x0201_4B50 else {
      throw truncated(reader.name, in: what)
    }
    try reader.skip(4, of: what)
    let flags = try reader.number(UInt16.self, of: what)
    let method = try reader.number(UInt16.self, of: what)
    guard flags & 1 == 0 else {
      throw reader.failure("has members that are encrypted, which are not read")
    }
    try reader.skip(4, of: what)
    let checksum = try reader.number(UInt32.self, of: what)
    let compressed = Int(try reader.number(UInt32.self, of: what))
    let size = Int(try reader.number(UInt32.self, of: what))
    let lengths = (
      Int(try reader.number(UInt16.self, of: what)), Int(try reader.number(UInt16.self, of: what)),
      Int(try reader.number(UInt16.self, of: what))
    )
    try reader.skip(8, of: what)
    let offset = Int(try reader.number(UInt32.self, of: what))
    let name = String(decoding: try reader.take(lengths.0, of: what), as: UTF8.self)
    var member = Member(
      name: name, method: method, checksum: checksum, compressedSize: compressed, size: size,
      offset: offset)
    var extra = BinaryReader(try reader.take(lengths.1, of: what), name: reader.name)
    try reader.skip(lengths.2, of: what)
    while extra.left >= 4 {
      let kind = try extra.number(UInt16.self, of: what)
      let length = Int(try extra.number(UInt16.self, of: what))
      var field = BinaryReader(try extra.take(length, of: what), name: reader.name)
      guard kind == 1 else { continue }
      let large = Int(UInt32.max)
      if member.size == large { member.size = try field.size(of: what) }
      if member.compressedSize == large { member.compressedSize = try field.size(of: what) }
      if member.offset == large { member.offset = try field.size(of: what) }
    }
    return member
  }
}
