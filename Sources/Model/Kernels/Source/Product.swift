import CSIMD

// out[m, n] = Σ_k x[m, k] · w[n, k], the sum over k in order, with fused multiply-adds. Lanes are
// output columns and no sum is ever split, so that neither the number of rows nor the number of
// threads nor the width of the registers moves a bit of the result.
//
// Everything that the tile inlines stands in this file: split over two, a debug build does not
// inline it.

public let panelWidth = 32

#if AVX512
  /// 12 rows × 32 columns: 24 of the 32 registers hold sums.
  private let largestTile = 12
#else
  /// 6 rows × 16 columns: 12 of the 16 registers hold sums.
  private let largestTile = 6
#endif

// MARK: - How a panel is read

/// One way of storing a panel. `group` 0 is its columns 0..<16, `group` 1 its columns 16..<32.
private protocol PanelFormat {
  associatedtype Scales
  /// How many k share one set of scales.
  static var blockLength: Int { get }
  static func scales(_ panel: UnsafeRawPointer, block: Int, group: Int) -> Scales
  static func weights(_ panel: UnsafeRawPointer, k: Int, group: Int, scales: Scales)
    -> SIMD16<Float>
}

/// `[k][32]`
private enum F32: PanelFormat {
  static var blockLength: Int { @inline(__always) get { 1 } }
  @inline(__always) static func scales(_ panel: UnsafeRawPointer, block: Int, group: Int) {}
  @inline(__always)
  static func weights(_ panel: UnsafeRawPointer, k: Int, group: Int, scales: Void)
    -> SIMD16<Float>
  {
    summand_load_f32(panel + 4 * (k * 32 + group * 16))
  }
}

/// `[k][32]`
private enum F16: PanelFormat {
  static var blockLength: Int { @inline(__always) get { 1 } }
  @inline(__always) static func scales(_ panel: UnsafeRawPointer, block: Int, group: Int) {}
  @inline(__always)
  static func weights(_ panel: UnsafeRawPointer, k: Int, group: Int, scales: Void)
    -> SIMD16<Float>
  {
    summand_load_f16(panel + 2 * (k * 32 + group * 16))
  }
}

/// `[k][32]`
private enum BF16: PanelFormat {
  static var blockLength: Int { @inline(__always) get { 1 } }
  @inline(__always) static func scales(_ panel: UnsafeRawPointer, block: Int, group: Int) {}
  @inline(__always)
  static func weights(_ panel: UnsafeRawPointer, k: Int, group: Int, scales: Void)
    -> SIMD16<Float>
  {
    summand_load_bf16(panel + 2 * (k * 32 + group * 16))
  }
}

/// A block of 32 k: `d` f16 [32], then signed bytes `[k][32]`. Weight = d · q.
private enum Q8_0: PanelFormat {
  static var blockLength: Int { @inline(__always) get { 32 } }
  @inline(__always)
  static func scales(_ panel: UnsafeRawPointer, block: Int, group: Int) -> SIMD16<Float> {
    summand_load_f16(panel + (block * 1088 + group * 32))
  }
  @inline(__always)
  static func weights(_ panel: UnsafeRawPointer, k: Int, group: Int, scales: SIMD16<Float>)
    -> SIMD16<Float>
  {
    let offset: Int = (k >> 5) * 1088 + 64 + (k & 31) * 32 + group * 16
    return scales * summand_load_i8(panel + offset)
  }
}

/// A block of 32 k: `d` f16 [32], `m` f16 [32], then `[k][16]` bytes: column i in the low nibble,
/// column 16 + i in the high one. Weight = d · q + m, the product rounded before the sum as the
/// format's reference does.
private enum Q4_1: PanelFormat {
  static var blockLength: Int { @inline(__always) get { 32 } }
  @inline(__always)
  static func scales(_ panel: UnsafeRawPointer, block: Int, group: Int)
    -> (d: SIMD16<Float>, m: SIMD16<Float>)
  {
    let base = panel + (block * 640 + group * 32)
    return (summand_load_f16(base), summand_load_f16(base + 64))
  }
  @inline(__always)
  static func weights(
    _ panel: UnsafeRawPointer, k: Int, group: Int, scales: (d: SIMD16<Float>, m: SIMD16<Float>)
  ) -> SIMD16<Float> {
    let offset: Int = (k >> 5) * 640 + 128 + (k & 31) * 16
    let q = summand_load_nibbles(panel + offset, Int32(truncatingIfNeeded: group * 4))
    return scales.d * q + scales.m
  }
}

