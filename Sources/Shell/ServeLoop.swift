import Model
import Runtime
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Takes requests from the client while one runs, and answers them one after the other. A request
/// to interrupt is answered at once.
struct ServeLoop {
  let server: Server
  let desk: ServeDesk
  let streams: ServeStreams

  /// Longer requests are refused.
  static let longest = 256 << 20

  /// - Returns: the status that the process ends with.
  func run() -> ExitStatus {
    let queue: RequestQueue
    do {
      queue = try RequestQueue()
    } catch {
      return .failed
    }
    let (desk, streams) = (desk, streams)
    let isStarted =
      LargeStack.startThread { Self.read(streams.input, into: queue, desk: desk) }
      && LargeStack.startThread {
        // A command that fills the pipe waits until somebody reads.
        while Self.waits(for: streams.printed, milliseconds: -1) { streams.drain(to: desk) }
      }
      && LargeStack.startThread {
        // What runs may print nothing for hours, and would not notice that its client has crashed.
        streams.waitUntilClientLeaves()
        Self.stopWhatRuns()
        exit(ExitStatus.brokenPipe.rawValue)
      }
    guard isStarted else { return .failed }
    while true {
      if let status = Interrupts.endStatus { return status }
      switch queue.next() {
      case .line(let line): Interrupts.during { server.answer(line) }
      case .tooLong: server.refuse("a request is longer than \(Self.longest >> 20) MiB")
      case .end: return .done
      case nil:
        desk.forgetCancelled()
        queue.wait()
      }
    }
  }

  /// Gives the request at work two seconds to end, and with it the commands that it has started. Its
  /// first event after that ends the process, as nobody reads it.
  private static func stopWhatRuns() {
    for _ in 0..<20 {
      // Again and again: the next request would begin without it.
      Interruption.requested.store(true, ordering: .sequentiallyConsistent)
      usleep(100_000)
    }
  }

  private static func read(_ input: Int32, into queue: RequestQueue, desk: ServeDesk) {
    var line: [UInt8] = []
    var isTooLong = false
    var block = [UInt8](repeating: 0, count: 1 << 16)
    func finish() {
      let isBlank = line.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
      if isTooLong {
        queue.add(.tooLong)
      } else if !isBlank, !desk.interrupts(line) {
        queue.add(.line(line))
      }
      line = []
      isTooLong = false
    }
    while true {
      let count = block.withUnsafeMutableBytes { Self.read(input, $0) }
      guard count > 0 else { break }
      var rest = block[..<count]
      while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        if !isTooLong { line += rest[..<end] }
        finish()
        rest = rest[(end + 1)...]
      }
      if !isTooLong { line += rest }
      if line.count > longest {
        line = []
        isTooLong = true
      }
    }
    // The last line may lack its end.
    finish()
    queue.add(.end)
  }

  private static func read(_ input: Int32, _ block: UnsafeMutableRawBufferPointer) -> Int {
    while true {
      #if canImport(Darwin)
        let count = Darwin.read(input, block.baseAddress, block.count)
      #else
        let count = Glibc.read(input, block.baseAddress, block.count)
      #endif
      if count >= 0 || errno != EINTR { return count }
    }
  }

  /// - Returns: false where nothing can come any more.
  static func waits(for descriptor: Int32, milliseconds: Int32) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    return poll(&waiting, 1, milliseconds) >= 0 && waiting.revents & Int16(POLLNVAL) == 0
  }
}

/// Requests on their way from the thread that reads to the one that answers.
private final class RequestQueue: Sendable {
  enum Entry: Sendable {
    case line([UInt8])
    case tooLong
    case end
  }

  private let entries = Mutex<[Entry]>([])
  /// A byte for each entry: the answering thread must wake for signals too, which a lock's waiting
  /// would sleep through.
  private let bell: (reading: Int32, writing: Int32)

  init() throws {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw SystemError(code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    bell = (ends[0], ends[1])
  }

  func add(_ entry: Entry) {
    entries.withLock { $0.append(entry) }
    _ = writeAll([0], to: bell.writing)
  }

  func next() -> Entry? {
    entries.withLock { entries in
      if entries.isEmpty { return nil }
      var byte: UInt8 = 0
      _ = read(bell.reading, &byte, 1)
      return entries.removeFirst()
    }
  }

  /// Until there is an entry, or a signal comes; at most a second, as a signal may come just before.
  func wait() { _ = ServeLoop.waits(for: bell.reading, milliseconds: 1000) }
}
