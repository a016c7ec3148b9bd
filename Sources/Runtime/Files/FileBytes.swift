import Lang

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

/// The whole file; a pipe or a device is read to its end.
func readBytes(path: String) throws -> [UInt8] {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw unreadable(path, errno) }
  defer { close(file) }

  var status = stat()
  var expected = 0
  if fstat(file, &status) == 0 { expected = max(0, Int(status.st_size)) }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(min(expected, 1 << 30))
  var chunk = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(file, &chunk, chunk.count)
    if count == 0 { return bytes }
    if count < 0 {
      if errno == EINTR { continue }
      throw unreadable(path, errno)
    }
    bytes.append(contentsOf: chunk[..<count])
  }
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
