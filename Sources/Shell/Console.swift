import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// The process's way out: data to standard output, everything else to standard error, each in its
/// order, and no progress line in between.
final class Console: Sendable {
  private let output: Output
  private let progressLine: ProgressLine

  init(terminal: Terminal) {
    output = Output(
      descriptor: STDOUT_FILENO, isTerminal: terminal.isTerminal(.output),
      failed: Console.endProcess)
    progressLine = ProgressLine(
      isEnabled: terminal.hasEscapes && terminal.isTerminal(.error),
      width: { Terminal.size(of: STDERR_FILENO)?.columns ?? 80 },
      draw: { _ = writeAll($0.utf8, to: STDERR_FILENO) })
  }

  /// Data, as it is.
  func write(_ text: String) {
    progressLine.erase()
    output.write(text)
  }

  /// A message, as it is, after the data that came before it.
  func report(_ text: String) {
    progressLine.erase()
    output.flush()
    _ = writeAll(text.utf8, to: STDERR_FILENO)
  }

  /// A part of a message: perhaps not even a whole character.
  func stream(_ bytes: [UInt8]) {
    progressLine.erase()
    output.flush()
    _ = writeAll(bytes, to: STDERR_FILENO)
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

  @Sendable private static func endProcess(code: Int32) {
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
