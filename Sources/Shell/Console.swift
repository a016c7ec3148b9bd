import Lang
import Runtime
import Synchronization

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The process's way out: data to standard output, everything else to standard error, each in its
/// order, and no progress line in between.
///
/// A terminal is given nothing that commands it but the colours of `Style`: what else would is shown
/// as a picture here, whoever wrote it. Pipes and files get the bytes.
final class Console: Sendable {
  private let output: Output
  private let progressLine: ProgressLine
  private let drawsOutput: Bool
  private let drawsMessages: Bool
  private let streamed = Mutex(StreamedText())
  let transcript = Transcript()

  /// - Parameter isQuiet: whether no progress is shown.
  init(terminal: Terminal, isQuiet: Bool = false) {
    drawsOutput = terminal.isTerminal(.output)
    drawsMessages = terminal.isTerminal(.error)
    output = Output(
      descriptor: STDOUT_FILENO, isTerminal: terminal.isTerminal(.output),
      failed: Console.endProcess)
    progressLine = ProgressLine(
      isEnabled: !isQuiet && terminal.hasEscapes && terminal.isTerminal(.error),
      width: { Terminal.size(of: STDERR_FILENO)?.columns ?? 80 },
      draw: { _ = writeUntilStopped($0.utf8, to: STDERR_FILENO) })
  }

  /// Data without styles.
  func write(_ bytes: [UInt8]) {
    progressLine.erase()
    transcribe(String(decoding: bytes, as: UTF8.self))
    output.write(
      drawsOutput ? Array(withPictures(String(decoding: bytes, as: UTF8.self)).utf8) : bytes)
  }

  /// Data with styles.
  func write(styled text: String) {
    progressLine.erase()
    transcribe(text)
    output.write(Array((drawsOutput ? withStylesAlone(text) : text).utf8))
  }

  /// A message, with styles, after the data that came before it.
  func report(_ text: String) {
    progressLine.erase()
    transcribe(text)
    output.flush()
    _ = writeUntilStopped((drawsMessages ? withStylesAlone(text) : text).utf8, to: STDERR_FILENO)
  }

  /// Adds to the transcript, if one is written; says so where it cannot go on.
  func transcribe(_ text: @autoclosure () -> String) {
    guard let problem = transcript.add(text()) else { return }
    report(withPictures("warning: \(problem)\n"))
  }

  /// A part of a text that is being made: perhaps not even a whole character.
  func stream(_ bytes: [UInt8]) {
    progressLine.erase()
    output.flush()
    let text = streamed.withLock { $0.shown(adding: bytes) }
    _ = writeUntilStopped(text.utf8, to: STDERR_FILENO)
  }

  func flush() {
    progressLine.erase()
    output.flush()
  }

  func progress(done: Int, total: Int, label: String) {
    progressLine.update(done: done, total: total, label: label)
  }

  func finishProgress() {
    progressLine.finish()
  }

  /// What is given up because of Ctrl-C ends the statement, not the process.
  @Sendable private static func endProcess(code: Int32) {
    if code == EINTR { return }
    exit(failure(toWrite: code).rawValue)
  }

  /// Nobody takes our data any more. A reader that went away wants no message.
  static func failure(toWrite code: Int32) -> ExitStatus {
    if code == EPIPE { return .brokenPipe }
    _ = writeAll(
      "summand: cannot write to standard output: \(systemMessage(code))\n".utf8, to: STDERR_FILENO)
    return .failed
  }
}
