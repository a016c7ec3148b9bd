/// A file that takes the place of another, or of none, at one stroke: whoever reads sees the old
/// file or the new one, both whole. It keeps the old one's mode and, where possible, its owner and
/// group. A link is written through.
///
/// It is written as `.NAME.part` next to its place. A process that is killed leaves that behind,
/// and the next one that writes the same file removes it. Its lock tells whether it is in use.
public final class FileReplacement {
  private let target: String
  private let part: String
  /// Closed with -1.
  private var descriptor: Int32
  /// Of the file that is replaced.
  private let old: stat?

  /// - Parameter mode: that of a new file, before the umask.
  package init(of path: String, mode: mode_t = 0o666) throws(SystemError) {
    target = try resolvedLinks(path)
    old = fileStatus(of: target)
    // A file that may not be written to is not replaced either, though the folder would allow it.
    if old != nil, access(target, W_OK) != 0 { throw SystemError(code: errno) }
    (part, descriptor) = try Self.openPart(of: target, mode: old == nil ? mode : 0o600)
  }

  deinit {
    guard descriptor >= 0 else { return }
    // While the lock is held: it could be another's afterwards.
    unlink(part)
    close(descriptor)
  }

  public func write(_ bytes: [UInt8]) throws(SystemError) {
    let code = writeAll(bytes, to: descriptor)
    guard code == 0 else { throw SystemError(code: code) }
  }

  /// Puts what was written on the disk, with the old file's mode.
  public func finish() throws(SystemError) {
    if let old { keepAttributes(of: old) }
    guard fsync(descriptor) == 0 else { throw SystemError(code: errno) }
  }

  /// Gives the file its name. Nothing can go wrong on the disk any more.
  public func takePlace() throws(SystemError) {
    guard rename(part, target) == 0 else { throw SystemError(code: errno) }
    close(descriptor)
    descriptor = -1
  }

  /// The owner can be kept by root alone, the group by its members.
  private func keepAttributes(of old: stat) {
    var mode = old.st_mode & 0o7777
    var new = stat()
    guard fstat(descriptor, &new) == 0 else { return }
    if new.st_uid != old.st_uid || new.st_gid != old.st_gid,
      fchown(descriptor, old.st_uid, old.st_gid) != 0
    {
      mode &= 0o777
      // What a group was allowed is not another group's.
      if fchown(descriptor, uid_t.max, old.st_gid) != 0 {
        mode = mode & 0o707 | (mode & 0o007) << 3 & mode
      }
    }
    fchmod(descriptor, mode)
  }

  // MARK: The part

  private static func openPart(of target: String, mode: mode_t) throws(SystemError) -> (
    String, Int32
  ) {
    let (folder, name) = (target.withoutLastPart, target.lastPart)
    // A name may have 255 bytes.
    let short =
      name.utf8.count > 200 ? String(decoding: name.utf8.prefix(200), as: UTF8.self) : name
    // Where the usual name is another's, or nobody can lock, a name of this process's own.
    for part in ["\(folder)/.\(short).part", "\(folder)/.\(short).\(getpid()).part"] {
      if let descriptor = try open(part: part, mode: mode) { return (part, descriptor) }
    }
    throw SystemError(code: EEXIST)
  }

  /// A new file of that name, locked; nil where the name cannot be had.
  private static func open(part: String, mode: mode_t) throws(SystemError) -> Int32? {
    // Others need some milliseconds for a file; a disk that hangs is not waited for.
    for _ in 0..<2000 {
      let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
      let descriptor = systemOpen(part, flags, mode)
      if descriptor >= 0 {
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0, isNamed(part, descriptor) {
          return descriptor
        }
        // Somebody took it for a leftover.
        let isUnlockable = errno != EWOULDBLOCK && isNamed(part, descriptor)
        if isUnlockable { unlink(part) }
        close(descriptor)
        if isUnlockable { return nil }
        continue
      }
      guard errno == EEXIST else { throw SystemError(code: errno) }
      guard try removeLeftover(part) else { return nil }
    }
    return nil
  }

  /// Removes what a killed process left; waits a little where it is in use.
  /// - Returns: false where it is not ours to remove.
  private static func removeLeftover(_ part: String) throws(SystemError) -> Bool {
    let descriptor = systemOpen(part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0)
    guard descriptor >= 0 else { return errno == ENOENT }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_uid == geteuid()
    else { return false }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      guard errno == EWOULDBLOCK || errno == EINTR else { return false }
      _ = poll(nil, 0, 5)
      return true
    }
    return !isNamed(part, descriptor) || unlink(part) == 0
  }

  private static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }
}

/// What a path leads to, links followed; that need not exist.
func resolvedLinks(_ path: String) throws(SystemError) -> String {
  var path = path
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  // As many as the system itself follows.
  for _ in 0..<40 {
    let length = readlink(path, &buffer, buffer.count)
    if length < 0 { return path }
    let link = String(decoding: buffer[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    path = link.hasPrefix("/") ? link : path.withoutLastPart + "/" + link
  }
  throw SystemError(code: ELOOP)
}

/// Nil where there is nothing.
func fileStatus(of path: String) -> stat? {
  var status = stat()
  return stat(path, &status) == 0 ? status : nil
}

private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
  open(path, flags, mode)
}
