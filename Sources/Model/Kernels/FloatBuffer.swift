import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Floats outside of Swift's arrays, aligned for vectors, freed with their last owner.
final class FloatBuffer: @unchecked Sendable {
  /// What the buffers of one run take, to compare with its plan. Two runs at a time have a meter
  /// each.
  final class Meter: Sendable {
    private let held = Atomic<Int>(0)
    private let mostHeld = Atomic<Int>(0)

    /// The most bytes that they took at a time.
    var most: Int { mostHeld.load(ordering: .relaxed) }

    fileprivate func add(_ bytes: Int) {
      _ = mostHeld.max(held.add(bytes, ordering: .relaxed).newValue, ordering: .relaxed)
    }

    fileprivate func remove(_ bytes: Int) { held.subtract(bytes, ordering: .relaxed) }
  }

  /// Of the run that this thread is in: counts the buffers that are made there.
  @TaskLocal static var meter: Meter?

  let pointer: UnsafeMutablePointer<Float>
  let count: Int
  private let meter: Meter?

  init(_ count: Int, zeroed: Bool = false) {
    self.count = count
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(64, count * 4), alignment: 64)
    pointer = raw.bindMemory(to: Float.self, capacity: max(16, count))
    if zeroed { memset(raw, 0, count * 4) }
    meter = Self.meter
    meter?.add(count * 4)
  }

  /// Of a buffer of the same size.
  func copy(from other: FloatBuffer) { pointer.update(from: other.pointer, count: count) }

  deinit {
    UnsafeMutableRawPointer(pointer).deallocate()
    meter?.remove(count * 4)
  }
}
