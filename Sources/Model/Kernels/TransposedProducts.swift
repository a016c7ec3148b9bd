import CSIMD
import Synchronization

/// What is multiplied by a matrix the other way round: `[rows][stride]`, as wide as the matrix has rows, and
/// zero where they are filled up to whole panels.
struct TransposedFactor {
  var matrix: PackedMatrix
  var x: UnsafePointer<Float>
  /// The matrix's rows that count, all others being multiplied by 0; nil: all.
  var only: Range<Int>?

  /// The panels that are read.
  fileprivate var panels: Range<Int> {
    guard let only else { return 0..<matrix.panelCount }
    let width = Kernels.panelWidth
    return only.lowerBound
      / width..<min(
        matrix.panelCount, (only.upperBound + width - 1) / width)
  }
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
  private var packer = RowPacker()
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
    let (matrix, panels) = (factor.matrix, factor.panels)
    guard rows > 0 else { return }
    PackedMatrix.packAll([matrix], on: pool)
    let columnsAtOnce = max(Kernels.panelWidth, matrix.columnsOfBlock)
    prepareScratch(columns: columnsAtOnce)
    let items = (matrix.columns + columnsAtOnce - 1) / columnsAtOnce
    let before = panels.lowerBound * Kernels.panelWidth
    let x = packer.pack(
      factor.x + before, rows: rows, k: panels.count * Kernels.panelWidth, stride: matrix.stride,
      kernels, pool)
    pool.run(items) { item, worker in
      if Interruption.requested.load(ordering: .relaxed) { return }
      let first = item * columnsAtOnce
      let columns = first..<min(first + columnsAtOnce, matrix.columns)
      for start in Swift.stride(
        from: panels.lowerBound, to: panels.upperBound, by: Self.panelsAtOnce)
      {
        let some = start..<min(start + Self.panelsAtOnce, panels.upperBound)
        turn(matrix, some, columns, scratch[worker])
        add(
          SummandPart(
            panel: scratch[worker].turned.pointer, first: start * Kernels.panelWidth - before,
            count: some.count * Kernels.panelWidth,
            continues: continues || start > panels.lowerBound),
          columns: columns.count, of: x, into: out + first, stride: stride)
      }
    }
  }

  private static let partStride = panelsAtOnce * Kernels.panelWidth * Kernels.panelWidth

  /// Some columns of some panels the other way round, a part for every 32 columns.
  private func turn(
    _ matrix: PackedMatrix, _ panels: Range<Int>, _ columns: Range<Int>,
    _ scratch: (widened: FloatBuffer, turned: FloatBuffer)
  ) {
    let square = Kernels.panelWidth * Kernels.panelWidth
    for (i, panel) in panels.enumerated() {
      kernels.turn(
        matrix.panel(panel, columns: columns), into: scratch.turned.pointer + i * square,
        partStride: Self.partStride, scratch: scratch.widened.pointer)
    }
  }

  /// What turned panels add to all rows. `first` begins at the first column.
  private func add(
    _ first: SummandPart, columns: Int, of rows: SummandPackedRows,
    into out: UnsafeMutablePointer<Float>, stride: Int
  ) {
    var part = first
    for column in Swift.stride(from: 0, to: columns, by: Kernels.panelWidth) {
      kernels.addProduct(rows, by: part, into: out + column, stride: stride)
      part.panel += Self.partStride
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
