import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The whole file; a pipe or a terminal is read to its end. Ctrl-C ends the waiting for either.
///
/// - Parameter limit: more bytes than these are an error. Default: a quarter of the memory that
///   values may take, since what is made of a text takes more than the text.
func readBytes(path: String, limit: Int? = nil) throws -> [UInt8] {
  // Non-blocking: a pipe would else be opened only once somebody writes to it.
  let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard file >= 0 else { throw unreadable(path, errno) }
  defer { close(file) }

  var status = stat()
  guard fstat(file, &status) == 0 else { throw unreadable(path, errno) }
  let kind = status.st_mode & S_IFMT
  if kind == S_IFBLK || (kind == S_IFCHR && isatty(file) == 0 && !isEmptyDevice(path)) {
    throw Failure(
      "`\(path)` is a device, and may never end", help: "name a file or a pipe",
      status: .unreadable)
  }
  let limit = limit ?? Memory.budget / 4
  let expected = kind == S_IFREG ? max(0, Int(status.st_size)) : 0
  guard expected <= limit else { throw tooLarge(path, expected, limit) }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(expected)
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    try Interruption.check()
    let count = read(file, &chunk, chunk.count)
    // Nothing from a pipe that nobody has opened for writing yet is not its end.
    if count == 0, kind != S_IFIFO || hasEnded(file) { return bytes }
    if count < 0, errno != EINTR, errno != EAGAIN { throw unreadable(path, errno) }
    if count <= 0 {
      waitForInput(file)
      continue
    }
    guard bytes.count + count <= limit else { throw tooLarge(path, nil, limit) }
    bytes.append(contentsOf: chunk[..<count])
  }
}

private func isEmptyDevice(_ path: String) -> Bool {
  var (device, null) = (stat(), stat())
  return stat(path, &device) == 0 && stat("/dev/null", &null) == 0
    && device.st_rdev == null.st_rdev
}

/// A tenth of a second at most, so that Ctrl-C is heard whichever thread it has come to.
private func waitForInput(_ file: Int32) {
  var waiting = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
  _ = poll(&waiting, 1, 100)
}

/// Whether those who wrote into a pipe have all gone: before anybody has come, it is not hung up.
private func hasEnded(_ file: Int32) -> Bool {
  var waiting = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
  return poll(&waiting, 1, 100) > 0 && waiting.revents & Int16(POLLHUP) != 0
    && waiting.revents & Int16(POLLIN) == 0
}

private func tooLarge(_ path: String, _ bytes: Int?, _ limit: Int) -> Failure {
  let size = bytes.map { "has \(sizeText($0))" } ?? "does not end"
  return Failure(
    "`\(path)` \(size), and at most \(sizeText(limit)) are read",
    help: "read a part of it, as in `head -c`, or allow more memory: --memory", status: .unreadable)
}

private func unreadable(_ path: String, _ code: Int32) -> Failure {
  let reason = String(cString: strerror(code))
  guard code == ENOENT else {
    let help = code == EISDIR ? "name a file in it" : nil
    return Failure("`\(path)` cannot be read: \(reason)", help: help, status: .unreadable)
  }
  let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
  let name = String(path.dropFirst(directory.count))
  let neighbours =
    (try? FileManager.default.contentsOfDirectory(atPath: directory.isEmpty ? "." : directory))
    ?? []
  let meant = suggestion(for: name, among: neighbours.sorted())
  return Failure(
    "there is no file `\(path)`",
    help: meant.map { "did you mean `\(directory)\($0)`?" }
      ?? "paths are relative to the working directory, "
      + "`\(FileManager.default.currentDirectoryPath)`",
    status: .unreadable)
}
