import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A file that one process at a time has for itself, until it gives it back or ends. The lock is the
/// one that `huggingface_hub` takes, so that the two can share a cache.
final class FileLock {
  let descriptor: Int32

  /// Waits until the file is free. `whenTaken` is called once, where that takes a while.
  init(path: String, whenTaken: () -> Void) throws {
    let folder = path.withoutLastPart
    try makeFolder(folder)
    descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw unwritable(path, errno) }
    var isFirst = true
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      // A file system without locks has no use for waiting either.
      guard errno == EWOULDBLOCK || errno == EINTR else { return }
      if isFirst { whenTaken() }
      isFirst = false
      usleep(100_000)
      try Interruption.check()
    }
  }

  deinit {
    // A process that is just being started still has the file open: closing alone would not free it.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }
}

/// Makes a folder and those above it; it may be there.
func makeFolder(_ path: String) throws {
  do {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  } catch {
    throw Failure(
      "the folder `\(path)` cannot be made",
      help: "is there a file of that name, and may you write there?", status: .unreadable)
  }
}

func unwritable(_ path: String, _ code: Int32) -> Failure {
  Failure("`\(path)` cannot be written: \(String(cString: strerror(code)))", status: .unreadable)
}

/// Bytes of the file, what a link leads to; nil where there is none.
func fileSize(_ path: String) -> Int? {
  var status = stat()
  guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
  return Int(status.st_size)
}

/// Bytes that a person may still write into the folder; nil where the system does not say.
func freeBytes(in folder: String) -> Int? {
  var status = statvfs()
  guard statvfs(folder, &status) == 0 else { return nil }
  let (bytes, overflow) = Int(status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
  return overflow ? nil : bytes
}

/// Puts a file in the place of another, or of none, at one stroke, its bytes being on disk first.
func move(_ source: String, to target: String) throws {
  let file = open(source, O_RDONLY | O_CLOEXEC)
  if file >= 0 {
    fsync(file)
    close(file)
  }
  guard rename(source, target) == 0 else { throw unwritable(target, errno) }
}

/// Writes a small file at one stroke: a reader sees all of it or what was there before.
func writeFile(_ text: String, to path: String) throws {
  do {
    let replacement = try FileReplacement(of: path)
    try replacement.write(Array(text.utf8))
    try replacement.finish()
    try replacement.takePlace()
  } catch {
    throw unwritable(path, error.code)
  }
}
