/// Writes a zip file from its first byte to its last: checksums and sizes follow the data of each
/// member, and stand in the directory at the end. ZIP64 where 32 bits are too few.
///
/// Format: APPNOTE.TXT of PKWARE, 4.3 to 4.5.
struct ZipWriter {
  /// The largest number that is written in 32 bits; smaller in tests of ZIP64.
  private let most: Int
  private var offset = 0
  private var members: [Member] = []

  private struct Member {
    var name: String
    var isDeflated: Bool
    var offset: Int
    var size = 0
    var compressedSize = 0
    var checksum: UInt32 = 0
  }

  /// Sizes follow the data; names are UTF-8.
  private static let flags: UInt16 = 0x0808
  /// 1980-01-01, the first that there is: the same table gives the same bytes.
  private static let date: UInt16 = 0x21

  init(most: Int = 0xFFFF_FFFE) { self.most = most }

  /// Writes a member, in the pieces that `body` hands over.
  ///
  /// - Parameters:
  ///   - record: bytes of its records where it is to be compressed; nil stores it as it is.
  ///   - size: how many bytes it has.
  mutating func write(
    _ name: String, size: Int, record: Int? = nil, into sink: inout ByteSink,
    _ body: (_ write: ([UInt8]) throws -> Void) throws -> Void
  ) throws {
    var member = Member(name: name, isDeflated: record != nil, offset: offset)
    let isLarge = size > most
    try append(localHeader(of: member, isLarge: isLarge), to: &sink)
    var checksum = CRC32()
    var deflater = record.map { Deflater(record: $0) }
    try body { bytes in
      checksum.add(bytes)
      member.size += bytes.count
      let written = deflater?.add(bytes) ?? bytes
      member.compressedSize += written.count
      try append(written, to: &sink)
    }
    if let rest = deflater?.finish() {
      member.compressedSize += rest.count
      try append(rest, to: &sink)
    }
    precondition(member.size == size, "a member of another size than was said")
    member.checksum = checksum.value
    var descriptor: [UInt8] = []
    descriptor.append(little: UInt32(0x0807_4B50))
    descriptor.append(little: member.checksum)
    for size in [member.compressedSize, member.size] {
      if isLarge {
        descriptor.append(little: UInt64(size))
      } else {
        descriptor.append(little: UInt32(truncatingIfNeeded: size))
      }
    }
    try append(descriptor, to: &sink)
    members.append(member)
  }

  /// Writes the directory.
  ///
  /// - Parameter comment: of the whole file.
  mutating func finish(comment: String, into sink: inout ByteSink) throws {
    let start = offset
    for member in members { try append(directoryEntry(of: member), to: &sink) }
    let size = offset - start
    if start > most || size > most { try append(end64(start: start, size: size), to: &sink) }
    var end: [UInt8] = []
    end.append(little: UInt32(0x0605_4B50))
    end += [0, 0, 0, 0]
    for _ in 0..<2 { end.append(little: UInt16(members.count)) }
    end.append(little: short(size))
    end.append(little: short(start))
    let comment = comment.utf8.count <= Int(UInt16.max) ? comment : ""
    end.append(little: UInt16(comment.utf8.count))
    try append(end + comment.utf8, to: &sink)
  }

  private mutating func append(_ bytes: [UInt8], to sink: inout ByteSink) throws {
    try sink.write(bytes)
    offset += bytes.count
  }

  /// All bits where the number stands in a ZIP64 field instead.
  private func short(_ number: Int) -> UInt32 { number > most ? .max : UInt32(number) }

  private func localHeader(of member: Member, isLarge: Bool) -> [UInt8] {
    var header: [UInt8] = []
    header.append(little: UInt32(0x0403_4B50))
    header += fields(of: member, isLarge: isLarge)
    // Checksum and sizes come after the data.
    header.append(little: UInt32(0))
    for _ in 0..<2 { header.append(little: isLarge ? UInt32.max : 0) }
    header.append(little: UInt16(member.name.utf8.count))
    header.append(little: UInt16(isLarge ? 20 : 0))
    header += member.name.utf8
    if isLarge {
      header.append(little: UInt16(1))
      header.append(little: UInt16(16))
      header += [UInt8](repeating: 0, count: 16)
    }
    return header
  }

  /// The version that is needed, flags, method, time and date.
  private func fields(of member: Member, isLarge: Bool) -> [UInt8] {
    var fields: [UInt8] = []
    for field in [isLarge ? 45 : 20, Self.flags, member.isDeflated ? 8 : 0, 0, Self.date] {
      fields.append(little: UInt16(field))
    }
    return fields
  }

  private func directoryEntry(of member: Member) -> [UInt8] {
    let numbers = [member.size, member.compressedSize, member.offset]
    var extra: [UInt8] = []
    for number in numbers where number > most { extra.append(little: UInt64(number)) }
    let isLarge = !extra.isEmpty
    if isLarge {
      var field: [UInt8] = []
      field.append(little: UInt16(1))
      field.append(little: UInt16(extra.count))
      extra = field + extra
    }
    var entry: [UInt8] = []
    entry.append(little: UInt32(0x0201_4B50))
    // Made by version 4.5 on Unix, for the mode below.
    entry.append(little: UInt16(3 << 8 | 45))
    entry += fields(of: member, isLarge: isLarge)
    entry.append(little: member.checksum)
    entry.append(little: short(member.compressedSize))
    entry.append(little: short(member.size))
    entry.append(little: UInt16(member.name.utf8.count))
    entry.append(little: UInt16(extra.count))
    entry += [UInt8](repeating: 0, count: 6)
    entry.append(little: UInt32(0o100644) << 16)
    entry.append(little: short(member.offset))
    return entry + member.name.utf8 + extra
  }

  private func end64(start: Int, size: Int) -> [UInt8] {
    var end: [UInt8] = []
    end.append(little: UInt32(0x0606_4B50))
    end.append(little: UInt64(44))
    for _ in 0..<2 { end.append(little: UInt16(45)) }
    for _ in 0..<2 { end.append(little: UInt32(0)) }
    for number in [members.count, members.count, size, start] {
      end.append(little: UInt64(number))
    }
    end.append(little: UInt32(0x0706_4B50))
    end.append(little: UInt32(0))
    end.append(little: UInt64(start + size))
    end.append(little: UInt32(1))
    return end
  }
}
