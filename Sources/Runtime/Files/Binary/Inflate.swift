import Model

/// Decompresses to a size that is known beforehand.
struct Inflater {
  struct Damaged: Error {}

  private let bytes: ArraySlice<UInt8>
  private var place: Int
  private var bits: UInt64 = 0
  private var held = 0
  private var output: [UInt8] = []
  private let size: Int

  /// - Throws: `Damaged`, also for what has another size.
  static func bytes(of compressed: ArraySlice<UInt8>, size: Int) throws -> [UInt8] {
    // No stream is more than 1032 times as long as it was written.
    guard size / 1032 <= compressed.count + 1 else { throw Damaged() }
    var inflater = Inflater(compressed, size: size)
    try inflater.run()
    guard inflater.output.count == size else { throw Damaged() }
    return inflater.output
  }

  private init(_ bytes: ArraySlice<UInt8>, size: Int) {
    self.bytes = bytes
    self.size = size
    place = bytes.startIndex
    output.reserveCapacity(size)
  }

  private mutating func run() throws {
    while true {
      let isLast = try take(1) == 1
      switch try take(2) {
      case 0: try copyStored()
      case 1:
        try block(try HuffmanTable(Self.fixedSymbols), try HuffmanTable(Self.fixedDistances))
      case 2: try dynamicBlock()
      default: throw Damaged()
      }
      if isLast { return }
    }
  }

  private mutating func take(_ count: Int) throws -> Int {
    while held < count {
      guard place < bytes.endIndex else { throw Damaged() }
      bits |= UInt64(bytes[place]) << UInt64(held)
      place += 1
      held += 8
    }
    defer {
      bits >>= UInt64(count)
      held -= count
    }
    return Int(bits & ((1 << UInt64(count)) - 1))
  }

  private mutating func copyStored() throws {
    // To the next byte; whole bytes that were taken early are given back.
    place -= held / 8
    (bits, held) = (0, 0)
    let (count, complement) = (try take(16), try take(16))
    guard count == complement ^ 0xFFFF, count <= bytes.endIndex - place,
      count <= size - output.count
    else { throw Damaged() }
    output += bytes[place..<place + count]
    place += count
  }

  private mutating func block(_ symbols: HuffmanTable, _ distances: HuffmanTable) throws {
    var steps = 0
    while true {
      steps += 1
      if steps.isMultiple(of: 1 << 16) { try Interruption.check() }
      let symbol = try decode(symbols)
      switch symbol {
      case ..<256:
        guard output.count < size else { throw Damaged() }
        output.append(UInt8(symbol))
      case 256: return
      default:
        let code = symbol - 257
        guard code < DeflateCodes.lengths.count else { throw Damaged() }
        let length = DeflateCodes.lengths[code] + (try take(DeflateCodes.lengthBits[code]))
        let far = try decode(distances)
        guard far < DeflateCodes.distances.count else { throw Damaged() }
        let distance = DeflateCodes.distances[far] + (try take(DeflateCodes.distanceBits[far]))
        guard distance <= output.count, length <= size - output.count else { throw Damaged() }
        for _ in 0..<length { output.append(output[output.count - distance]) }
      }
    }
  }

  private mutating func dynamicBlock() throws {
    let (symbols, distances, codes) = (try take(5) + 257, try take(5) + 1, try take(4) + 4)
    let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    var widths = [Int](repeating: 0, count: 19)
    for i in 0..<codes { widths[order[i]] = try take(3) }
    let table = try HuffmanTable(widths)
    var lengths: [Int] = []
    while lengths.count < symbols + distances {
      let symbol = try decode(table)
      switch symbol {
      case ..<16: lengths.append(symbol)
      case 16:
        guard let last = lengths.last else { throw Damaged() }
        lengths += [Int](repeating: last, count: try take(2) + 3)
      case 17: lengths += [Int](repeating: 0, count: try take(3) + 3)
      default: lengths += [Int](repeating: 0, count: try take(7) + 11)
      }
    }
    guard lengths.count == symbols + distances else { throw Damaged() }
    try block(
      try HuffmanTable(Array(lengths[..<symbols])), try HuffmanTable(Array(lengths[symbols...])))
  }

  private mutating func decode(_ table: HuffmanTable) throws -> Int {
    var (code, first, index) = (0, 0, 0)
    for count in table.counts.dropFirst() {
      code |= try take(1)
      if code - first < count { return table.symbols[index + code - first] }
      index += count
      first = (first + count) << 1
      code <<= 1
    }
    throw Damaged()
  }

  /// Canonical codes: how many there are of each width, and their symbols in the order of the codes.
  private struct HuffmanTable {
    var counts = [Int](repeating: 0, count: 16)
    var symbols: [Int]

    init(_ widths: [Int]) throws {
      for width in widths { counts[width] += 1 }
      symbols = (1..<16).flatMap { width in widths.indices.filter { widths[$0] == width } }
      counts[0] = 0
      var room = 1
      for count in counts.dropFirst() {
        room = room << 1 - count
        guard room >= 0 else { throw Damaged() }
      }
    }
  }

  private static let fixedSymbols = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
  private static let fixedDistances = [Int](repeating: 5, count: 30)
}
