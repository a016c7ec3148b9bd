import Synchronization

/// Set from outside (a signal's handler) to end work early. Everything that takes longer than a
/// moment checks it: a run once a layer, a loop at each element, a sort every `stride` comparisons, a
/// wait ten times a second.
public enum Interruption {
  public static let requested = Atomic<Bool>(false)
  /// The signal that asks for more than the end of the work, that of the process: SIGTERM or SIGHUP;
  /// 0 where none has.
  public static let ending = Atomic<Int32>(0)

  /// Thrown by work that was told to stop.
  public struct Stopped: Error {
    public init() {}
  }

  /// - Throws: `Stopped`; `Memory.Exhausted` where there is too little memory to go on.
  public static func check() throws {
    if requested.load(ordering: .relaxed) { throw Stopped() }
    if Memory.isShort { throw Memory.Exhausted() }
  }

  /// Cheap steps from one check to the next: far less than a tenth of a second.
  public static let stride = 1024
}

// Loops over as many elements as somebody may have. Each is what the standard library has under the
// name without `Checked`, and ends early where work is to end.
extension Sequence {
  @inlinable
  public func forEachChecked(_ body: (Element) throws -> Void) throws {
    for element in self {
      // An element may be a whole prompt; the check itself takes nanoseconds.
      try Interruption.check()
      try body(element)
    }
  }

  @inlinable
  public func mapChecked<Result>(_ transform: (Element) throws -> Result) throws -> [Result] {
    var results: [Result] = []
    results.reserveCapacity(underestimatedCount)
    try forEachChecked { results.append(try transform($0)) }
    return results
  }

  @inlinable
  public func filterChecked(_ isIncluded: (Element) throws -> Bool) throws -> [Element] {
    var results: [Element] = []
    try forEachChecked { if try isIncluded($0) { results.append($0) } }
    return results
  }

  @inlinable
  public func compactMapChecked<Result>(_ transform: (Element) throws -> Result?) throws -> [Result]
  {
    var results: [Result] = []
    try forEachChecked { if let result = try transform($0) { results.append(result) } }
    return results
  }

  /// Not stable by itself, unlike what the library happens to do: compare the places last.
  @inlinable
  public func sortedChecked(by areInOrder: (Element, Element) throws -> Bool) throws -> [Element] {
    var left = 0
    return try sorted { one, other in
      if left == 0 {
        try Interruption.check()
        left = Interruption.stride
      }
      left -= 1
      return try areInOrder(one, other)
    }
  }
}
