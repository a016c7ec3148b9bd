import Foundation
import Testing

/// A process of its own group, with all signals as they are by default: what Foundation's starts
/// has those blocked that are on the thread of a task, and its end is noticed only when the
/// processes have ended as well that were started at the same time.
struct ChildProcess {
  private let id: pid_t

  /// - Parameters:
  ///   - input: the file that is its standard input; `output` and `error` are made.
  init(
    _ executable: String, _ arguments: [String], environment: [String: String],
    input: String, output: String, error: String
  ) throws {
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, error, O_WRONLY | O_CREAT, 0o600)

    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
    posix_spawnattr_setflags(&attributes, Int16(flags))
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for number in [SIGINT, SIGPIPE, SIGTERM, SIGQUIT] { sigaddset(&signals, number) }
    posix_spawnattr_setsigdefault(&attributes, &signals)

    let words = ([executable] + arguments).map { strdup($0) } + [nil]
    let variables = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + variables { free(text) } }
    var id = pid_t()
    var code: Int32
    // A program that was just written may still be open for writing in a process that another test
    // was starting meanwhile, until that runs its own.
    repeat {
      code = posix_spawn(&id, executable, &actions, &attributes, words, variables)
    } while code == ETXTBSY && usleep(1000) == 0
    try #require(code == 0)
    self.id = id
  }

  /// To it and those that it started, as Ctrl-C does it.
  func send(_ signal: Int32) {
    kill(-id, signal)
  }

  /// What its threads have used so far, while it runs.
  func processorTime() throws -> Duration {
    #if canImport(Darwin)
      var used = rusage_info_v2()
      let code = withUnsafeMutablePointer(to: &used) {
        $0.withMemoryRebound(to: rusage_info_t?.self, capacity: 1) {
          proc_pid_rusage(id, RUSAGE_INFO_V2, $0)
        }
      }
      try #require(code == 0)
      var base = mach_timebase_info()
      mach_timebase_info(&base)
      let ticks = used.ri_user_time + used.ri_system_time
      return .nanoseconds(ticks * UInt64(base.numer) / UInt64(base.denom))
    #else
      var clock = clockid_t()
      var time = timespec()
      try #require(clock_getcpuclockid(id, &clock) == 0 && clock_gettime(clock, &time) == 0)
      return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    #endif
  }

  /// Returns once it has worked for so long, or has done next to nothing for half a second: what waits
  /// looks up now and then.
  func worked(for work: Duration) async throws {
    let start = try processorTime()
    var before = start
    var idle = 0
    while before - start < work, idle < 25 {
      try await Task.sleep(for: .milliseconds(20))
      let now = try processorTime()
      idle = now - before < .microseconds(200) ? idle + 1 : 0
      before = now
    }
  }

  struct End {
    /// For a signal 128 more than the signal's number, as `sh` has it.
    var status: Int32
    var time: ContinuousClock.Instant
    /// What it used, and the processes that it waited for.
    var processorTime: Duration
  }

  /// Waits for its end, which is noticed by the thread that waits: whoever awaits this may be kept
  /// waiting by other tests.
  func end() async -> End {
    await withCheckedContinuation { continuation in
      Thread.detachNewThread {
        var status: Int32 = 0
        var used = rusage()
        while wait4(id, &status, 0, &used) < 0 && errno == EINTR {}
        let time = ContinuousClock.now
        let signal = status & 0x7F
        continuation.resume(
          returning: End(
            status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, time: time,
            processorTime: [used.ru_utime, used.ru_stime].reduce(.zero) {
              $0 + .seconds($1.tv_sec) + .microseconds($1.tv_usec)
            }))
      }
    }
  }
}
