import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// What was typed, kept between sessions: one line an entry, added to by any number of processes
/// at once. Whoever writes holds the file's lock and makes sure that it still is the file of that
/// name, so nothing goes to one that has just been replaced.
struct HistoryFile: Sendable {
  var path: String
  /// How many entries are kept.
  var limit: Int

  static let defaultLimit = 10_000

  struct Failure: Error, Equatable {
    var message: String
  }

  init(path: String, limit: Int = defaultLimit) {
    self.path = path
    self.limit = limit
  }

  /// SUMMAND_HISTORY, or `summand/history` in the person's state folder. Nil where SUMMAND_HISTORY
  /// is empty, or there is no home.
  init?(environment: Environment) {
    if let stated = environment.raw("SUMMAND_HISTORY") {
      if stated.isEmpty { return nil }
      self.init(path: stated)
      return
    }
    let state = environment["XDG_STATE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    guard let folder = state ?? environment.home.map({ $0 + "/.local/state" }) else { return nil }
    self.init(path: folder + "/summand/history")
  }

  /// The entries, oldest first, each text once at its latest place. A file with far more lines
  /// than are kept is cut down on this occasion.
  func load() throws(Failure) -> [HistoryEntry] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      if errno == ENOENT { return [] }
      throw failure("read", errno)
    }
    defer { close(descriptor) }
    guard size(of: descriptor) != nil else { return [] }
    let (entries, _, lineCount) = parse(try contents(of: descriptor))
    // Where only reading is allowed, the long file does no harm.
    if lineCount > limit + limit / 4 { try? trim() }
    return entries
  }

  /// Adds one entry at the end.
  func append(_ entry: HistoryEntry) throws(Failure) {
    try withLockedFile { descriptor throws(Failure) in
      let mending = endsMidLine(descriptor) ? "\n" : ""
      let line = Array("\(mending)\(entry.fileLine)\n".utf8)
      let end = size(of: descriptor)
      // One write: a reader never sees half an entry.
      let written = write(descriptor, line, line.count)
      guard written == line.count else {
        // Where there was room for a part of it only, the next write says what is wrong.
        let code = written < 0 ? errno : ENOSPC
        if written > 0, let end { ftruncate(descriptor, end) }
        throw failure("write", code)
      }
    }
  }

  /// Replaces the file by one that holds what `load` would give, and lines that it cannot read.
  private func trim() throws(Failure) {
    try withLockedFile { descriptor throws(Failure) in
      let kept = parse(try contents(of: descriptor)).kept
      do throws(SystemError) {
        let replacement = try FileReplacement(of: path, mode: 0o600)
        try replacement.write(kept.flatMap { $0 + [UInt8(ascii: "\n")] })
        try replacement.finish()
        try replacement.takePlace()
      } catch {
        throw failure("write", error.code)
      }
    }
  }

  /// The latest lines, each entry once. A line that cannot be recalled is somebody's all the same.
  private func parse(_ bytes: [UInt8]) -> (
    entries: [HistoryEntry], kept: [ArraySlice<UInt8>], lineCount: Int
  ) {
    let lines = bytes.split(separator: UInt8(ascii: "\n"))
    var seen: Set<String> = []
    var entries: [HistoryEntry] = []
    var kept: [ArraySlice<UInt8>] = []
    for line in lines.reversed() where kept.count < limit {
      if let entry = HistoryEntry(fileLine: line) {
        guard seen.insert(entry.text).inserted else { continue }
        entries.append(entry)
      }
      kept.append(line)
    }
    return (entries.reversed(), kept.reversed(), lines.count)
  }

  private func withLockedFile(_ body: (Int32) throws(Failure) -> Void) throws(Failure) {
    makeFolder()
    while true {
      let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
      guard descriptor >= 0 else { throw failure("write", errno) }
      defer {
        // Closing alone would not free it while a process that is just being started has it open too.
        flock(descriptor, LOCK_UN)
        close(descriptor)
      }
      // A file system without locks still has the one write.
      while flock(descriptor, LOCK_EX) != 0 && errno == EINTR {}
      guard isStillNamed(descriptor) else { continue }
      return try body(descriptor)
    }
  }

  private func isStillNamed(_ descriptor: Int32) -> Bool {
    var opened = stat()
    var named = stat()
    return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }

  private func size(of descriptor: Int32) -> off_t? {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return status.st_size
  }

  /// Whether a process died while it wrote the last line.
  private func endsMidLine(_ descriptor: Int32) -> Bool {
    guard let size = size(of: descriptor), size > 0 else { return false }
    var last: UInt8 = 0
    return pread(descriptor, &last, 1, size - 1) == 1 && last != UInt8(ascii: "\n")
  }

  private func contents(of descriptor: Int32) throws(Failure) -> [UInt8] {
    do {
      return try readAll(descriptor, limit: 1 << 28)
    } catch {
      throw Failure(message: "cannot read the history, \(path): \(error.message)")
    }
  }

  /// Makes the folders that the path needs, private to the person, as far as they are missing.
  private func makeFolder() {
    var end = path.startIndex
    while let slash = path[end...].dropFirst().firstIndex(of: "/") {
      mkdir(String(path[..<slash]), 0o700)
      end = slash
    }
  }

  private func failure(_ action: String, _ code: Int32) -> Failure {
    Failure(message: "cannot \(action) the history, \(path): \(systemMessage(code))")
  }
}
