import Lang
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A host that keeps what a session writes.
final class TestHost: Host {
  /// Standard output.
  private(set) var output = ""
  /// Standard error.
  private(set) var messages = ""
  /// What a person who watches saw being made.
  var streamed: [UInt8] = []
  var format: OutputFormat
  var settings = RenderSettings(unicode: true)
  let messageStyle = DiagnosticStyle.plain
  let threads = 2
  let version = "1.2.3"
  var memory = 1 << 30
  let environment: [String: String]
  var history: [(time: Int?, text: String)] = []
  /// The rows, counted once a layer, that were computed: what progress was told of.
  private(set) var rowsRun = 0
  private var finished = 0

  init(
    format: OutputFormat = .plain,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    self.format = format
    self.environment = environment
  }

  func environmentVariable(_ name: String) -> String? { environment[name] }
  /// The folder and the memory are those of all tests.
  func changeDirectory(to path: String) {}
  func allowMemory(_ bytes: Int) {}
  func memory(besides weights: Int) -> Int { memory }
  func write(_ bytes: [UInt8]) { output += String(decoding: bytes, as: UTF8.self) }
  func write(styled text: String) { output += text }
  func report(_ text: String) { messages += text }
  func flush() {}
  func stream(_ bytes: [UInt8]) { streamed += bytes }
  func progress(done: Int, total: Int, label: String) { finished = done }

  func finishProgress() {
    rowsRun += finished
    finished = 0
  }

  func forgetProgress() { rowsRun = 0 }

  /// What was written since the last time this was asked, as (standard output, standard error).
  func take() -> (output: String, messages: String) {
    defer { (output, messages) = ("", "") }
    return (output, messages)
  }
}

extension Session {
  /// Runs a text as a script, or as what was typed at the prompt, and hands back how it ended and what
  /// it wrote. The session must have a `TestHost`.
  func running(_ text: String, name: String = "test", interactive: Bool = false) -> (
    status: Runtime.ExitStatus, output: String, messages: String
  ) {
    let status = run(SourceText(name: name, text: text), interactive: interactive)
    let written =
      (host as? TestHost)?.take() ?? (output: "", messages: "the session's host is no TestHost")
    return (status, written.output, written.messages)
  }
}
