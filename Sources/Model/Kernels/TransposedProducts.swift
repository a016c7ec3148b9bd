/// What is multiplied by a matrix the other way round: `[rows][stride]`, as wide as the matrix has rows, and
/// zero where they are filled up to whole panels.
struct TransposedFactor {
  var matrix: PackedMatrix
  var x: UnsafePointer<Float>
}

/// Products with transposed weights on a pool, with the scratch memory that they need.
///
/// Each item turns the weights of a few columns, a few panels at a time, and adds their part to all rows:
/// no sum is split, and each goes through the matrix's rows in order.
final class TransposedProducts {
  /// Panels that are turned together: what they take stays in the first caches.
  private static let panelsAtOnce = 8

  private let kernels: any InstructionSet.Type
  private let pool: WorkerPool
  private var packed = FloatBuffer(0)
  private var scratch: [(widened: FloatBuffer, turned: FloatBuffer)] = []

  init(kernels: any InstructionSet.Type = Kernels.current, pool: WorkerPool) {
    self.kernels = kernels
    self.pool = pool
  }

  /// out[m, k] = Σ over the factors, in their order, of Σ_n x[m, n] · w[n, k].
  ///
  /// - Parameters:
  ///   - out: `[rows][stride]`, of whole panels: columns that the matrices do not have become 0.
  ///   - continues: whether the sums go on from what stands in `out`.
  func multiply(
    _ factors: [TransposedFactor], rows: Int, into out: UnsafeMutablePointer<Float>, stride: Int,
    continues: Bool = false
  ) {
    for (i, factor) in factors.enumerated() {
      multiply(factor, rows: rows, into: out, stride: stride, continues: continues || i > 0)
    }
  }

  private func multiply(
    _ factor: TransposedFactor, rows: Int, into out: UnsafeMutablePointer<Float>, stride: Int,
    continues: Bool
  ) {
    let matrix = factor.matrix
    guard rows > 0 else { return }
    matrix.packAll(on: pool)
    pack(factor, rows: rows)
    let columnsAtOnce = max(Kernels.panelWidth, matrix.columnsOfBlock)
    prepareScratch(columns: columnsAtOnce)
    let items = (matrix.columns + columnsAtOnce - 1) / columnsAtOnce
    pool.run(items) { item, worker in
      if Interruption.requested.load(ordering: .relaxed) { return }
      let first = item * columnsAtOnce
      let columns = first..<min(first + columnsAtOnce, matrix.columns)
      let starts = Swift.stride(from: 0, to: matrix.panelCount, by: Self.panelsAtOnce)
      for start in starts {
        let panels = start..<min(start + Self.panelsAtOnce, matrix.panelCount)
        add(
          matrix, panels, columns, rows: rows, into: out + first, stride: stride,
          continues: continues || start > 0, worker: worker)
      }
    }
  }

  /// The part that some panels have in some columns.
  private func add(
    _ matrix: PackedMatrix, _ panels: Range<Int>, _ columns: Range<Int>, rows: Int,
    into out: UnsafeMutablePointer<Float>, stride: Int, continues: Bool, worker: Int
  ) {
    let width = Kernels.panelWidth
    let (widened, turned) = (scratch[worker].widened.pointer, scratch[worker].turned.pointer)
    let partStride = Self.panelsAtOnce * width * width
    for (i, panel) in panels.enumerated() {
      kernels.turn(
        matrix.panel(panel, columns: columns), into: turned + i * width * width,
        partStride: partStride, scratch: widened)
    }
    for part in 0..<(columns.count + width - 1) / width {
      kernels.addProduct(
        packed.pointer, rows: rows, length: matrix.stride, from: panels.lowerBound * width,
        count: panels.count * width, by: turned + part * partStride, into: out + part * width,
        stride: stride, continues: continues)
    }
  }

  private func pack(_ factor: TransposedFactor, rows: Int) {
    let length = factor.matrix.stride
    if packed.count < rows * length { packed = FloatBuffer(rows * length) }
    let (kernels, out) = (kernels, packed.pointer)
    pool.run(kernels.packedTiles(rows: rows)) { tile, _ in
      kernels.packTile(tile, factor.x, rows: rows, k: length, stride: length, into: out)
    }
  }

  private func prepareScratch(columns: Int) {
    let width = Kernels.panelWidth
    let parts = (columns + width - 1) / width
    if let first = scratch.first, first.widened.count >= parts * width * width { return }
    scratch = (0..<pool.width).map { _ in
      (
        FloatBuffer(parts * width * width),
        FloatBuffer(parts * Self.panelsAtOnce * width * width)
      )
    }
  }
}
