/// A pipe that no other program inherits. Its ends are closed with their owner.
final class Pipe {
  let reading: Int32
  let writing: Int32
  private var open: Set<Int32>

  init() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw Failure("cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    (reading, writing) = (ends[0], ends[1])
    open = Set(ends)
  }

  func closeReading() { finish(reading) }
  func closeWriting() { finish(writing) }

  private func finish(_ end: Int32) {
    if open.remove(end) != nil { close(end) }
  }

  deinit {
    for end in open { close(end) }
  }
}
