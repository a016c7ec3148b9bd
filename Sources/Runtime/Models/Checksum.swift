import Model

/// Digests of files that may be larger than memory.
enum Checksum {
  static func sha256(ofFile path: String, progress: FetchProgress) throws -> String {
    let size = fileSize(path) ?? 0
    return try sha256(ofFile: path) { try progress.update(bytes: $0, of: size, doing: "checking") }
  }

  /// - Parameter advanced: is told the bytes that have been read, a few million apart.
  static func sha256(ofFile path: String, _ advanced: (Int) throws -> Void) throws -> String {
    var done = 0
    var hash = SHA256()
    try forEachChunk(of: path) { chunk in
      chunk.withUnsafeBytes { hash.update($0) }
      done += chunk.count
      try advanced(done)
    }
    return hash.hexDigest()
  }

  /// git's own.
  static func git(ofFile path: String) throws -> String {
    var hash = GitDigest(size: fileSize(path) ?? 0)
    try forEachChunk(of: path) { hash.update($0) }
    return hash.hexDigest()
  }

  private static func forEachChunk(
    of path: String, _ body: (ArraySlice<UInt8>) throws -> Void
  ) throws {
    func unreadable() -> Failure {
      Failure(
        "`\(path)` cannot be read: \(String(cString: strerror(errno)))", status: .unreadable)
    }
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw unreadable() }
    defer { close(file) }
    var chunk = [UInt8](repeating: 0, count: 4 << 20)
    while true {
      let count = read(file, &chunk, chunk.count)
      if count == 0 { return }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw unreadable() }
      try body(chunk[..<count])
    }
  }
}
