import Lang
import Model
import Synchronization

/// What the threads of a server share: which request runs, which are not to run any more, and the
/// way out, by which whole lines go.
public final class ServeDesk: Sendable {
  private struct State {
    /// The request that runs; its id is nil where it has none.
    var running: ServeID??
    /// Requests that were told to stop before they ran.
    var cancelled: Set<ServeID> = []
  }

  private let state = Mutex(State())
  private let send: @Sendable ([UInt8]) -> Void

  /// - Parameter send: writes a line, its end included, after every line before; from any thread.
  public init(send: @escaping @Sendable ([UInt8]) -> Void) { self.send = send }

  /// What the events of now belong to.
  private var current: ServeID? { state.withLock { $0.running ?? nil } }

  /// - Returns: false where the request was told to stop before it ran.
  func begin(_ id: ServeID?) -> Bool {
    state.withLock { state in
      state.running = .some(id)
      return id.map { state.cancelled.remove($0) == nil } ?? true
    }
  }

  func end() { state.withLock { $0.running = .none } }

  /// No request waits: nothing that was told to stop can still come.
  public func forgetCancelled() { state.withLock { $0.cancelled = [] } }

  /// Answers a line that asks for an interruption, which cannot wait for what runs.
  ///
  /// - Returns: false where the line is another request, or none.
  public func interrupts(_ line: [UInt8]) -> Bool {
    // Longer lines are other requests. Of these few values the parser reads every one, whatever has
    // been told to stop.
    guard line.count <= Interruption.stride, let request = try? ServeRequest(line),
      case .interrupt(let target) = request.operation
    else { return false }
    let isRunning = state.withLock { state in
      if case .some(let id) = state.running, target == nil || target == id {
        // While the lock is held: what runs next must not be stopped in its place.
        Interruption.requested.store(true, ordering: .sequentiallyConsistent)
        return true
      }
      if let target { state.cancelled.insert(target) }
      return false
    }
    emit(
      .done, of: request.id,
      [
        .init("op", .string("interrupt")), .init("status", .integer(0)),
        .init("running", .boolean(isRunning)),
      ])
    return true
  }

  /// What a command after `!` has printed.
  public func sendText(_ text: String) { emit(.text, [.init("text", .string(text))]) }

  // MARK: Events

  enum Event: String {
    case hello, table, array, value, plot, text, message, progress, completions, completeness, done
  }

  /// An event of the request that runs.
  func emit(_ event: Event, _ members: [JSONValue.Member]) {
    emit(event, of: current, members)
  }

  func emit(_ event: Event, of id: ServeID?, _ members: [JSONValue.Member]) {
    let head: [JSONValue.Member] = [
      .init("id", id?.value ?? .null), .init("type", .string(event.rawValue)),
    ]
    send(Array((JSONValue.object(head + members).text + "\n").utf8))
  }

  /// An event whose other members `body` writes, each after a comma.
  ///
  /// - Parameter bytes: about how large it becomes.
  func emit(_ event: Event, bytes: Int, _ body: (inout ByteSink) throws -> Void) throws {
    try Memory.reserve(bytes, for: "the answer")
    var line: [UInt8] = []
    let id = (current?.value ?? .null).text
    var sink = ByteSink { line += $0 }
    sink.append("{\"id\": \(id), \"type\": \"\(event.rawValue)\"")
    try body(&sink)
    sink.append("}\n")
    try sink.flush()
    send(line)
  }
}
