#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Another program, run to its end with its output collected.
struct Subprocess {
  struct Outcome {
    /// For a signal 128 more than its number, as `sh` has it.
    var status: Int32
    var output: [UInt8]
    /// What it said on standard error.
    var messages: String
  }

  /// Looked for on the PATH.
  var program: String
  var arguments: [String]
  /// Over what this process has.
  var environment: [String: String]
  /// At most `longestInput` bytes. A secret belongs here: arguments can be read by everybody.
  var input: [UInt8] = []
  /// Stays open until the program ends, even where this process ends first.
  var heldOpen: Int32?

  /// What every system's pipe takes before anybody reads it.
  static let longestInput = 1 << 14
  private static let mostOutput = 64 << 20

  /// - Parameter tick: called about ten times a second; where it throws, the program is ended.
  func run(tick: () throws -> Void) throws -> Outcome {
    guard input.count <= Self.longestInput else {
      throw Failure("`\(program)` cannot be given \(input.count) bytes at once")
    }
    let (input, output, messages) = (try Pipe(), try Pipe(), try Pipe())
    self.input.withUnsafeBytes { _ = write(input.writing, $0.baseAddress, $0.count) }
    input.closeWriting()
    let child = try spawn(input: input.reading, output: output.writing, messages: messages.writing)
    output.closeWriting()
    messages.closeWriting()
    do {
      let texts = try collect([output.reading, messages.reading], tick: tick)
      return Outcome(
        status: Self.end(of: child), output: texts[0],
        messages: String(decoding: texts[1], as: UTF8.self))
    } catch {
      kill(child, SIGTERM)
      _ = Self.end(of: child)
      throw error
    }
  }

  private func spawn(input: Int32, output: Int32, messages: Int32) throws -> pid_t {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, number) in [(input, 0), (output, 1), (messages, 2)] {
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    // A number that none of the others has: what is duplicated is not closed on the way.
    if let heldOpen { posix_spawn_file_actions_adddup2(&actions, heldOpen, heldOpen + 100) }
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Ctrl-C is for the child too, whatever the thread that starts it has blocked.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))

    let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let words = ([program] + arguments).map { strdup($0) } + [nil]
    let settings = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + settings { free(text) } }
    var child = pid_t()
    let code = posix_spawnp(&child, program, &actions, &attributes, words, settings)
    guard code == 0 else { throw NotStarted(code: code) }
    return child
  }

  /// The program could not be started; `ENOENT` where there is none of that name.
  struct NotStarted: Error {
    var code: Int32
    var isMissing: Bool { code == ENOENT || code == EACCES }
    var reason: String { String(cString: strerror(code)) }
  }

  private func collect(_ descriptors: [Int32], tick: () throws -> Void) throws -> [[UInt8]] {
    var texts = [[UInt8]](repeating: [], count: descriptors.count)
    var open = Set(descriptors.indices)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while !open.isEmpty {
      let waiting = open.sorted()
      var polled = waiting.map {
        pollfd(fd: descriptors[$0], events: Int16(POLLIN), revents: 0)
      }
      _ = poll(&polled, nfds_t(polled.count), 100)
      try tick()
      for (index, place) in zip(waiting, polled) where place.revents != 0 {
        let count = read(place.fd, &chunk, chunk.count)
        if count > 0 { texts[index].append(contentsOf: chunk[..<count]) }
        if count == 0 || (count < 0 && errno != EINTR) { open.remove(index) }
      }
      guard texts.allSatisfy({ $0.count <= Self.mostOutput }) else {
        throw Failure("`\(program)` wrote more than \(Self.mostOutput) bytes")
      }
    }
    return texts
  }

  private static func end(of child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 && errno == EINTR {}
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }
}

/// A pipe that no other program inherits, closed with its owner.
private final class Pipe {
  let reading: Int32
  private(set) var writing: Int32

  init() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw Failure("no pipe could be made: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reading, writing) = (ends[0], ends[1])
  }

  func closeWriting() {
    if writing >= 0 { close(writing) }
    writing = -1
  }

  deinit {
    close(reading)
    closeWriting()
  }
}
