import CSIMD
import Synchronization

/// out = x · wᵀ for rows `[rows][stride]` of activations.
struct ProductTarget {
  var matrix: PackedMatrix
  /// `[rows][matrix.stride]`
  var out: UnsafeMutablePointer<Float>
}

/// Some panels of a matrix, and some of its columns, whole blocks of them.
struct MatrixPart {
  var matrix: PackedMatrix
  var columns: Range<Int>
  var panels: Range<Int>
}

/// Lays rows out as the kernels multiply them, in memory that is used again.
struct RowPacker {
  private var packed = FloatBuffer(0)

  /// - Parameters:
  ///   - x: `[rows, k]`, rows `stride` apart.
  ///   - pool: each thread lays out some tiles.
  /// - Returns: what holds until the next call.
  mutating func pack(
    _ x: UnsafePointer<Float>, rows: Int, k: Int, stride: Int,
    _ kernels: any InstructionSet.Type, _ pool: WorkerPool
  ) -> SummandPackedRows {
    pack(x, [0..<rows], k: k, stride: stride, kernels, pool)
  }

  /// Rows in groups, so that threads can share the last panels of a product. A group ends with whole
  /// tiles.
  static func groups(of rows: Int) -> [Range<Int>] {
    let count = rows < 96 ? 1 : 4
    func start(_ group: Int) -> Int { group == count ? rows : rows * group / count / 12 * 12 }
    return (0..<count).map { start($0)..<start($0 + 1) }
  }

  /// - Returns: each group laid out by itself, after those before it.
  mutating func pack(
    _ x: UnsafePointer<Float>, _ groups: [Range<Int>], k: Int, stride: Int,
    _ kernels: any InstructionSet.Type, _ pool: WorkerPool
  ) -> SummandPackedRows {
    let rows = groups.last?.upperBound ?? 0
    // A row by itself lies as it is to lie.
    if rows == 1 { return SummandPackedRows(x: x, count: 1, length: k) }
    if packed.count < rows * k { packed = FloatBuffer(rows * k) }
    let out = packed.pointer
    let tiles = groups.flatMap { group in
      (0..<kernels.packedTiles(rows: group.count)).map { (group: group, tile: $0) }
    }
    pool.run(tiles.count) { item, _ in
      let (group, tile) = tiles[item]
      kernels.packTile(
        tile, x + group.lowerBound * stride, rows: group.count, k: k, stride: stride,
        into: out + group.lowerBound * k)
    }
    return SummandPackedRows(x: out, count: rows, length: k)
  }
}

/// Panels in shares for threads that take one after the other: large ones first, so that they meet seldom,
/// then smaller and smaller ones, so that they end together.
private struct Shares {
  private let total: Int
  private let threads: Int
  let count: Int

  init(of total: Int, among threads: Int) {
    (self.total, self.threads) = (total, threads)
    var (count, left) = (0, total)
    while left > 0 {
      let size = Self.size(left, threads)
      let shares = min(threads, (left + size - 1) / size)
      left -= min(left, shares * size)
      count += shares
    }
    self.count = count
  }

  /// Of each of the next shares, one a thread: half of what is left.
  private static func size(_ left: Int, _ threads: Int) -> Int { max(1, left / (2 * threads)) }

  subscript(share: Int) -> Range<Int> {
    var (first, share, size) = (0, share, Self.size(total, threads))
    while share >= threads {
      first += threads * size
      share -= threads
      size = Self.size(total - first, threads)
    }
    first += share * size
    return first..<min(total, first + size)
  }
}

/// Matrix products on a pool, with the scratch memory that they need.
final class Products {
  private let kernels: any InstructionSet.Type
  private let pool: WorkerPool
  /// Whether a product ends early, with anything as its result, where work is to end: who asks for
  /// that calls `Interruption.check` before the result is used. A large product takes seconds.
  private let mayStop: Bool
  private var packer = RowPacker()
  private var scratch: [UnsafeMutablePointer<Float>] = []
  private var scratchBuffers: [FloatBuffer] = []

  init(kernels: any InstructionSet.Type = Kernels.current, pool: WorkerPool, mayStop: Bool = false)
  {
    self.kernels = kernels
    self.pool = pool
    self.mayStop = mayStop
  }

