/// 128 bits that tell contents apart: MurmurHash3_x64_128 (Austin Appleby, public domain). It is no
/// protection against somebody who wants two contents to look alike; SHA-256 takes ten times as long.
public struct ContentDigest: Hashable, Sendable {
  public var high: UInt64
  public var low: UInt64

  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  public init(of bytes: UnsafeRawBufferPointer) {
    var state = State()
    let blocks = bytes.count / 16
    state.mix(UnsafeRawBufferPointer(rebasing: bytes[..<(blocks * 16)]))
    (high, low) = state.finish(
      UnsafeRawBufferPointer(rebasing: bytes[(blocks * 16)...]), bytes.count)
  }

  public init(of bytes: [UInt8]) { self = bytes.withUnsafeBytes { ContentDigest(of: $0) } }

  /// 32 hexadecimal digits.
  public var text: String {
    [high, low].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// Of a content that comes in blocks, all but the last a multiple of 16 bytes.
  struct State {
    private var h1: UInt64 = 0
    private var h2: UInt64 = 0

    private static let c1: UInt64 = 0x87c3_7b91_1142_53d5
    private static let c2: UInt64 = 0x4cf5_ad43_2745_937f

    /// The masking shifts: the others ask in a debug build whether `n` is too large.
    private static func rotated(_ x: UInt64, _ n: UInt64) -> UInt64 { x &<< n | x &>> (64 &- n) }

    mutating func mix(_ bytes: UnsafeRawBufferPointer) {
      var (h1, h2) = (h1, h2)
      var index = 0
      while index + 16 <= bytes.count {
        let k1 = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        let k2 = UInt64(
          littleEndian: bytes.loadUnaligned(fromByteOffset: index + 8, as: UInt64.self))
        h1 ^= Self.rotated(k1 &* Self.c1, 31) &* Self.c2
        h1 = (Self.rotated(h1, 27) &+ h2) &* 5 &+ 0x52dc_e729
        h2 ^= Self.rotated(k2 &* Self.c2, 33) &* Self.c1
        h2 = (Self.rotated(h2, 31) &+ h1) &* 5 &+ 0x3849_5ab5
        index += 16
      }
      (self.h1, self.h2) = (h1, h2)
    }

    /// - Parameters:
    ///   - tail: fewer than 16 bytes.
    ///   - count: how many bytes there were in all.
    func finish(_ tail: UnsafeRawBufferPointer, _ count: Int) -> (high: UInt64, low: UInt64) {
      var (h1, h2) = (h1, h2)
      var (k1, k2): (UInt64, UInt64) = (0, 0)
      for (index, byte) in tail.enumerated() {
        if index < 8 {
          k1 |= UInt64(byte) << UInt64(8 * index)
        } else {
          k2 |= UInt64(byte) << UInt64(8 * (index - 8))
        }
      }
      h2 ^= Self.rotated(k2 &* Self.c2, 33) &* Self.c1
      h1 ^= Self.rotated(k1 &* Self.c1, 31) &* Self.c2
      h1 ^= UInt64(count)
      h2 ^= UInt64(count)
      h1 &+= h2
      h2 &+= h1
      h1 = Self.mixed(h1)
      h2 = Self.mixed(h2)
      h1 &+= h2
      h2 &+= h1
      return (h1, h2)
    }

    private static func mixed(_ key: UInt64) -> UInt64 {
      var key = key
      key ^= key >> 33
      key &*= 0xff51_afd7_ed55_8ccd
      key ^= key >> 33
      key &*= 0xc4ce_b9fe_1a85_ec53
      return key ^ (key >> 33)
    }
  }
}
