import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// `$VISUAL` or `$EDITOR`, for an entry that is easier written there.
struct ExternalEditor {
  let command: String

  init(environment: Environment) {
    command = environment["VISUAL"] ?? environment["EDITOR"] ?? "vi"
  }

  /// The text as it is after it was edited, without line ends at its end.
  ///
  /// - Throws: `Failure` where the editor cannot be started, or fails.
  func edit(_ text: String) throws -> String {
    let folder = try temporaryFolder()
    let path = folder + "/entry.summand"
    defer {
      unlink(path)
      rmdir(folder)
    }
    try write(text + "\n", to: path)
    guard try TerminalProgram.run(command, argument: path) == 0 else {
      throw Failure(
        "the editor `\(command)` failed: nothing was run", help: "set $EDITOR to another one")
    }
    let source = try ScriptFile.file(path)
    guard var edited = String(validating: source.bytes, as: UTF8.self) else {
      throw Failure("what was edited is not UTF-8 text: nothing was run")
    }
    while edited.last?.isNewline == true { edited.removeLast() }
    return edited
  }

  private func temporaryFolder() throws -> String {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array((base + "/summand-XXXXXX").utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure("cannot make a folder in \(base): \(systemMessage(errno))")
    }
    return String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private func write(_ text: String, to path: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Failure("cannot write \(path): \(systemMessage(errno))") }
    defer { close(descriptor) }
    let code = writeAll(text.utf8, to: descriptor)
    if code != 0 { throw Failure("cannot write \(path): \(systemMessage(code))") }
  }
}
