import CSIMD
import Synchronization

/// Two or more threads that share the items of one loop. Which thread takes which item never
/// matters to a result: every item writes its own result.
///
/// A job is published in one atomic word (epoch, open bit, workers inside). Workers join by
/// compare-and-swap and claim items from a counter; the caller works too, closes the job, and waits
/// only for those that joined. Workers spin for a moment, then sleep.
public final class WorkerPool: @unchecked Sendable {
  /// All threads that work, the caller's among them.
  public let width: Int

  private static let open: UInt64 = 1 << 31
  private static let insideMask: UInt64 = open - 1

  private let state = Atomic<UInt64>(0)
  /// Threads that claim items would otherwise take the line of the word that the others watch.
  private let apart = (0, 0, 0, 0, 0, 0, 0, 0)
  private let next = Atomic<Int>(0)
  private let sleepers = Atomic<Int>(0)
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private let callers = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  // Written by the caller before the job is published, read by workers that joined it.
  private var count = 0
  private var body: ((Int, Int) -> Void)?

  /// One pool serves the process; the threads live as long as it does. Several, as tests have them,
  /// have more threads than there are processors: one that spins then takes time from one that works.
  public init(width: Int) {
    self.width = max(1, width)
    if width > 1 { Self.pools.wrappingAdd(1, ordering: .relaxed) }
    pthread_mutex_init(mutex, nil)
    pthread_mutex_init(callers, nil)
    pthread_cond_init(wake, nil)
    for worker in 1..<max(1, self.width) {
      startThread { [self] in work(as: worker) }
    }
  }

  /// Calls `body(item, worker)` once for each item in 0..<count. `worker`, in 0..<width, is one
  /// thread's own for the length of a call: an index for scratch memory.
  ///
  /// A caller that finds the pool busy does its items alone.
  public func run(_ count: Int, _ body: (_ item: Int, _ worker: Int) -> Void) {
    guard count > 1, width > 1, pthread_mutex_trylock(callers) == 0 else {
      for item in 0..<max(0, count) { body(item, 0) }
      return
    }
    defer { pthread_mutex_unlock(callers) }
    withoutActuallyEscaping(body) { body in
      self.count = count
      self.body = body
      next.store(0, ordering: .relaxed)
      let epoch = (state.load(ordering: .relaxed) >> 32) &+ 1
      state.store(epoch << 32 | Self.open, ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 {
        pthread_mutex_lock(mutex)
        pthread_cond_broadcast(wake)
        pthread_mutex_unlock(mutex)
      }
      claimItems(worker: 0, count: count, body: body)
      state.bitwiseAnd(~Self.open, ordering: .acquiringAndReleasing)
      waitForWorkers()
      self.body = nil
    }
  }

  /// Those that are inside end their last items. One whose processor was taken away needs it back.
  private func waitForWorkers() {
    let patience = Self.patience / 64
    var spins = 0
    while state.load(ordering: .acquiring) & Self.insideMask != 0 {
      if spins < patience { summand_pause() } else { sched_yield() }
      spins += 1
    }
  }

  /// Steps of spinning before a thread gives its processor away: a few hundred microseconds, which is
  /// more than what a layer does on one thread between two loops.
  private static var patience: Int { pools.load(ordering: .relaxed) > 1 ? 64 : 16_000 }
  private static let pools = Atomic<Int>(0)

  private func claimItems(worker: Int, count: Int, body: (Int, Int) -> Void) {
    while true {
      let item = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard item < count else { return }
      body(item, worker)
    }
  }

  private func work(as worker: Int) {
    var seen: UInt64 = 0
    while true {
      let job = waitForJob(after: seen)
      seen = job >> 32
      if join(job) {
        help(as: worker)
        state.wrappingSubtract(1, ordering: .releasing)
      }
    }
  }

  /// Not inlined: the caller's closure must be let go of before the worker says that it has left.
  @inline(never)
  private func help(as worker: Int) {
    if let body { claimItems(worker: worker, count: count, body: body) }
  }

  /// The state word of an open job that this worker has not seen yet.
  private func waitForJob(after seen: UInt64) -> UInt64 {
    func fresh(_ word: UInt64) -> Bool { word & Self.open != 0 && word >> 32 != seen }
    for _ in 0..<Self.patience {
      let word = state.load(ordering: .acquiring)
      if fresh(word) { return word }
      summand_pause()
    }
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    sleepers.wrappingAdd(1, ordering: .sequentiallyConsistent)
    defer { sleepers.wrappingSubtract(1, ordering: .sequentiallyConsistent) }
    while true {
      let word = state.load(ordering: .sequentiallyConsistent)
      if fresh(word) { return word }
      pthread_cond_wait(wake, mutex)
    }
  }

  /// Enters the job, unless it was closed or replaced meanwhile.
  private func join(_ job: UInt64) -> Bool {
    var word = job
    while word & Self.open != 0 && word >> 32 == job >> 32 {
      let (done, current) = state.weakCompareExchange(
        expected: word, desired: word &+ 1, ordering: .acquiringAndReleasing)
      if done { return true }
      word = current
    }
    return false
  }
}

/// A detached thread that runs `body` and ends with it.
private func startThread(_ body: @escaping @Sendable () -> Void) {
  final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  let start = Unmanaged.passRetained(Start(body)).toOpaque()
  #if canImport(Darwin)
    var thread: pthread_t?
    let entry: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = {
      Unmanaged<Start>.fromOpaque($0).takeRetainedValue().body()
      return nil
    }
  #else
    var thread = pthread_t()
    let entry: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
      if let start = $0 { Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body() }
      return nil
    }
  #endif
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
  // The usual 8 MiB a thread would count under `ulimit -v`; what they run needs a few KiB.
  pthread_attr_setstacksize(&attributes, 1 << 20)
  let outer = blockSignals()
  let code = pthread_create(&thread, &attributes, entry, start)
  restoreSignals(outer)
  pthread_attr_destroy(&attributes)
  // A thread that cannot be had is done without: who is there takes its items.
  if code != 0 { Unmanaged<Start>.fromOpaque(start).release() }
}

/// A new thread inherits the signals that are blocked: none is for workers, but those of their own
/// faults.
private func blockSignals() -> sigset_t {
  var blocked = sigset_t()
  var outer = sigset_t()
  sigfillset(&blocked)
  for fault in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP] { sigdelset(&blocked, fault) }
  pthread_sigmask(SIG_SETMASK, &blocked, &outer)
  return outer
}

private func restoreSignals(_ outer: sigset_t) {
  var outer = outer
  pthread_sigmask(SIG_SETMASK, &outer, nil)
}
