import Model

/// A file to be written, piece by piece.
struct NewFile {
  var path: String
  var write: (inout ByteSink) throws -> Void

  init(_ path: String, write: @escaping (inout ByteSink) throws -> Void) {
    self.path = path
    self.write = write
  }

  init(_ path: String, text: String) { self.init(path) { $0.append(text) } }
}

/// Writes files whole or not at all: each appears under its name when all of them are on the disk.
/// Pipes and devices are written to as they are.
func writeFiles(_ files: [NewFile], host: any Host) throws {
  // A text that was told to stop is not whole.
  try Interruption.check()
  var replacements: [(path: String, replacement: FileReplacement)] = []
  for file in files {
    try host.checkMayWrite(file.path)
    try writing(file.path) {
      let kind = kind(of: file.path)
      if kind != nil, kind != S_IFREG || ownDescriptor(of: file.path) != nil {
        try writeInPlace(file, host: host)
        return
      }
      let replacement = try FileReplacement(of: file.path)
      try writing(into: replacement.write, file.write)
      try replacement.finish()
      replacements.append((file.path, replacement))
    }
  }
  for (path, replacement) in replacements {
    try writing(path) { try replacement.takePlace() }
  }
}

/// Says at once what would fail at the end of long work.
func checkCanWrite(_ path: String, host: any Host) throws {
  try host.checkMayWrite(path)
  try writing(path) {
    let target = try resolvedLinks(path)
    let kind = kind(of: target)
    if kind == S_IFDIR { throw SystemError(code: EISDIR) }
    if kind != nil, access(target, W_OK) != 0 { throw SystemError(code: errno) }
    if kind == nil || kind == S_IFREG, access(target.withoutLastPart + "/", W_OK) != 0 {
      throw SystemError(code: errno)
    }
  }
}

/// File, folder, pipe…; nil where there is nothing.
private func kind(of path: String) -> mode_t? { fileStatus(of: path).map { $0.st_mode & S_IFMT } }

/// Standard output or standard error, where it goes to this file: what is still to be printed must
/// not go to one that was replaced. A device can be opened as often as one likes.
private func ownDescriptor(of path: String) -> Int32? {
  guard let named = fileStatus(of: path), named.st_mode & S_IFMT != S_IFCHR else { return nil }
  return [STDOUT_FILENO, STDERR_FILENO].first {
    var opened = stat()
    return fstat($0, &opened) == 0 && opened.st_ino == named.st_ino
      && opened.st_dev == named.st_dev
  }
}

private func writeInPlace(_ file: NewFile, host: any Host) throws {
  host.flush()
  if let descriptor = ownDescriptor(of: file.path) {
    return try writing(into: { try check(writeAll($0, to: descriptor)) }, file.write)
  }
  let descriptor = try openForWriting(file.path)
  defer { close(descriptor) }
  try writing(
    into: { bytes in
      let code = writeAll(bytes, to: descriptor) {
        Interruption.requested.load(ordering: .relaxed)
      }
      try Interruption.check()
      try check(code)
    }, file.write)
}

/// Opens a pipe or a device. Waits for a reader of a pipe that nobody reads, until Ctrl-C.
private func openForWriting(_ path: String) throws -> Int32 {
  while true {
    let descriptor = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
    if descriptor >= 0 { return descriptor }
    guard errno == ENXIO, kind(of: path) == S_IFIFO else { throw SystemError(code: errno) }
    usleep(20_000)
    try Interruption.check()
  }
}

private func check(_ code: Int32) throws {
  if code != 0 { throw SystemError(code: code) }
}

/// Says of a refusal which file it is about, and how to mend it.
private func writing(_ path: String, _ body: () throws -> Void) throws {
  do {
    try body()
  } catch let error as SystemError {
    throw Failure("'\(path)' cannot be written: \(error.reason)", help: help(error.code, path))
  }
}

private func help(_ code: Int32, _ path: String) -> String? {
  switch code {
  case ENOENT, ENOTDIR: "there is no folder '\(path.withoutLastPart)'"
  case EACCES, EPERM, EROFS: "choose a file and a folder that you may write to"
  case ENOSPC, EDQUOT: "make room, or choose a folder on another disk; an old file is kept"
  case EFBIG: "raise the limit, `ulimit -f`; an old file is kept"
  case EISDIR: "name a file in it"
  default: nil
  }
}
