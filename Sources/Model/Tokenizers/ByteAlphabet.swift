/// The characters in which byte-level vocabularies write bytes, so that a token is always readable
/// text: `bytes_to_unicode` of OpenAI's GPT-2. A printable character of Latin-1 stands for itself,
/// the other bytes take U+0100 and upwards in order; the space is `Ġ`.
enum ByteAlphabet {
  /// The scalar that stands for each byte; all are below U+0144.
  static let scalars: [UInt32] = {
    var next: UInt32 = 0x100
    return (0...255).map { (byte: UInt32) in
      switch byte {
      case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
      default:
        defer { next += 1 }
        return next
      }
    }
  }()

  /// The byte that each scalar below U+0144 stands for, -1 if none.
  private static let bytes: [Int16] = {
    var bytes = [Int16](repeating: -1, count: 0x144)
    for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
    return bytes
  }()

  /// The UTF-8 of the scalar that stands for `byte`.
  static func utf8(_ byte: UInt8) -> [UInt8] {
    let scalar = scalars[Int(byte)]
    return scalar < 0x80
      ? [UInt8(scalar)] : [0xC0 | UInt8(scalar >> 6), 0x80 | UInt8(scalar & 0x3F)]
  }

  /// The bytes that `token` stands for; if it has any other character, its UTF-8 as it is, which is
  /// what `tokenizers` does.
  static func decode(_ token: ArraySlice<UInt8>) -> [UInt8] {
    var decoded: [UInt8] = []
    var index = token.startIndex
    while index < token.endIndex {
      var scalar = Int(token[index])
      index += 1
      if scalar >= 0x80 {
        guard scalar & 0xE0 == 0xC0, index < token.endIndex else { return Array(token) }
        scalar = (scalar & 0x1F) << 6 | Int(token[index] & 0x3F)
        index += 1
      }
      guard scalar < bytes.count, bytes[scalar] >= 0 else { return Array(token) }
      decoded.append(UInt8(bytes[scalar]))
    }
    return decoded
  }
}
