// One block of each quantized type. Whole numbers are put together first; then every product and
// every sum is rounded, in the order of `gguf.quants`.

extension Dequantize {
  typealias Block = UnsafeRawBufferPointer
  typealias Values = UnsafeMutableBufferPointer<Float>

  // MARK: - Blocks of 32

  /// Q4_0: f16 d, nibbles: d · (q − 8).
  static func centredFourBits(_ block: Block, _ values: Values) {
    let d = float(half: load(block, 0))
    for index in 0..<32 { values[index] = d * Float(nibble(block, 2, index) - 8) }
  }

  /// Q4_1: f16 d, f16 m, nibbles: d · q + m.
  static func fourBits(_ block: Block, _ values: Values) {
    let (d, m) = (float(half: load(block, 0)), float(half: load(block, 2)))
    for index in 0..<32 { values[index] = d * Float(nibble(block, 4, index)) + m }
  }

  /// Q5_0: f16 d, a fifth bit for each value, nibbles: d · (q − 16).
  static func centredFiveBits(_ block: Block, _ values: Values) {
    let d = float(half: load(block, 0))
    let high: UInt32 = load(block, 2)
    for index in 0..<32 {
      let q = nibble(block, 6, index) | Int(high >> UInt32(index) & 1) << 4
      values[index] = d * Float(q - 16)
    }
  }

  /// Q5_1: f16 d, f16 m, a fifth bit for each value, nibbles: d · q + m.
  static func fiveBits(_ block: Block, _ values: Values) {
    let (d, m) = (float(half: load(block, 0)), float(half: load(block, 2)))
    let high: UInt32 = load(block, 4)
    for index in 0..<32 {
      let q = nibble(block, 8, index) | Int(high >> UInt32(index) & 1) << 4
      values[index] = d * Float(q) + m
    }
  }

  /// Q8_0: f16 d, 32 signed bytes: q · d.
  static func eightBits(_ block: Block, _ values: Values) {
    let d = float(half: load(block, 0))
    for index in 0..<32 { values[index] = Float(Int8(bitPattern: block[2 + index])) * d }
  }

  /// IQ4_NL: f16 d, nibbles that choose from a table: d · value.
  static func tableOfFourBits(_ block: Block, _ values: Values) {
    let d = float(half: load(block, 0))
    for index in 0..<32 { values[index] = d * fourBitTable[nibble(block, 2, index)] }
  }

