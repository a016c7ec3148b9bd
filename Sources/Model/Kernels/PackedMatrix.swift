import CSIMD
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A weight matrix `[rows, columns]` (rows are outputs, as in the file), packed into panels of 32
/// rows in the file's own number of bytes.
final class PackedMatrix: @unchecked Sendable {
  let type: TensorType
  let rows: Int
  let columns: Int
  /// The size of the panels, in bytes.
  let byteCount: Int
  private let panelBytes: Int
  private let storage: UnsafeMutableRawPointer

  var panelCount: Int { (rows + Kernels.panelWidth - 1) / Kernels.panelWidth }
  /// The length of an output row, filled up to whole panels.
  var stride: Int { panelCount * Kernels.panelWidth }

  /// Reads and packs the rows of `tensor`, or those that `order` lists, in its order.
  ///
  /// - Throws: `ModelError` if the file cannot be read, or is not what its header says.
  init(
    _ tensor: TensorInfo, in file: any TensorFile, order: [Int]? = nil, pool: WorkerPool
  ) throws {
    guard tensor.shape.count == 2, tensor.elementCount > 0 else {
      throw ModelError(
        .file,
        "tensor \(quoted(tensor.name)) in \(quoted(file.path)) has shape \(tensor.shape), not a matrix"
      )
    }
    type = tensor.type
    rows = order?.count ?? tensor.shape[0]
    columns = tensor.shape[1]
    let rowBytes = columns / type.elementsPerBlock * type.bytesPerBlock
    panelBytes = rowBytes * Kernels.panelWidth
    let panels = (rows + Kernels.panelWidth - 1) / Kernels.panelWidth
    byteCount = panels * panelBytes
    storage = allocatePages(byteCount)
    try pack(tensor, in: file, order: order, rowBytes: rowBytes, pool: pool)
  }

  deinit { free(storage) }

  /// A few panels at a time, so that the file is never in memory a second time.
  private func pack(
    _ tensor: TensorInfo, in file: any TensorFile, order: [Int]?, rowBytes: Int, pool: WorkerPool
  ) throws {
    let kernels = Kernels.current
    let panelsAtOnce = max(1, (1 << 18) / panelBytes)
    let batches = (panelCount + panelsAtOnce - 1) / panelsAtOnce
    let failures = FirstFailure()
    pool.run(batches) { batch, _ in
      do {
        let first = batch * panelsAtOnce * Kernels.panelWidth
        let end = min(rows, first + panelsAtOnce * Kernels.panelWidth)
        let sources = (first..<end).map { order?[$0] ?? $0 }
        guard let low = sources.min(), let high = sources.max() else { return }
        let bytes = low * rowBytes..<(high + 1) * rowBytes
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 64)
        defer { buffer.deallocate() }
        try file.read(tensor, bytes: bytes, into: buffer)
        guard let base = buffer.baseAddress else { return }
        let pointers = sources.map { UnsafeRawPointer(base + ($0 - low) * rowBytes) }
        pointers.withUnsafeBufferPointer { pointers in
          for start in Swift.stride(from: 0, to: pointers.count, by: Kernels.panelWidth) {
            let end = min(pointers.count, start + Kernels.panelWidth)
            kernels.packPanel(
              type.panelType, UnsafeBufferPointer(rebasing: pointers[start..<end]), columns,
              storage + (first + start) / Kernels.panelWidth * panelBytes)
          }
        }
      } catch {
        failures.record(error)
      }
    }
    if let error = failures.error { throw error }
  }

  func panel(_ index: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(storage + index * panelBytes)
  }

  /// The weights of one row, `columns` long, decoded.
  func row(_ row: Int) -> [Float] {
    precondition(row >= 0 && row < rows)
    let widened = FloatBuffer(columns * Kernels.panelWidth)
    Kernels.current.widen(
      type.panelType, panel(row / Kernels.panelWidth), columns, widened.pointer)
    let column = row % Kernels.panelWidth
    return (0..<columns).map { widened.pointer[$0 * Kernels.panelWidth + column] }
  }

  /// Σ_n u[n] · w[n, k] for every k: the product with the transposed weights.
  /// `u` has `rows` elements, the result `columns`.
  func transposedProduct(_ u: [Float]) -> [Float] {
    precondition(u.count == rows)
    let kernels = Kernels.current
    let padded = u + [Float](repeating: 0, count: stride - rows)
    let widened = FloatBuffer(columns * Kernels.panelWidth)
    let lanes = FloatBuffer(columns * 16, zeroed: true)
    for p in 0..<panelCount {
      kernels.widen(type.panelType, panel(p), columns, widened.pointer)
      padded.withUnsafeBufferPointer { padded in
        guard let u = padded.baseAddress else { return }
        kernels.transposedProduct(
          widened.pointer, columns, u + p * Kernels.panelWidth, lanes.pointer)
      }
    }
    return [Float](unsafeUninitializedCapacity: columns) { out, count in
      if let base = out.baseAddress { kernels.foldLanes(lanes.pointer, columns, base) }
      count = columns
    }
  }
}

