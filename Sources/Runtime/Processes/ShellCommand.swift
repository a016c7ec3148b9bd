import Lang
import Model
import Synchronization

/// `!`: the rest of the line in `sh`, with the table on its input, a line a row. What it prints goes
/// where this process prints.
struct ShellCommand {
  let session: Session

  func run(_ command: String, input: Value) throws -> Value {
    guard session.host.confinement == nil else {
      throw Failure("--safe forbids commands after `!`", help: "run without --safe")
    }
    let text = try inputText(input)
    try Interruption.check()
    session.host.flush()
    let pipe = try Pipe()
    let isAlone = !Self.terminalTellsAll
    let ending = try session.host.lendTerminal {
      let child = try start(command, input: pipe.reading, leadsGroup: isAlone)
      pipe.closeReading()
      return try feed(Array(text.utf8), to: child, through: pipe) {
        // SIGTERM and SIGHUP came to this process alone, whether there is a terminal or not.
        let ending = Interruption.ending.load(ordering: .relaxed)
        if ending != 0 {
          child.sendToAll(ending)
        } else if isAlone {
          child.send(SIGINT)
        }
      }
    }
    guard ending == .exited(0) else {
      throw Failure("`\(excerpt(command.trimmed))` \(Self.text(of: ending))")
    }
    return .nothing
  }

  /// Shows a text in the pager, until that has ended.
  func show(_ text: String, in pager: String) throws {
    session.host.flush()
    let pipe = try Pipe()
    let ending = try session.host.lendTerminal {
      let child = try start(pager, input: pipe.reading, leadsGroup: false)
      pipe.closeReading()
      return try feed(Array(text.utf8), to: child, through: pipe, interrupted: {})
    }
    switch ending {
    case .exited(126), .exited(127):
      throw Failure(
        "the pager `\(excerpt(pager))` cannot be started", help: "set $PAGER, or `set pager off`")
    case .exited, .killed: return
    }
  }

  private func inputText(_ input: Value) throws -> String {
    switch input {
    case .nothing: return ""
    case .table(let value):
      return render(value.table, as: .escaped, settings: session.renderSettings)
    case .prompts(let set):
      return render(set.listing, as: .escaped, settings: session.renderSettings)
    case let other: return (other.shortText ?? "") + "\n"
    }
  }

  private func start(_ command: String, input: Int32, leadsGroup: Bool) throws -> Child {
    do {
      return try Child(
        "/bin/sh", ["-c", "--", command], streams: Child.Streams(input: input),
        leadsGroup: leadsGroup)
    } catch let error as Child.NotStarted {
      throw Failure("cannot start sh: \(error.reason)")
    }
  }

  /// Writes until the command has everything, or stops reading: `head` is free to. Then waits for it.
  ///
  /// - Parameter interrupted: called for each Ctrl-C, and for SIGTERM and SIGHUP.
  /// - Throws: `Interruption.Stopped` once the command has ended, where Ctrl-C came meanwhile.
  private func feed(
    _ bytes: [UInt8], to child: Child, through pipe: Pipe, interrupted: () -> Void
  ) throws -> Child.Ending {
    // So that a command that does not read cannot hold up Ctrl-C.
    _ = fcntl(pipe.writing, F_SETFL, O_NONBLOCK)
    var rest = bytes[...]
    var pause: UInt32 = 500
    var isStopped = false
    if rest.isEmpty { pipe.closeWriting() }
    while true {
      if let ending = child.endingSoFar() {
        if isStopped { throw Interruption.Stopped() }
        // A Ctrl-C may have ended the command before it was noticed here.
        try Interruption.check()
        return ending
      }
      // Each Ctrl-C is the command's. Left standing, a second one would end this process.
      if Interruption.requested.exchange(false, ordering: .sequentiallyConsistent) {
        interrupted()
        isStopped = true
      }
      if rest.isEmpty {
        usleep(pause)
        pause = min(2 * pause, 20_000)
        continue
      }
      rest = Self.push(rest, into: pipe.writing)
      if rest.isEmpty { pipe.closeWriting() }
    }
  }

  /// Writes what the pipe takes within some milliseconds.
  /// - Returns: the rest; empty where nobody reads any more.
  private static func push(_ bytes: ArraySlice<UInt8>, into descriptor: Int32) -> ArraySlice<UInt8>
  {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard poll(&waiting, 1, 20) > 0 else { return bytes }
    let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    if written < 0 { return errno == EAGAIN || errno == EINTR ? bytes : [] }
    return bytes.dropFirst(written)
  }

  /// Whether Ctrl-C goes to the command without our help, to all that it starts: the terminal sends
  /// it to the group in the foreground. Without a terminal it is passed on, to a group of its own.
  private static var terminalTellsAll: Bool {
    [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO].contains { tcgetpgrp($0) == getpgrp() }
  }

  private static func text(of ending: Child.Ending) -> String {
    switch ending {
    case .killed(let signal): return "was killed by \(signalName(signal))"
    case .exited(126): return "ended with status 126: not executable"
    case .exited(127): return "ended with status 127: command not found"
    // `sh` reports a signal of a command in it so.
    case .exited(let status) where (129..<160).contains(status):
      return "ended with status \(status): killed by \(signalName(status - 128))"
    case .exited(let status): return "ended with status \(status)"
    }
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
