import CSIMD
import Synchronization

/// out = x · wᵀ for rows `[rows][stride]` of activations.
struct ProductTarget {
  var matrix: PackedMatrix
  /// `[rows][matrix.stride]`
  var out: UnsafeMutablePointer<Float>
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
    if packed.count < rows * k { packed = FloatBuffer(rows * k) }
    let out = packed.pointer
    pool.run(kernels.packedTiles(rows: rows)) { tile, _ in
      kernels.packTile(tile, x, rows: rows, k: k, stride: stride, into: out)
    }
    return SummandPackedRows(x: out, count: rows, length: k)
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
  private var scratch: [FloatBuffer] = []

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
    let packed = pack(x, rows: rows, k: k, stride: stride)
    PackedMatrix.packAll(targets.map(\.matrix), on: pool)
    let panels = targets.reduce(0) { $0 + $1.matrix.panelCount }
    // Enough items to balance the threads, none too small to be worth handing out.
    let perItem = max(1, panels / (pool.width * 8))
    let items = targets.flatMap { target in
      Swift.stride(from: 0, to: target.matrix.panelCount, by: perItem).map {
        (target, $0..<min($0 + perItem, target.matrix.panelCount))
      }
    }
    let x = packed.x
    let (kernels, scratch, mayStop) = (kernels, scratch, mayStop)
    pool.run(items.count) { item, worker in
      if mayStop, Interruption.requested.load(ordering: .relaxed) { return }
      let (target, panels) = items[item]
      for p in panels {
        kernels.product(
          x, rows: rows, by: target.matrix.panel(p),
          into: target.out + p * Kernels.panelWidth, stride: target.matrix.stride,
          scratch: scratch[worker].pointer)
      }
    }
  }

  /// The outputs `outputs` of one row, each summed over k exactly as in the full product.
  func outputs(_ outputs: [Int], of x: UnsafePointer<Float>, by matrix: PackedMatrix) -> [Float] {
    let packed = pack(x, rows: 1, k: matrix.columns, stride: matrix.columns)
    let panel = FloatBuffer(Kernels.panelWidth)
    return outputs.map { output in
      precondition(output >= 0 && output < matrix.rows)
      kernels.product(
        packed.x, rows: 1, by: matrix.panel(output / Kernels.panelWidth),
        into: panel.pointer, stride: Kernels.panelWidth, scratch: scratch[0].pointer)
      return panel.pointer[output % Kernels.panelWidth]
    }
  }

  private func pack(_ x: UnsafePointer<Float>, rows: Int, k: Int, stride: Int)
    -> SummandPackedRows
  {
    if (scratch.first?.count ?? 0) < k * Kernels.panelWidth {
      scratch = (0..<pool.width).map { _ in FloatBuffer(k * Kernels.panelWidth) }
    }
    return packer.pack(x, rows: rows, k: k, stride: stride, kernels, pool)
  }
}