/// A block of 256 k: `d` f16 [32]; scales i8 [16][32], each for 16 k; nibbles `[k][16]` as in
/// Q4_1; the upper two bits of four k in one byte, `[k / 4][32]`. Weight = (d · scale) · (q − 32).
private enum Q6_K: PanelFormat {
  static var blockLength: Int { @inline(__always) get { 16 } }
  @inline(__always)
  static func scales(_ panel: UnsafeRawPointer, block: Int, group: Int) -> SIMD16<Float> {
    let base = panel + (block >> 4) * 6720
    let d = summand_load_f16(base + group * 32)
    return d * summand_load_i8(base + (64 + (block & 15) * 32 + group * 16))
  }
  @inline(__always)
  static func weights(_ panel: UnsafeRawPointer, k: Int, group: Int, scales: SIMD16<Float>)
    -> SIMD16<Float>
  {
    let base = panel + ((k >> 8) * 6720 + 576)
    let within = k & 255
    let low = base + within * 16
    let high = base + (4096 + (within >> 2) * 32 + group * 16)
    return scales
      * summand_load_six_bits(
        low, Int32(truncatingIfNeeded: group * 4),
        high, Int32(truncatingIfNeeded: (within & 3) * 2))
  }
}

// MARK: - The tile

/// R rows by C groups of 16 columns: R × C sums that never leave the registers.
private enum Tile<Format: PanelFormat, let R: Int, let C: Int> {
  /// From group `first` of the panel on. `x` is `[k][R]`; `out` is `[R][stride]`, from column 0
  /// of the panel.
  @inline(__always)
  static func run(
    panel: UnsafeRawPointer, first: Int, k: Int, x: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    var sums = InlineArray<R, InlineArray<C, SIMD16<Float>>>(
      repeating: InlineArray(repeating: .zero))
    var x = x
    var start = 0
    var block = 0
    while start < k {
      let scales = InlineArray<C, Format.Scales> { c in
        Format.scales(panel, block: block, group: first + c)
      }
      for i in 0..<Format.blockLength {
        for c in 0..<C {
          let w = Format.weights(panel, k: start + i, group: first + c, scales: scales[c])
          for r in 0..<R {
            sums[r][c] = summand_fma(SIMD16(repeating: x[r]), w, sums[r][c])
          }
        }
        x += R
      }
      start += Format.blockLength
      block += 1
    }
    for r in 0..<R {
      for c in 0..<C {
        summand_store_f32(out + (r * stride + (first + c) * 16), sums[r][c])
      }
    }
  }

  /// All 32 columns of the panel.
  @inline(__always)
  static func panel(
    _ panel: UnsafeRawPointer, k: Int, x: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    for first in 0..<(2 / C) {
      run(panel: panel, first: first, k: k, x: x, out: out, stride: stride)
    }
  }
}

/// Every row, tile after tile. With few rows the tile is both groups wide, so that there are
/// enough independent sums to hide the latency of a fused multiply-add.
@inline(never)
private func tiles<Format: PanelFormat>(
  _: Format.Type, panel: UnsafeRawPointer, k: Int, x: UnsafePointer<Float>, rows: Int,
  out: UnsafeMutablePointer<Float>, stride: Int
) {
  let count = tileCount(rows: rows)
  var x = x
  var out = out
  for t in 0..<count {
    let rows = tileRows(t, of: count, rows: rows)
    switch rows {
    case 1: Tile<Format, 1, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
    case 2: Tile<Format, 2, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
    case 3: Tile<Format, 3, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
    #if AVX512
      case 4: Tile<Format, 4, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
      case 5: Tile<Format, 5, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
      case 6: Tile<Format, 6, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
      case 7: Tile<Format, 7, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
      case 8: Tile<Format, 8, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
      case 9: Tile<Format, 9, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
      case 10: Tile<Format, 10, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
      case 11: Tile<Format, 11, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
      default: Tile<Format, 12, 2>.panel(panel, k: k, x: x, out: out, stride: stride)
    #else
      case 4: Tile<Format, 4, 1>.panel(panel, k: k, x: x, out: out, stride: stride)
      case 5: Tile<Format, 5, 1>.panel(panel, k: k, x: x, out: out, stride: stride)
      default: Tile<Format, 6, 1>.panel(panel, k: k, x: x, out: out, stride: stride)
    #endif
    }
    x += rows * k
    out += rows * stride
  }
}

// MARK: - Tiles of rows

/// How many tiles hold `rows` rows.
@inline(__always)
private func tileCount(rows: Int) -> Int { (rows + largestTile - 1) / largestTile }

/// The rows of tile `t`: balanced, so that no tile is much emptier than another.
@inline(__always)
private func tileRows(_ t: Int, of count: Int, rows: Int) -> Int {
  (t + 1) * rows / count - t * rows / count
}

