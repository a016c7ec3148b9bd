/// What tells a file's content at one time from any other content: the file itself, and when it was
/// last written to or changed in any way. No program can set the time of the last change back.
public struct FileStamp: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64
  /// Bytes.
  let size: Int64
  let written: Time
  /// When anything about the file last changed.
  let changed: Time

  struct Time: Hashable {
    let seconds: Int
    let nanoseconds: Int

    init(_ time: timespec) { (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec)) }
  }

  init(_ status: stat) {
    device = UInt64(truncatingIfNeeded: status.st_dev)
    inode = UInt64(truncatingIfNeeded: status.st_ino)
    size = Int64(status.st_size)
    #if canImport(Darwin)
      (written, changed) = (Time(status.st_mtimespec), Time(status.st_ctimespec))
    #else
      (written, changed) = (Time(status.st_mtim), Time(status.st_ctim))
    #endif
  }

  /// Small files are read again in less time than it takes to notice.
  var isWorthRemembering: Bool { size >= 8 << 20 }

  /// Whether writing to the file from `now` on, in seconds since 1970, is sure to change the stamp.
  /// Files' times advance in steps, which take two seconds on some file systems.
  func isSettled(at now: Int) -> Bool {
    max(written.seconds, changed.seconds) < now - 3
  }

  /// Device, inode, size and both times, with spaces between.
  public var text: String {
    "\(device) \(inode) \(size) \(written.seconds).\(written.nanoseconds) "
      + "\(changed.seconds).\(changed.nanoseconds)"
  }
}

/// Where the digests of files are kept from one process to the next.
public protocol DigestMemory {
  /// The SHA-256 of the content that had this stamp, in 64 hexadecimal digits.
  func digest(of stamp: FileStamp) -> String?
  func remember(_ digest: String, of stamp: FileStamp)
}