extension TensorType {
  var panelType: SummandPanelType {
    switch self {
    case .f32: .F32
    case .f16: .F16
    case .bf16: .BF16
    case .q4_0: .Q4_0
    case .q4_1: .Q4_1
    case .q5_0: .Q5_0
    case .q5_1: .Q5_1
    case .q8_0: .Q8_0
    case .q2_K: .Q2_K
    case .q3_K: .Q3_K
    case .q4_K: .Q4_K
    case .q5_K: .Q5_K
    case .q6_K: .Q6_K
    case .iq4_NL: .IQ4_NL
    case .mxfp4: .MXFP4
    }
  }
}

/// The first error of several threads.
final class FirstFailure: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private(set) var error: (any Error)?

  init() { pthread_mutex_init(mutex, nil) }

  deinit {
    pthread_mutex_destroy(mutex)
    mutex.deallocate()
  }

  func record(_ error: any Error) {
    pthread_mutex_lock(mutex)
    if self.error == nil { self.error = error }
    pthread_mutex_unlock(mutex)
  }
}

/// Memory in huge pages where the system has them: panels are read from end to end.
private func allocatePages(_ byteCount: Int) -> UnsafeMutableRawPointer {
  let large = byteCount >= 1 << 21
  var pointer: UnsafeMutableRawPointer?
  guard posix_memalign(&pointer, large ? 1 << 21 : 64, max(byteCount, 64)) == 0, let pointer else {
    fatalError("out of memory: \(byteCount) bytes for weights")
  }
  #if os(Linux)
    if large { madvise(pointer, byteCount, MADV_HUGEPAGE) }
  #endif
  return pointer
}

/// Floats outside of Swift's arrays, aligned for vectors, freed with their last owner.
final class FloatBuffer: @unchecked Sendable {
  /// Bytes that all buffers take, and the most that they took since that was last forgotten: what a
  /// plan foresees is held against it.
  private static let held = Atomic<Int>(0)
  private static let mostHeld = Atomic<Int>(0)

  static var most: Int { mostHeld.load(ordering: .relaxed) }

  static func forgetMost() {
    mostHeld.store(held.load(ordering: .relaxed), ordering: .relaxed)
  }

  let pointer: UnsafeMutablePointer<Float>
  let count: Int

  init(_ count: Int, zeroed: Bool = false) {
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * 4), alignment: 64)
    pointer = raw.bindMemory(to: Float.self, capacity: max(16, count))
    if zeroed { pointer.update(repeating: 0, count: count) }
    let held = Self.held.add(count * 4, ordering: .relaxed).newValue
    _ = Self.mostHeld.max(held, ordering: .relaxed)
  }

  deinit {
    UnsafeMutableRawPointer(pointer).deallocate()
    _ = Self.held.subtract(count * 4, ordering: .relaxed)
  }
}