/// How many tiles `packTile` lays `rows` rows out in.
public func packedTiles(rows: Int) -> Int { tileCount(rows: rows) }

/// Lays the rows of tile `t` of `x`, `[rows, k]` with rows `stride` apart, out as `product` reads
/// them: tile after tile, each `[k][rows of the tile]`. `out` is where the first tile begins.
public func packTile(
  _ t: Int, _ x: UnsafePointer<Float>, rows: Int, k: Int, stride: Int,
  into out: UnsafeMutablePointer<Float>
) {
  let count = tileCount(rows: rows)
  let first = t * rows / count
  let inTile = tileRows(t, of: count, rows: rows)
  for r in 0..<inTile {
    let row = x + (first + r) * stride
    var place = out + (first * k + r)
    for i in 0..<k {
      place.pointee = row[i]
      place += inTile
    }
  }
}

// MARK: - The product

/// The 32 columns of one panel for all rows.
///
/// - Parameters:
///   - panel: 32 rows of the weights, `k` long, as `type` says.
///   - x: the rows as `packTile` lays them out.
///   - out: `[rows][stride]`; columns 0..<32 are written.
///   - scratch: room for 32 · k floats.
public func product(
  _ type: SummandPanelType, panel: UnsafeRawPointer, k: Int,
  x: UnsafePointer<Float>, rows: Int, out: UnsafeMutablePointer<Float>, stride: Int,
  scratch: UnsafeMutablePointer<Float>
) {
  // Weights are widened inside the tile as long as there is one tile; with more of them it is
  // cheaper to widen the panel once. The widened weight is the same bits either way.
  if rows > largestTile && type != .F32 {
    widen(type, panel: panel, k: k, into: scratch)
    tiles(F32.self, panel: scratch, k: k, x: x, rows: rows, out: out, stride: stride)
    return
  }
  switch type {
  case .F32: tiles(F32.self, panel: panel, k: k, x: x, rows: rows, out: out, stride: stride)
  case .F16: tiles(F16.self, panel: panel, k: k, x: x, rows: rows, out: out, stride: stride)
  case .BF16: tiles(BF16.self, panel: panel, k: k, x: x, rows: rows, out: out, stride: stride)
  case .Q8_0: tiles(Q8_0.self, panel: panel, k: k, x: x, rows: rows, out: out, stride: stride)
  case .Q4_1: tiles(Q4_1.self, panel: panel, k: k, x: x, rows: rows, out: out, stride: stride)
  case .Q6_K: tiles(Q6_K.self, panel: panel, k: k, x: x, rows: rows, out: out, stride: stride)
  }
}

// MARK: - Widening

/// The panel's weights as f32, `[k][32]`.
public func widen(
  _ type: SummandPanelType, panel: UnsafeRawPointer, k: Int,
  into out: UnsafeMutablePointer<Float>
) {
  switch type {
  case .F32: widen(F32.self, panel: panel, k: k, into: out)
  case .F16: widen(F16.self, panel: panel, k: k, into: out)
  case .BF16: widen(BF16.self, panel: panel, k: k, into: out)
  case .Q8_0: widen(Q8_0.self, panel: panel, k: k, into: out)
  case .Q4_1: widen(Q4_1.self, panel: panel, k: k, into: out)
  case .Q6_K: widen(Q6_K.self, panel: panel, k: k, into: out)
  }
}

@inline(__always)
private func widen<Format: PanelFormat>(
  _: Format.Type, panel: UnsafeRawPointer, k: Int, into out: UnsafeMutablePointer<Float>
) {
  var start = 0
  var block = 0
  while start < k {
    for group in 0..<2 {
      let scales = Format.scales(panel, block: block, group: group)
      for i in start..<(start + Format.blockLength) {
        summand_store_f32(
          out + (i * 32 + group * 16),
          Format.weights(panel, k: i, group: group, scales: scales))
      }
    }
    start += Format.blockLength
    block += 1
  }
}

/// sums[k] += Σ over the panel's 32 columns n of w[n, k] · u[n], in 16 lanes for each k: what a
/// product with the transposed weights is made of, panel after panel.
public func transposedProduct(
  widened panel: UnsafePointer<Float>, k: Int, u: UnsafePointer<Float>,
  sums: UnsafeMutablePointer<Float>
) {
  let low = summand_load_f32(u)
  let high = summand_load_f32(u + 16)
  for i in 0..<k {
    var sum = summand_load_f32(sums + i * 16)
    sum = summand_fma(summand_load_f32(panel + i * 32), low, sum)
    sum = summand_fma(summand_load_f32(panel + (i * 32 + 16)), high, sum)
    summand_store_f32(sums + i * 16, sum)
  }
}