  private static let fourBitTable: [Float] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
  ]

  /// MXFP4: a byte e, nibbles that are floats of four bits: 2^(e − 127) · value. As GGML does, the
  /// value is doubled and the power halved.
  static func microscaledFourBits(_ block: Block, _ values: Values) {
    let magnitudes: [Float] = [0, 1, 2, 3, 4, 6, 8, 12]
    let e = UInt32(block[0])
    let d = Float(bitPattern: e < 2 ? 0x0020_0000 << e : (e - 1) << 23)
    for index in 0..<32 {
      let q = nibble(block, 1, index)
      // The table of the reference is of whole numbers, so that its negative zero is 0.
      values[index] = d * (q > 8 ? -magnitudes[q - 8] : magnitudes[q & 7])
    }
  }

  /// Sixteen bytes from `offset` on: the low nibbles are elements 0 to 15, the high ones 16 to 31.
  private static func nibble(_ block: Block, _ offset: Int, _ index: Int) -> Int {
    Int(block[offset + index % 16] >> (index / 16 * 4) & 15)
  }

  // MARK: - Blocks of 256

  /// Q2_K: 16 bytes of a scale and a minimum, pairs of bits, f16 d, f16 dmin:
  /// (d · scale) · q − dmin · minimum. A byte serves 16 values.
  static func twoBits(_ block: Block, _ values: Values) {
    let (d, dmin) = (float(half: load(block, 80)), float(half: load(block, 82)))
    for index in 0..<256 {
      let byte = block[index / 16]
      let (scale, minimum) = (d * Float(byte & 15), dmin * Float(byte >> 4))
      values[index] = scale * Float(pair(block, 16, index)) - minimum
    }
  }

  /// Q3_K: hmask[32], pairs of bits, 12 bytes of 16 scales of six bits, f16 d:
  /// (d · (scale − 32)) · (q − 4).
  static func threeBits(_ block: Block, _ values: Values) {
    let d = float(half: load(block, 108))
    for index in 0..<256 {
      let part = index / 16
      let low = block[96 + part % 8] >> (part / 8 * 4) & 15
      let high = block[104 + part % 4] >> (part / 4 * 2) & 3
      let scale = d * Float(Int(low | high << 4) - 32)
      let q = pair(block, 32, index) | single(block, 0, index) << 2
      values[index] = scale * Float(q - 4)
    }
  }

  /// Q4_K: f16 d, f16 dmin, scales, nibbles: (d · scale) · q − dmin · minimum.
  static func scaledFourBits(_ block: Block, _ values: Values) {
    for index in 0..<256 {
      let (scale, minimum) = scaleAndMinimum(block, index / 32)
      values[index] = scale * Float(nibbleOf64(block, 16, index)) - minimum
    }
  }

  /// Q5_K: as Q4_K, with qh[32] before the nibbles.
  static func scaledFiveBits(_ block: Block, _ values: Values) {
    for index in 0..<256 {
      let (scale, minimum) = scaleAndMinimum(block, index / 32)
      let q = nibbleOf64(block, 48, index) | single(block, 16, index) << 4
      values[index] = scale * Float(q) - minimum
    }
  }

  /// Q6_K: ql[128], qh[64], 16 signed scales, f16 d: (d · scale) · (q − 32). A scale serves 16
  /// values.
  static func sixBits(_ block: Block, _ values: Values) {
    let d = float(half: load(block, 208))
    for index in 0..<256 {
      // Each half of the block has 64 bytes of ql: four groups of 32 values, two in the low nibbles.
      let (half, group, lane) = (index / 128, index % 128 / 32, index % 32)
      let low = Int(block[half * 64 + group % 2 * 32 + lane] >> (group / 2 * 4) & 15)
      let scale = d * Float(Int8(bitPattern: block[192 + index / 16]))
      values[index] = scale * Float((low | pair(block, 128, index) << 4) - 32)
    }
  }

  /// IQ4_XS: f16 d, the upper pairs and then the lower nibbles of 8 scales of six bits, nibbles that
  /// choose from IQ4_NL's table: (d · (scale − 32)) · value. A scale serves 32 values.
  static func scaledTableOfFourBits(_ block: Block, _ values: Values) {
    let d = float(half: load(block, 0))
    let high: UInt16 = load(block, 2)
    for index in 0..<256 {
      let part = index / 32
      let low = block[4 + part / 2] >> (part % 2 * 4) & 15
      let scale = d * Float(Int(low) | Int(high >> (part * 2) & 3) << 4 - 32)
      values[index] = scale * fourBitTable[nibble(block, 8 + part * 16, index % 32)]
    }
  }

  /// d and dmin times what serves the 32 values of `part`, in Q4_K and Q5_K. The 12 bytes: six bits
  /// each of scales 0 to 3, of minima 0 to 3, then nibbles of scales and minima 4 to 7, whose upper
  /// two bits are those of the first eight bytes.
  private static func scaleAndMinimum(_ block: Block, _ part: Int) -> (Float, Float) {
    let (d, dmin) = (float(half: load(block, 0)), float(half: load(block, 2)))
    let bytes = block[4..<16].map { $0 }
    guard part >= 4 else {
      return (d * Float(bytes[part] & 63), dmin * Float(bytes[part + 4] & 63))
    }
    let scale = bytes[part + 4] & 15 | (bytes[part - 4] >> 6) << 4
    let minimum = bytes[part + 4] >> 4 | (bytes[part] >> 6) << 4
    return (d * Float(scale), dmin * Float(minimum))
  }

  /// Two bits: each half of the values has 32 bytes, and each of their four pairs 32 values.
  private static func pair(_ block: Block, _ offset: Int, _ index: Int) -> Int {
    Int(block[offset + index / 128 * 32 + index % 32] >> (index % 128 / 32 * 2) & 3)
  }

  /// One bit: 32 bytes, and each of their eight bits has 32 values.
  private static func single(_ block: Block, _ offset: Int, _ index: Int) -> Int {
    Int(block[offset + index % 32] >> (index / 32) & 1)
  }

  /// Four bits: each quarter of the values has 32 bytes, the low nibbles first.
  private static func nibbleOf64(_ block: Block, _ offset: Int, _ index: Int) -> Int {
    Int(block[offset + index / 64 * 32 + index % 32] >> (index % 64 / 32 * 4) & 15)
  }
}
