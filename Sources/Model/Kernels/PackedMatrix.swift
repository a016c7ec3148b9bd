import CSIMD
import Synchronization

/// A weight matrix `[rows, columns]` (rows are outputs, as in the file), packed into panels of 32
/// rows in the file's own number of bytes.
///
/// Nothing is read when it is made: a product has all panels packed before it first begins, and who
/// looks at some rows has theirs. A model of many gigabytes opens at once, and what a run does not
/// look at is never read. What goes wrong then is found in `failures`, where whoever ran it looks
/// afterwards.
final class PackedMatrix: @unchecked Sendable {
  let type: TensorType
  private let panelType: SummandPanelType
  let rows: Int
  let columns: Int
  /// The size of the panels, in bytes.
  let byteCount: Int
  private let source: MatrixSource
  private let failures: WeightFailures
  private let panelBytes: Int
  private let storage: UnsafeMutableRawPointer
  /// What `storage` is a part of.
  private let piece: WeightMemory.Piece
  /// How many panels are packed together.
  private let panelsAtOnce: Int
  private let batchCount: Int
  private let states: UnsafeMutablePointer<Atomic<UInt8>>
  private let isPacked = Atomic(false)
  /// How many rows were looked at whose panels were not kept.
  private let looks = Atomic(0)
  private static let fewLooks = 64

  /// Of a few panels: nobody's yet, some thread's, everybody's.
  private enum State {
    static let untouched: UInt8 = 0
    static let taken: UInt8 = 1
    static let packed: UInt8 = 2
  }

  var panelCount: Int { (rows + Kernels.panelWidth - 1) / Kernels.panelWidth }
  /// The length of an output row, filled up to whole panels.
  var stride: Int { panelCount * Kernels.panelWidth }

  /// - Parameters:
  ///   - failures: takes the error of a later read.
  ///   - memory: where its panels are to stand.
  /// - Throws: `ModelError` if the tensor is not a matrix, or larger than memory can be had.
  init(
    _ source: MatrixSource, failures: WeightFailures = WeightFailures(),
    memory: WeightMemory = WeightMemory()
  ) throws {
    self.source = source
    self.failures = failures
    type = source.tensor.type
    panelType = type.panelType
    rows = source.rows
    columns = source.columns
    panelBytes = source.rowBytes * Kernels.panelWidth
    let panels = (rows + Kernels.panelWidth - 1) / Kernels.panelWidth
    byteCount = panels * panelBytes
    guard let (storage, piece) = memory.take(byteCount) else {
      throw ModelError(
        .file,
        "\(source) needs \(byteCount) bytes of memory, more than this machine has",
        help: "a model that is quantized to fewer bits is smaller")
    }
    (self.storage, self.piece) = (storage, piece)
    // Enough to make the reading worth its while; not so much that a row costs a matrix.
    panelsAtOnce = max(source.isTransposed ? 32 : 1, (1 << 17) / panelBytes)
    batchCount = (panels + panelsAtOnce - 1) / panelsAtOnce
    states = .allocate(capacity: batchCount)
    for batch in 0..<batchCount { (states + batch).initialize(to: Atomic(State.untouched)) }
  }

  deinit {
    states.deinitialize(count: batchCount)
    states.deallocate()
  }

  /// What the panels that are packed take.
  var packedBytes: Int {
    if isPacked.load(ordering: .acquiring) { return byteCount }
    let batches = (0..<batchCount).count { states[$0].load(ordering: .relaxed) != State.untouched }
    return min(byteCount, batches * panelsAtOnce * panelBytes)
  }

