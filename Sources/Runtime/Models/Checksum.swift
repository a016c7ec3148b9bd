import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Digests of files that may be larger than memory.
enum Checksum {
  static func sha256(ofFile path: String, progress: FetchProgress) throws -> String {
    let size = fileSize(path) ?? 0
    var done = 0
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      throw Failure(
        "`\(path)` cannot be read: \(String(cString: strerror(errno)))", status: .unreadable)
    }
    defer { close(file) }
    var hash = SHA256()
    var chunk = [UInt8](repeating: 0, count: 4 << 20)
    while true {
      let count = read(file, &chunk, chunk.count)
      if count == 0 { return hash.hexDigest() }
      guard count > 0 else {
        if errno == EINTR { continue }
        throw Failure(
          "`\(path)` cannot be read: \(String(cString: strerror(errno)))", status: .unreadable)
      }
      chunk.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
      done += count
      try progress.update(bytes: done, of: size, doing: "checking")
    }
  }
}
