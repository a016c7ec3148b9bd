// RFC 1951: https://www.rfc-editor.org/rfc/rfc1951

/// The codes that lengths and distances share between writing and reading.
enum DeflateCodes {
  /// The length of the symbols 257 to 285, before their further bits.
  static let lengths = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
    163, 195, 227, 258,
  ]
  static let lengthBits = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  static let distances = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
    2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
  ]
  static let distanceBits = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13,
    13,
  ]
}

/// Compresses with the fixed codes: enough for records that are like the one before, which is what
/// an index has.
struct Deflater {
  private static let window = 1 << 15
  private static let longest = 258
  /// How far back a record like this one lies; looked at first.
  private let record: Int
  /// What may still be copied from, and what is yet to be written.
  private var bytes: [UInt8] = []
  private var next = 0
  /// Where four bytes stood last, by their hash.
  private var places = [Int](repeating: -1, count: 1 << 14)
  private var bits: UInt64 = 0
  private var held = 0
  private var output: [UInt8] = []

  /// - Parameter record: bytes of a record, where the input is records.
  init(record: Int = 0) {
    self.record = record
    // Not the last block; the fixed codes.
    put(0b010, 3)
  }

  /// - Returns: what is compressed so far.
  mutating func add(_ more: [UInt8]) -> [UInt8] {
    bytes += more
    // A match may go on in what comes next.
    compress(until: bytes.count - Self.longest)
    if next > 4 * Self.window { forget() }
    defer { output = [] }
    return output
  }

  /// - Returns: the rest.
  mutating func finish() -> [UInt8] {
    compress(until: bytes.count)
    put(symbol: 256)
    // An empty last block.
    put(0b011, 3)
    put(symbol: 256)
    put(0, (8 - held % 8) % 8)
    return output
  }

  private mutating func forget() {
    let count = next - Self.window
    bytes.removeFirst(count)
    next -= count
    for i in places.indices { places[i] = max(-1, places[i] - count) }
  }

  private mutating func compress(until end: Int) {
    while next < end {
      var (length, distance) = (0, 0)
      let hash = hash(at: next)
      for candidate in [next - record, hash.map { places[$0] } ?? -1]
      where candidate >= 0 && candidate < next && next - candidate <= Self.window {
        let found = matching(candidate)
        if found > length { (length, distance) = (found, next - candidate) }
      }
      if length < 4 {
        put(symbol: Int(bytes[next]))
        length = 1
      } else {
        put(length: length, distance: distance)
      }
      if let hash { places[hash] = next }
      next += length
    }
  }

  private func hash(at place: Int) -> Int? {
    guard place + 4 <= bytes.count else { return nil }
    let value = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[place + $1]) }
    return Int((value &* 2_654_435_761) >> 18)
  }

  private func matching(_ candidate: Int) -> Int {
    let most = min(Self.longest, bytes.count - next)
    var count = 0
    while count < most, bytes[candidate + count] == bytes[next + count] { count += 1 }
    return count
  }

  private mutating func put(length: Int, distance: Int) {
    let code = (DeflateCodes.lengths.lastIndex { $0 <= length }) ?? 0
    put(symbol: 257 + code)
    put(UInt64(length - DeflateCodes.lengths[code]), DeflateCodes.lengthBits[code])
    let far = (DeflateCodes.distances.lastIndex { $0 <= distance }) ?? 0
    put(reversed: far, 5)
    put(UInt64(distance - DeflateCodes.distances[far]), DeflateCodes.distanceBits[far])
  }

  private mutating func put(symbol: Int) {
    switch symbol {
    case ..<144: put(reversed: 0x30 + symbol, 8)
    case ..<256: put(reversed: 0x190 + symbol - 144, 9)
    case ..<280: put(reversed: symbol - 256, 7)
    default: put(reversed: 0xC0 + symbol - 280, 8)
    }
  }

  /// Codes have their highest bit first, numbers their lowest.
  private mutating func put(reversed code: Int, _ count: Int) {
    put((0..<count).reduce(0) { $0 << 1 | UInt64(code >> $1 & 1) }, count)
  }

  private mutating func put(_ value: UInt64, _ count: Int) {
    bits |= value << UInt64(held)
    held += count
    while held >= 8 {
      output.append(UInt8(truncatingIfNeeded: bits))
      bits >>= 8
      held -= 8
    }
  }
}
