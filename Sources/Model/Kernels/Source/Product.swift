import CSIMD

// out[m, n] = Σ_k x[m, k] · w[n, k], the sum over k in order, with fused multiply-adds. Lanes are
// output columns and no sum is ever split, so that neither the number of rows nor the number of
// threads nor the width of the registers moves a bit of the result.

let panelWidth = 32

#if AVX512
  /// 12 rows × 32 columns: 24 of the 32 registers hold sums.
  private let largestTile = 12
#else
  /// 6 rows × 16 columns: 12 of the 16 registers hold sums.
  private let largestTile = 6
#endif

// MARK: - The tile

/// R rows by C groups of 16 columns: R × C sums that never leave the registers.
///
/// Eight k are unrolled, so that the places of single bits in their bytes are constants, and no
/// more: the counts are opaque to the compiler, which would unroll whole blocks.
private enum Tile<Format: PanelFormat, let R: Int, let C: Int> {
  /// From group `first` of the panel on. `x` is `[k][R]`; `out` is `[R][stride]`, from column 0
  /// of the panel. Sums that continue begin with what stands in `out`.
  @inline(__always)
  static func run(
    _ task: Multiplication, first: Int, x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>
  ) {
    let (k, stride) = (task.k, task.stride)
    // `init(repeating:)` is not inlined everywhere: a function that every variant would define.
    var sums = InlineArray<R, InlineArray<C, SIMD16<Float>>> { _ in
      InlineArray { _ in .zero }
    }
    if task.continues {
      for r in 0..<R {
        for c in 0..<C { sums[r][c] = summand_load_f32(out + (r * stride + (first + c) * 16)) }
      }
    }
    let unrolled = min(Format.scaleLength, 8)
    var x = x
    var block = task.panel
    for _ in 0..<(k / Format.blockLength) {
      for part in 0..<summand_opaque(Format.blockLength / Format.scaleLength) {
        let scales = InlineArray<C, Format.Scales> { c in
          Format.scales(block, part: part, group: first + c)
        }
        for step in 0..<summand_opaque(Format.scaleLength / unrolled) {
          for i in 0..<unrolled {
            let k = part * Format.scaleLength + step * unrolled + i
            // All weights before any activation: the other way round every activation would be
            // held in a register until the last group, and there are not enough.
            let weights = InlineArray<C, SIMD16<Float>> { c in
              Format.weights(block, k: k, group: first + c, scales: scales[c])
            }
            for r in 0..<R {
              let activation = SIMD16(repeating: x[r])
              for c in 0..<C {
                sums[r][c] = summand_fma(activation, weights[c], sums[r][c])
              }
            }
            x += R
          }
        }
      }
      block += Format.blockBytes * panelWidth
    }
    for r in 0..<R {
      for c in 0..<C {
        summand_store_f32(out + (r * stride + (first + c) * 16), sums[r][c])
      }
    }
  }

  /// All 32 columns of the panel. A function of its own for each number of rows: the optimizer's time
  /// grows faster than the size of a function.
  @inline(never)
  static func panel(
    _ task: Multiplication, x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>
  ) {
    let x = x + task.skipped * R
    for first in 0..<(2 / C) { run(task, first: first, x: x, out: out) }
  }
}

