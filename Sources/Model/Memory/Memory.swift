import CMemory
import Synchronization

/// How much memory the process may take, and what happens where there is no more: the statement at
/// hand ends with an error, not the process.
public enum Memory {
  /// Thrown by `Interruption.check` after an allocation left too little for the next.
  public struct Exhausted: Error {
    public init() {}
  }

  /// What `--memory` allows; 0 where it does not say.
  public static let allowed = Atomic<Int>(0)

  /// Bytes that the values of a statement may take: what is allowed, else half of what is free.
  public static var budget: Int { budget(besides: 0) }

  /// - Parameter weights: bytes of models that have their addresses and are yet to be read.
  public static func budget(besides weights: Int) -> Int {
    let allowed = allowed.load(ordering: .relaxed)
    if allowed > 0 { return allowed }
    return max(min(freePages - weights, freeAddresses) / 2, least)
  }

  /// With less than this not even a small table fits.
  private static let least = 1 << 24

  /// Bytes that the machine has free, or a control group leaves where that is less.
  public static var freePages: Int {
    #if canImport(Darwin)
      // All of the machine's: what Darwin calls free leaves out what it would give back.
      var bytes: UInt64 = 0
      var size = MemoryLayout<UInt64>.size
      sysctlbyname("hw.memsize", &bytes, &size, nil, 0)
      return Int(clamping: bytes)
    #else
      let free = summand_memory_free_of_machine()
      return free < 0 ? 1 << 30 : free
    #endif
  }

  /// Bytes that RLIMIT_AS and RLIMIT_DATA leave.
  public static var freeAddresses: Int {
    // C's SIZE_MAX, of a type without a sign, is −1 here.
    let free = summand_memory_free_of_limits()
    return free < 0 ? .max : free
  }

  /// Watches allocations from here on. Call once, before other threads.
  public static func watch() {
    for group in ControlGroup.limited() { group.watch() }
    summand_memory_watch()
  }

  /// Forgets that memory ran out: what took it is gone.
  public static func recover() { summand_memory_recover() }

  static var isShort: Bool { summand_memory_is_short() }

  /// Memory for `byteCount` bytes, aligned; nil where there is not so much. `free` gives it back.
  static func allocate(_ byteCount: Int, alignment: Int) -> UnsafeMutableRawPointer? {
    summand_memory_try(byteCount, alignment)
  }
}
