#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A thread with a stack of our own size: how deeply calls may nest does not depend on `ulimit -s`.
enum LargeStack {
  /// Starts a thread of the usual size on which no signal is handled.
  ///
  /// - Returns: false where the system has no room for it.
  static func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
    let thread = start(
      {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        body()
      }, stack: smallest)
    if let thread { pthread_detach(thread) }
    return thread != nil
  }

  /// Address space: only what is used takes memory.
  private static let size = 256 << 20
  private static let smallest = 4 << 20

  /// Runs `body` on such a thread and waits for its end. Signals go to that thread, as they would
  /// have gone to this one. Where there is no room for a large stack, `body` runs here.
  static func run(_ body: @escaping @Sendable () -> Void) {
    var bytes = affordable
    while bytes >= smallest {
      if let thread = start(body, stack: bytes) {
        var all = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_BLOCK, &all, nil)
        pthread_join(thread, nil)
        return
      }
      bytes /= 2
    }
    body()
  }

  /// Where the address space is limited, models and results need most of it.
  private static var affordable: Int {
    var limit = rlimit()
    #if canImport(Darwin)
      let resource = RLIMIT_AS
    #else
      let resource = __rlimit_resource_t(RLIMIT_AS.rawValue)
    #endif
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < rlim_t(Int.max) else { return size }
    return min(size, Int(limit.rlim_cur) / 16)
  }

  private final class Start {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static func start(_ body: @escaping @Sendable () -> Void, stack bytes: Int) -> pthread_t?
  {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    let page = sysconf(Int32(_SC_PAGESIZE))
    pthread_attr_setstacksize(&attributes, bytes / page * page)
    let start = Unmanaged.passRetained(Start(body))
    #if canImport(Darwin)
      var thread: pthread_t?
      let code = pthread_create(&thread, &attributes, { LargeStack.enter($0) }, start.toOpaque())
    #else
      var thread = pthread_t()
      let code = pthread_create(&thread, &attributes, { LargeStack.enter($0) }, start.toOpaque())
    #endif
    if code != 0 {
      start.release()
      return nil
    }
    return thread
  }

  private static func enter(_ start: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let start { Unmanaged<Start>.fromOpaque(start).takeRetainedValue().body() }
    return nil
  }
}
