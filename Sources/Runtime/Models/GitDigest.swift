/// The SHA-1 that git names a file by (FIPS 180-4, over `blob SIZE`, a NUL and the bytes): what the
/// hub says of small files. It guards against damage, not against a forger.
struct GitDigest {
  private var state: [UInt32] = [
    0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0,
  ]
  private var pending: [UInt8] = []
  private var length: UInt64 = 0

  /// - Parameter size: the number of bytes that will follow.
  init(size: Int) {
    update(Array("blob \(size)\0".utf8)[...])
  }

  mutating func update(_ bytes: ArraySlice<UInt8>) {
    length &+= UInt64(bytes.count)
    pending += bytes
    let whole = pending.count / 64 * 64
    pending.withUnsafeBytes { buffer in
      for start in stride(from: 0, to: whole, by: 64) {
        Self.compress(&state, UnsafeRawBufferPointer(rebasing: buffer[start..<start + 64]))
      }
    }
    pending.removeFirst(whole)
  }

  /// 40 hexadecimal digits.
  func hexDigest() -> String {
    var hash = self
    let zeros = (119 - pending.count) % 64
    let end = withUnsafeBytes(of: (length &* 8).bigEndian) { Array($0) }
    hash.update(([0x80] + [UInt8](repeating: 0, count: zeros) + end)[...])
    return hash.state.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private static func compress(_ state: inout [UInt32], _ block: UnsafeRawBufferPointer) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { w in
      for i in 0..<16 {
        w[i] = UInt32(bigEndian: block.loadUnaligned(fromByteOffset: i * 4, as: UInt32.self))
      }
      for i in 16..<80 { w[i] = rotated(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1) }
      var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
      for i in 0..<80 {
        let (mixed, constant): (UInt32, UInt32) =
          switch i {
          case ..<20: ((b & c) | (~b & d), 0x5a82_7999)
          case ..<40: (b ^ c ^ d, 0x6ed9_eba1)
          case ..<60: ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc)
          default: (b ^ c ^ d, 0xca62_c1d6)
          }
        let sum = rotated(a, 5) &+ mixed &+ e &+ constant &+ w[i]
        (a, b, c, d, e) = (sum, a, rotated(b, 30), c, d)
      }
      state[0] &+= a
      state[1] &+= b
      state[2] &+= c
      state[3] &+= d
      state[4] &+= e
    }
  }

  private static func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x << n | x >> (32 - n) }
}
