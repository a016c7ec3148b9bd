import Synchronization

/// Set from outside (a signal's handler) to end work early; looked at once a layer, once a
/// statement and after a command of `sh`.
public enum Interruption {
  public static let requested = Atomic<Bool>(false)

  /// Thrown by a run that was told to stop.
  public struct Stopped: Error {
    public init() {}
  }

  public static func check() throws {
    if requested.load(ordering: .relaxed) { throw Stopped() }
  }
}
