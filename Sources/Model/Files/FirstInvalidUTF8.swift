/// The index of the first byte that cannot stand there in UTF-8 text; nil if there is none.
func firstInvalidUTF8(_ bytes: some Sequence<UInt8>) -> Int? {
  // The bytes that must follow, and the range that the next one must lie in (RFC 3629, section 4).
  var (index, following, low, high): (Int, Int, UInt8, UInt8) = (0, 0, 0x80, 0xBF)
  var start = 0
  for byte in bytes {
    if following > 0 {
      guard (low...high).contains(byte) else { return start }
      following -= 1
      (low, high) = (0x80, 0xBF)
    } else {
      start = index
      switch byte {
      case 0x00...0x7F: break
      case 0xC2...0xDF: following = 1
      case 0xE0: (following, low) = (2, 0xA0)
      case 0xED: (following, high) = (2, 0x9F)
      case 0xE1...0xEF: following = 2
      case 0xF0: (following, low) = (3, 0x90)
      case 0xF4: (following, high) = (3, 0x8F)
      case 0xF1...0xF3: following = 3
      default: return start
      }
    }
    index += 1
  }
  return following > 0 ? start : nil
}
