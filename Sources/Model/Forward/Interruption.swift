import Synchronization

/// Set from outside (a signal's handler) to end a run early; looked at once a layer.
public enum Interruption {
  public static let requested = Atomic<Bool>(false)

  /// Thrown by a run that was told to stop.
  public struct Stopped: Error {}

  static func check() throws {
    if requested.load(ordering: .relaxed) { throw Stopped() }
  }
}
