#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A regular file, opened once, read at any offset from any thread, closed with its last owner.
///
/// Everything goes through `pread`: a file that shrinks while it is open is an error, whereas a
/// mapped one would kill the process.
final class ReadableFile: Sendable {
  let path: String
  /// Bytes, at the time of opening.
  let size: Int
  private let descriptor: Int32
  /// When the content was last written, at the time of opening.
  private let written: timespec

  init(path: String) throws {
    // Non-blocking, so that a named pipe is recognised below instead of being waited for.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw ModelError(.file, "cannot open \(quoted(path)): \(String(cString: strerror(errno)))")
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let reason = String(cString: strerror(errno))
      close(descriptor)
      throw ModelError(.file, "cannot examine \(quoted(path)): \(reason)")
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      let isDirectory = status.st_mode & S_IFMT == S_IFDIR
      throw ModelError(
        .file, "\(quoted(path)) is \(isDirectory ? "a directory" : "not a regular file")")
    }
    self.path = path
    self.size = Int(status.st_size)
    self.descriptor = descriptor
    self.written = Self.written(status)
  }

  deinit { close(descriptor) }

  /// Whether there is anything at `path`.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  private static func written(_ status: stat) -> timespec {
    #if canImport(Darwin)
      status.st_mtimespec
    #else
      status.st_mtim
    #endif
  }

  /// Weights are read long after the header was: they must not be another file's by then.
  private func checkUnchanged() throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return }
    let now = Self.written(status)
    guard now.tv_sec == written.tv_sec, now.tv_nsec == written.tv_nsec else {
      throw ModelError(
        .file, "\(quoted(path)) was written to after it was opened",
        help: "what it was is lost: load it again")
    }
  }

  /// Fills `buffer` with the bytes that begin at `offset`.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws {
    guard let base = buffer.baseAddress else { return }
    var done = 0
    while done < buffer.count {
      let wanted = min(buffer.count - done, 1 << 30)
      let got = pread(descriptor, base + done, wanted, off_t(offset + done))
      if got < 0 && errno == EINTR { continue }
      guard got >= 0 else {
        throw ModelError(.file, "cannot read \(quoted(path)): \(String(cString: strerror(errno)))")
      }
      guard got > 0 else {
        throw ModelError(
          .file,
          "\(quoted(path)) ends at byte \(offset + done), but had \(size) bytes when it was opened",
          help: "it changed while it was being read: load it again")
      }
      done += got
    }
    try checkUnchanged()
  }

  /// The bytes `offset..<offset + count`, which the caller has checked against `size`.
  func bytes(at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
      initialized = count
    }
  }

  /// An error about this file's content.
  func damaged(_ message: String, help: String? = nil) -> ModelError {
    ModelError(.file, "\(quoted(path)): \(message)", help: help)
  }
}

/// `text` in quotes, for a message: what would move a terminal's cursor is escaped, and a name of
/// a million characters is cut.
func quoted(_ text: String, limit: Int = 400) -> String {
  var quoted = "'"
  for (count, scalar) in text.unicodeScalars.enumerated() {
    if count == limit {
      quoted += "…"
      break
    }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
      quoted += "\\u{\(String(scalar.value, radix: 16))}"
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + "'"
}
