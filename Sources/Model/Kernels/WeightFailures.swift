import Synchronization

/// What went wrong when weights were read after the model was opened: the first error, for good,
/// since what could not be read stays unread.
final class WeightFailures: Sendable {
  private let first = Mutex<(any Error)?>(nil)

  func record(_ error: any Error) {
    first.withLock { first in if first == nil { first = error } }
  }

  /// To be called after weights were used, before anything that was computed from them is believed.
  func check() throws {
    if let error = first.withLock({ $0 }) { throw error }
  }
}