  /// Packs every panel of some matrices that is not yet. Threads that met in a product would wait for
  /// each other.
  ///
  /// - Returns: whether all are. Where the work is to end, some are left.
  @discardableResult
  static func packAll(_ matrices: [PackedMatrix], on pool: WorkerPool) -> Bool {
    if matrices.allSatisfy({ $0.isPacked.load(ordering: .acquiring) }) { return true }
    var batches: [(matrix: PackedMatrix, number: Int)] = []
    for matrix in matrices {
      for batch in 0..<matrix.batchCount
      where matrix.states[batch].load(ordering: .acquiring) != State.packed {
        batches.append((matrix, batch))
      }
    }
    let isStopped = Atomic(false)
    pool.run(batches.count) { item, _ in
      // To read a large file takes seconds. What is left is read when somebody looks at it.
      if Interruption.requested.load(ordering: .relaxed) {
        return isStopped.store(true, ordering: .relaxed)
      }
      let (matrix, batch) = batches[item]
      if matrix.states[batch].load(ordering: .acquiring) != State.packed { matrix.prepare(batch) }
    }
    if isStopped.load(ordering: .relaxed) { return false }
    for matrix in matrices { matrix.isPacked.store(true, ordering: .releasing) }
    return true
  }

  func panel(_ index: Int) -> SummandPanel {
    let batch = index / panelsAtOnce
    if states[batch].load(ordering: .acquiring) != State.packed { prepare(batch) }
    return SummandPanel(type: panelType, bytes: storage + index * panelBytes, k: columns)
  }

  /// All panels, packed by now.
  var panels: Panels {
    for batch in 0..<batchCount where states[batch].load(ordering: .acquiring) != State.packed {
      prepare(batch)
    }
    return Panels(
      type: panelType, start: storage, panelBytes: panelBytes, count: panelCount, columns: columns)
  }

  /// The panels of a matrix, for threads that would otherwise count who owns it, against each other.
  struct Panels {
    fileprivate let type: SummandPanelType
    fileprivate let start: UnsafeMutableRawPointer
    fileprivate let panelBytes: Int
    let count: Int
    fileprivate let columns: Int

    var stride: Int { count * Kernels.panelWidth }

    subscript(index: Int) -> SummandPanel {
      SummandPanel(type: type, bytes: start + index * panelBytes, k: columns)
    }
  }

  /// Columns that are stored together.
  var columnsOfBlock: Int { Kernels.current.block(of: panelType).weights }

  /// Whether these columns are stored by themselves.
  func hasWholeBlocks(_ columns: Range<Int>) -> Bool {
    let block = columnsOfBlock
    return columns.lowerBound.isMultiple(of: block) && columns.count.isMultiple(of: block)
  }

  /// Some columns of a panel, whole blocks of them.
  func panel(_ index: Int, columns: Range<Int>) -> SummandPanel {
    let block = Kernels.current.block(of: panelType)
    precondition(columns.lowerBound % block.weights == 0 && columns.count % block.weights == 0)
    var panel = panel(index)
    panel.bytes += columns.lowerBound / block.weights * block.bytes * Kernels.panelWidth
    panel.k = columns.count
    return panel
  }

  /// Packs the panels of a batch, or waits for the thread that does.
  @inline(never)
  private func prepare(_ batch: Int) {
    let (isOurs, _) = states[batch].compareExchange(
      expected: State.untouched, desired: State.taken, ordering: .acquiringAndReleasing)
    guard isOurs else {
      while states[batch].load(ordering: .acquiring) != State.packed { sched_yield() }
      return
    }
    let panels = batch * panelsAtOnce..<min(panelCount, (batch + 1) * panelsAtOnce)
    do {
      try pack(panels)
    } catch {
      failures.record(error)
      // No number: what is computed from it cannot pass for a result.
      memset(storage + panels.lowerBound * panelBytes, 0xFF, panels.count * panelBytes)
    }
    states[batch].store(State.packed, ordering: .releasing)
  }

  private func pack(_ panels: Range<Int>) throws {
    try pack(panels, into: storage + panels.lowerBound * panelBytes)
  }