/// Every row, tile after tile. With few rows the tile is both groups wide, so that there are
/// enough independent sums to hide the latency of a fused multiply-add.
@inline(never)
private func tiles<Format: PanelFormat>(_: Format.Type, _ task: Multiplication) {
  let rows = task.rows
  let count = tileCount(rows: rows)
  var x = task.x
  var out = task.out
  for t in 0..<count {
    let rows = tileRows(t, of: count, rows: rows)
    switch rows {
    case 1: Tile<Format, 1, 2>.panel(task, x: x, out: out)
    case 2: Tile<Format, 2, 2>.panel(task, x: x, out: out)
    case 3: Tile<Format, 3, 2>.panel(task, x: x, out: out)
    #if AVX512
      case 4: Tile<Format, 4, 2>.panel(task, x: x, out: out)
      case 5: Tile<Format, 5, 2>.panel(task, x: x, out: out)
      case 6: Tile<Format, 6, 2>.panel(task, x: x, out: out)
      case 7: Tile<Format, 7, 2>.panel(task, x: x, out: out)
      case 8: Tile<Format, 8, 2>.panel(task, x: x, out: out)
      case 9: Tile<Format, 9, 2>.panel(task, x: x, out: out)
      case 10: Tile<Format, 10, 2>.panel(task, x: x, out: out)
      case 11: Tile<Format, 11, 2>.panel(task, x: x, out: out)
      default: Tile<Format, 12, 2>.panel(task, x: x, out: out)
    #else
      case 4: Tile<Format, 4, 1>.panel(task, x: x, out: out)
      case 5: Tile<Format, 5, 1>.panel(task, x: x, out: out)
      default: Tile<Format, 6, 1>.panel(task, x: x, out: out)
    #endif
    }
    x += rows * task.length
    out += rows * task.stride
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

extension Implementation {
  /// How many tiles `packTile` lays `rows` rows out in.
  public static func packedTiles(rows: Int) -> Int { tileCount(rows: rows) }

  /// Lays the rows of tile `t` of `x`, `[rows, k]` with rows `stride` apart, out as `product` reads
  /// them: tile after tile, each `[k][rows of the tile]`. `out` is where the first tile begins.
  public static func packTile(
    _ t: Int, _ x: UnsafePointer<Float>, rows: Int, k: Int, stride: Int,
    into out: UnsafeMutablePointer<Float>
  ) {
    let count = tileCount(rows: rows)
    let first = t * rows / count
    let inTile = tileRows(t, of: count, rows: rows)
    let source = x + first * stride
    let tile = out + first * k
    // Squares of 4 × 4; the last of them overlap if 4 does not divide the size.
    guard inTile >= 4, k >= 4 else {
      for r in 0..<inTile {
        for i in 0..<k { tile[i * inTile + r] = source[r * stride + i] }
      }
      return
    }
    for r4 in Swift.stride(from: 0, to: inTile, by: 4) {
      let r = min(r4, inTile - 4)
      var i = 0
      while i + 4 <= k {
        summand_transpose_square(source + (r * stride + i), stride, tile + (i * inTile + r), inTile)
        i += 4
      }
      if i < k {
        i = k - 4
        summand_transpose_square(source + (r * stride + i), stride, tile + (i * inTile + r), inTile)
      }
    }
  }
}

// MARK: - The product

extension Implementation {
  /// The 32 columns of one panel for all rows.
  ///
  /// - Parameters:
  ///   - x: the rows as `packTile` lays them out.
  ///   - out: `[rows][stride]`; columns 0..<32 are written.
  ///   - scratch: room for 32 · k floats.
  public static func product(
    _ x: UnsafePointer<Float>, rows: Int, by panel: SummandPanel,
    into out: UnsafeMutablePointer<Float>, stride: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    var task = Multiplication(
      panel: panel.bytes, k: panel.k, x: x, length: panel.k, rows: rows, out: out, stride: stride)
    // Weights are widened inside the tile as long as there is one tile; with more of them it is
    // cheaper to widen the panel once. The widened weight is the same bits either way.
    if rows > largestTile, isNarrow(panel.type) {
      widen(panel, into: scratch)
      task.panel = UnsafeRawPointer(scratch)
      tiles(F32.self, task)
      return
    }
    task.run(panel.type)
  }

  /// Adds a part of sums over k: out[m, 0..<32] += Σ x[m, k] · panel[k, 0..<32].
  public static func addProduct(
    _ rows: SummandPackedRows, by part: SummandPart, into out: UnsafeMutablePointer<Float>,
    stride: Int
  ) {
    tiles(
      F32.self,
      Multiplication(
        panel: UnsafeRawPointer(part.panel), k: part.count, x: rows.x, length: rows.length,
        skipped: part.first, rows: rows.count, out: out, stride: stride,
        continues: part.continues))
  }
}

/// A switch: `==` would be a function that every variant defines under the same name.
@inline(__always)
private func isNarrow(_ type: SummandPanelType) -> Bool {
  switch type {
  case .F32: false
  default: true
  }
}

private struct Multiplication: PanelTask {
  var panel: UnsafeRawPointer
  /// Of the panel.
  let k: Int
  let x: UnsafePointer<Float>
  /// Of a row of `x`.
  let length: Int
  /// How many of a row's elements come before those that the panel multiplies.
  var skipped = 0
  let rows: Int
  let out: UnsafeMutablePointer<Float>
  let stride: Int
  /// Whether the sums go on from what stands in `out`.
  var continues = false

  @inline(__always)
  func run<Format: PanelFormat>(_: Format.Type) {
    tiles(Format.self, self)
  }
}

// MARK: - Widening

extension Implementation {
  /// The panel's weights as f32, `[k][32]`.
  public static func widen(_ panel: SummandPanel, into out: UnsafeMutablePointer<Float>) {
    Widening(panel: panel.bytes, k: panel.k, out: out).run(panel.type)
  }
}

private struct Widening: PanelTask {
  let panel: UnsafeRawPointer
  let k: Int
  let out: UnsafeMutablePointer<Float>

  func run<Format: PanelFormat>(_: Format.Type) {
    var block = panel
    var out = out
    for _ in 0..<(k / Format.blockLength) {
      for part in 0..<(Format.blockLength / Format.scaleLength) {
        for group in 0..<2 {
          let scales = Format.scales(block, part: part, group: group)
          for i in 0..<Format.scaleLength {
            summand_store_f32(
              out + (i * 32 + group * 16),
              Format.weights(
                block, k: part * Format.scaleLength + i, group: group, scales: scales))
          }
        }
        out += Format.scaleLength * panelWidth
      }
      block += Format.blockBytes * panelWidth
    }
  }
}
