/// A regular file, opened once, read at any offset from any thread, closed with its last owner.
///
/// Everything goes through `pread`: a file that shrinks while it is open is an error, whereas a
/// mapped one would kill the process.
final class ReadableFile: Sendable {
  let path: String
  /// Bytes, at the time of opening.
  let size: Int
  private let descriptor: Int32
  /// At the time of opening.
  private let identity: FileIdentity

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
    self.identity = FileIdentity(status)
  }

  deinit { close(descriptor) }

  /// Whether there is anything at `path`.
  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Whether another file, or none, is at the path by now. What is read is still what was opened.
  var isReplaced: Bool {
    var status = stat()
    return stat(path, &status) != 0 || !FileIdentity(status).isSameFile(as: identity)
  }

  /// Weights are read long after the header was: they must not be others by then.
  ///
  /// - Throws: `ModelError` where the file was written to since it was opened.
  func checkUnchanged() throws {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return }
    let now = FileIdentity(status)
    guard now.hasContent(of: identity, wasMoved: { isReplaced }) else {
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

  /// The SHA-256 of what was opened.
  ///
  /// - Parameters:
  ///   - memory: where digests of large files are kept: the digest is put there.
  ///   - now: seconds since 1970.
  ///   - progress: given the number of bytes done.
  /// - Throws: `ModelError` where the file was written to since.
  func digest(
    memory: (any DigestMemory)? = nil, now: Int = Int(time(nil)),
    progress: (Int) throws -> Void = { _ in }
  ) throws -> String {
    try checkUnchanged()
    let before = stamp()
    var hash = SHA256()
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(max(size, 1), 4 << 20), alignment: 64)
    defer { block.deallocate() }
    for start in stride(from: 0, to: size, by: block.count) {
      try Interruption.check()
      let part = UnsafeMutableRawBufferPointer(rebasing: block.prefix(size - start))
      try read(into: part, at: start)
      hash.update(UnsafeRawBufferPointer(part))
      try progress(start + part.count)
    }
    let digest = hash.hexDigest()
    if let memory, let before, before.isWorthRemembering, before.isSettled(at: now),
      stamp() == before
    {
      memory.remember(digest, of: before)
    }
    return digest
  }

  /// The digest that was remembered of what the file is now, if one was.
  func rememberedDigest(_ memory: any DigestMemory) -> String? {
    guard let before = stamp(), before.isWorthRemembering, let digest = memory.digest(of: before)
    else { return nil }
    return stamp() == before ? digest : nil
  }

  /// What tells the open file, as it is now, from others: `FileStamp.text`.
  var currentStamp: String? { stamp()?.text }

  /// What the open file is now; nil where the system does not say.
  private func stamp() -> FileStamp? {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? FileStamp(status) : nil
  }

  /// What tells the content of what was opened from others.
  ///
  /// - Throws: `ModelError` where the file was written to since.
  func contentDigest() throws -> ContentDigest {
    var state = ContentDigest.State()
    let block = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(max(size, 1), 4 << 20), alignment: 64)
    defer { block.deallocate() }
    var tail = UnsafeRawBufferPointer(rebasing: block[..<0])
    for start in stride(from: 0, to: size, by: block.count) {
      try Interruption.check()
      let part = UnsafeMutableRawBufferPointer(rebasing: block.prefix(size - start))
      try read(into: part, at: start)
      let whole = part.count / 16 * 16
      state.mix(UnsafeRawBufferPointer(rebasing: part[..<whole]))
      tail = UnsafeRawBufferPointer(rebasing: part[whole...])
    }
    let (high, low) = state.finish(tail, size)
    return ContentDigest(high: high, low: low)
  }

  /// An error about this file's content.
  func damaged(_ message: String, help: String? = nil) -> ModelError {
    ModelError(.file, "\(quoted(path)): \(message)", help: help)
  }
}

/// What tells a file from others, and its content from what it was before.
private struct FileIdentity {
  private let stamp: FileStamp
  private let links: UInt64
  private let access: [UInt32]

  init(_ status: stat) {
    stamp = FileStamp(status)
    links = UInt64(status.st_nlink)
    access = [UInt32(status.st_mode), status.st_uid, status.st_gid]
  }

  func isSameFile(as other: FileIdentity) -> Bool {
    stamp.device == other.stamp.device && stamp.inode == other.stamp.inode
  }

  /// Whether the content is still that of an earlier time. A file that was overwritten, and its time
  /// set back, shows it by the time of its last change; so does one that only got another name, other
  /// links or other rights, which is told by these.
  func hasContent(of earlier: FileIdentity, wasMoved: () -> Bool) -> Bool {
    guard stamp.size == earlier.stamp.size, stamp.written == earlier.stamp.written else {
      return false
    }
    return stamp.changed == earlier.stamp.changed || links != earlier.links
      || access != earlier.access
      || wasMoved()
  }
}

/// `text` in quotes, for a message: what would move a terminal's cursor is escaped, and a name of
/// a million characters is cut.
func quoted(_ text: String, limit: Int = 80) -> String {
  let isLong = text.unicodeScalars.count > limit
  // The end of a path is what tells paths apart.
  let keepsEnd = isLong && text.contains("/") && !text.contains(" ")
  let shown =
    keepsEnd
    ? text.unicodeScalars.suffix(limit - 1) : text.unicodeScalars.prefix(isLong ? limit - 1 : limit)
  var quoted = keepsEnd ? "'…" : "'"
  for scalar in shown {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse:
      quoted += "\\u{\(String(scalar.value, radix: 16))}"
    default: quoted.unicodeScalars.append(scalar)
    }
  }
  return quoted + (isLong && !keepsEnd ? "…'" : "'")
}