  /// - Parameter out: where the first of them is to stand.
  private func pack(_ panels: Range<Int>, into out: UnsafeMutableRawPointer) throws {
    let first = panels.lowerBound * Kernels.panelWidth
    let end = min(rows, panels.upperBound * Kernels.panelWidth)
    let sources = (first..<end).map { source.order?[$0] ?? $0 }
    guard let low = sources.min(), let high = sources.max() else { return }
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: (high + 1 - low) * source.rowBytes, alignment: 64)
    defer { buffer.deallocate() }
    try source.read(rows: low..<high + 1, into: buffer)
    guard let base = buffer.baseAddress else { return }
    let pointers = sources.map { UnsafeRawPointer(base + ($0 - low) * source.rowBytes) }
    try pointers.withUnsafeBufferPointer { pointers in
      for start in Swift.stride(from: 0, to: pointers.count, by: Kernels.panelWidth) {
        let end = min(pointers.count, start + Kernels.panelWidth)
        let isFinite = Kernels.current.packPanel(
          panelType, rows: UnsafeBufferPointer(rebasing: pointers[start..<end]), k: columns,
          into: out + start / Kernels.panelWidth * panelBytes)
        guard isFinite else { throw source.notFinite }
      }
    }
  }

  /// The weights of one row, `columns` long, decoded.
  func row(_ row: Int) -> [Float] {
    precondition(row >= 0 && row < rows)
    let column = row % Kernels.panelWidth
    var found: [Float] = []
    func read(_ panel: UnsafePointer<Float>) {
      found = (0..<columns).map { panel[$0 * Kernels.panelWidth + column] }
    }
    withPanelOfRow(row) { panel in
      // It stands there as it would be decoded.
      if panel.type == .F32 { return read(panel.bytes.assumingMemoryBound(to: Float.self)) }
      let widened = FloatBuffer(columns * Kernels.panelWidth)
      Kernels.current.widen(panel, into: widened.pointer)
      read(widened.pointer)
    }
    return found
  }

  /// A prompt looks at a few rows, far from each other. To keep their panels, each in a huge page of its
  /// own, would take longer than to read them.
  private func withPanelOfRow(_ row: Int, _ body: (SummandPanel) -> Void) {
    let index = row / Kernels.panelWidth
    let isPacked = states[index / panelsAtOnce].load(ordering: .acquiring) == State.packed
    guard !isPacked, !source.isTransposed,
      looks.wrappingAdd(1, ordering: .relaxed).newValue <= Self.fewLooks
    else { return body(panel(index)) }
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: panelBytes, alignment: 64)
    defer { bytes.deallocate() }
    do {
      try pack(index..<index + 1, into: bytes)
    } catch {
      failures.record(error)
      memset(bytes, 0xFF, panelBytes)
    }
    body(SummandPanel(type: panelType, bytes: bytes, k: columns))
  }

  /// Σ_n u[n] · w[n, k] for every k: the product with the transposed weights.
  /// `u` has `rows` elements, the result `columns`.
  func transposedProduct(_ u: [Float]) -> [Float] { transposedProducts([u])[0] }

  /// The same of several: weights are decoded once for all. Some columns at a time, whose weights and the sums of
  /// one product stay in the first cache.
  func transposedProducts(_ us: [[Float]]) -> [[Float]] {
    let kernels = Kernels.current
    let padded = FloatBuffer(us.count * stride, zeroed: true)
    for (i, u) in us.enumerated() {
      precondition(u.count == rows)
      (padded.pointer + i * stride).update(from: u, count: rows)
    }
    let columnsAtOnce = max(4 * Kernels.panelWidth, columnsOfBlock)
    let widened = FloatBuffer(columnsAtOnce * Kernels.panelWidth)
    let lanes = FloatBuffer(us.count * columnsAtOnce * 16)
    let out = FloatBuffer(us.count * columns)
    for first in Swift.stride(from: 0, to: columns, by: columnsAtOnce) {
      let some = first..<min(first + columnsAtOnce, columns)
      lanes.pointer.update(repeating: 0, count: lanes.count)
      for p in 0..<panelCount {
        kernels.widen(panel(p, columns: some), into: widened.pointer)
        for i in us.indices {
          kernels.transposedProduct(
            widened: widened.pointer, k: some.count,
            by: padded.pointer + i * stride + p * Kernels.panelWidth,
            addingTo: lanes.pointer + i * columnsAtOnce * 16)
        }
      }
      for i in us.indices {
        kernels.foldLanes(
          lanes.pointer + i * columnsAtOnce * 16, count: some.count,
          into: out.pointer + i * columns + first)
      }
    }
    return us.indices.map { i in
      Array(UnsafeBufferPointer(start: out.pointer + i * columns, count: columns))
    }
  }
}
