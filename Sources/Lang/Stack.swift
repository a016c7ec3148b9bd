import CStack

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// How much is left of the stack of the thread that asks. Whatever calls itself as deeply as a line
/// or a file says looks here first, so that nesting ends with an error and not with the process.
public enum Stack {
  /// Whether a recursion must end here. What it calls once more, or unwinds, still has room.
  public static var isLow: Bool { isBelow(\.low) }

  /// Whether a walk that cannot fail must end here. It may go on for a while after `isLow`.
  public static var isNearlyFull: Bool { isBelow(\.nearlyFull) }

  /// Two thresholds of one thread's stack, as addresses. Stacks grow downwards.
  private struct Bounds {
    var whole: Range<UInt>
    var low: UInt
    var nearlyFull: UInt
  }

  /// What is kept for the leaves of a recursion: a command, a message, the end of a tree's life.
  private static let reserve: UInt = 4 << 20

  @inline(never)
  private static func isBelow(_ threshold: KeyPath<Bounds, UInt> & Sendable) -> Bool {
    let here = summand_stack_pointer()
    let bounds = bounds()
    // A thread that has been given another stack, as coroutines are, is not measured.
    return bounds.whole.contains(here) && here < bounds[keyPath: threshold]
  }

  private static let key: pthread_key_t = {
    var key = pthread_key_t()
    pthread_key_create(&key) { pointer in free(pointer) }
    return key
  }()

  private static func bounds() -> Bounds {
    if let known = pthread_getspecific(key) { return known.load(as: Bounds.self) }
    let whole = stackOfThisThread()
    let kept = min(reserve, UInt(whole.count) / 3)
    let bounds = Bounds(
      whole: whole, low: whole.lowerBound + kept, nearlyFull: whole.lowerBound + kept / 2)
    if let place = malloc(MemoryLayout<Bounds>.size) {
      place.storeBytes(of: bounds, as: Bounds.self)
      pthread_setspecific(key, place)
    }
    return bounds
  }

  private static func stackOfThisThread() -> Range<UInt> {
    var bottom: UInt = 0
    var size = 0
    guard summand_stack(&bottom, &size) else { return 0..<0 }
    return bottom..<bottom + UInt(size)
  }
}