  /// Multiplies the same rows by every target's matrix. All matrices have as many columns.
  func multiply(
    _ x: UnsafePointer<Float>, rows: Int, stride: Int, _ targets: [ProductTarget]
  ) {
    guard rows > 0, let k = targets.first?.matrix.columns else { return }
    let groups = RowPacker.groups(of: rows)
    let packed = pack(x, groups, k: k, stride: stride)
    // What is left where the work is to end need not be read: nobody looks at the result.
    if !PackedMatrix.packAll(targets.map(\.matrix), on: pool), mayStop { return }
    let parts = targets.map { (panels: $0.matrix.panels, out: $0.out) }
    let panels = parts.reduce(0) { $0 + $1.panels.count }
    let shares = Shares(of: panels * groups.count, among: pool.width)
    let (kernels, mayStop, scratch) = (kernels, mayStop, scratch)
    withExtendedLifetime(targets) {
      pool.run(shares.count) { item, worker in
        if mayStop, Interruption.requested.load(ordering: .relaxed) { return }
        var (part, before, widened) = (0, 0, -1)
        for unit in shares[item] {
          let (number, group) = (unit / groups.count, groups[unit % groups.count])
          while number - before >= parts[part].panels.count {
            before += parts[part].panels.count
            part += 1
          }
          let panels = parts[part].panels
          var panel = panels[number - before]
          if groups.count > 1, panel.type != .F32 {
            if widened != number { kernels.widen(panel, into: scratch[worker]) }
            widened = number
            panel = SummandPanel(type: .F32, bytes: scratch[worker], k: k)
          }
          kernels.product(
            packed.x + group.lowerBound * k, rows: group.count, by: panel,
            into: parts[part].out + group.lowerBound * panels.stride
              + (number - before) * Kernels.panelWidth,
            stride: panels.stride, scratch: scratch[worker])
        }
      }
    }
  }

  /// Multiplies rows, as long as the part has columns, by a part of a matrix. Each sum is that of the full
  /// product with zeros for all other columns.
  ///
  /// - Parameter out: `[rows][32 · panels]`
  func multiply(
    _ x: UnsafePointer<Float>, rows: Int, stride: Int, _ part: MatrixPart,
    into out: UnsafeMutablePointer<Float>
  ) {
    guard rows > 0 else { return }
    let packed = pack(x, [0..<rows], k: part.columns.count, stride: stride)
    if !PackedMatrix.packAll([part.matrix], on: pool), mayStop { return }
    let (kernels, scratch, outStride) = (kernels, scratch, part.panels.count * Kernels.panelWidth)
    pool.run(part.panels.count) { item, worker in
      kernels.product(
        packed.x, rows: rows,
        by: part.matrix.panel(part.panels.lowerBound + item, columns: part.columns),
        into: out + item * Kernels.panelWidth, stride: outStride, scratch: scratch[worker])
    }
  }

  /// The outputs `outputs` of one row, each summed over k exactly as in the full product.
  func outputs(_ outputs: [Int], of x: UnsafePointer<Float>, by matrix: PackedMatrix) -> [Float] {
    let packed = pack(x, [0..<1], k: matrix.columns, stride: matrix.columns)
    let panel = FloatBuffer(Kernels.panelWidth)
    return outputs.map { output in
      precondition(output >= 0 && output < matrix.rows)
      kernels.product(
        packed.x, rows: 1, by: matrix.panel(output / Kernels.panelWidth),
        into: panel.pointer, stride: Kernels.panelWidth, scratch: scratch[0])
      return panel.pointer[output % Kernels.panelWidth]
    }
  }

  private func pack(_ x: UnsafePointer<Float>, _ groups: [Range<Int>], k: Int, stride: Int)
    -> SummandPackedRows
  {
    if (scratchBuffers.first?.count ?? 0) < k * Kernels.panelWidth {
      scratchBuffers = (0..<pool.width).map { _ in FloatBuffer(k * Kernels.panelWidth) }
      scratch = scratchBuffers.map(\.pointer)
    }
    return packer.pack(x, groups, k: k, stride: stride, kernels, pool)
  }
}
