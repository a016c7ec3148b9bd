/// What the system refused.
public struct SystemError: Error, Equatable {
  /// The `errno`.
  public var code: Int32

  public init(code: Int32) { self.code = code }

  public var reason: String { String(cString: strerror(code)) }
}

/// Writes all of `bytes`, even if the system takes only a part at a time.
///
/// - Parameter isStopped: asked while the other side takes nothing.
/// - Returns: 0, or the `errno` of what went wrong; EINTR where it was stopped.
public func writeAll(
  _ bytes: some Collection<UInt8>, to descriptor: Int32, isStopped: () -> Bool = { false }
) -> Int32 {
  let failure = bytes.withContiguousStorageIfAvailable { buffer -> Int32 in
    var rest = UnsafeRawBufferPointer(buffer)[...]
    while !rest.isEmpty {
      let count = write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count >= 0 {
        rest = rest.dropFirst(count)
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waiting, 1, 100)
        if isStopped() { return EINTR }
      default: return errno
      }
    }
    return 0
  }
  return failure ?? writeAll(Array(bytes), to: descriptor, isStopped: isStopped)
}
