import Foundation
import TestSupport
import Testing

/// The `summand` that was built with the tests, run from outside as anybody runs it.
enum BuiltProgram {
  struct Outcome {
    var status: Int32
    /// Standard output.
    var output: String
    /// Standard error.
    var messages: String
    /// From its start to its end.
    var time: Duration
    /// The processor time that it took from the signal to its end, where one was sent. Unlike the time
    /// by the clock, it does not depend on what else the machine does.
    var answer: Duration?
  }

  /// Beside the tests' own executable, or the bundle that it lies in: among the arguments of this
  /// process, on Linux the first, on macOS one for the loader of bundles.
  static let path: String = {
    let tests = ProcessInfo.processInfo.arguments.first { $0.contains(".xctest") } ?? ""
    let products = tests.prefix(upTo: tests.firstRange(of: ".xctest")?.lowerBound ?? tests.endIndex)
    return URL(fileURLWithPath: String(products)).deletingLastPathComponent()
      .appending(path: "summand").path
  }()

  static let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path

  /// The default model, as `--model` takes it.
  static let model: String = {
    let path = ProcessInfo.processInfo.environment["SUMMAND_TEST_MODEL"] ?? ""
    return path.isEmpty ? "smollm2" : path
  }()

  /// A model so small that it is there at once.
  static let tinyModel = Fixtures.path("tiny-gqa.F32.gguf")

  static let facts = packageRoot.appending(path: "Examples/facts/country.tsv").path

  /// What the machine says, and nothing of what the person says.
  static let usualEnvironment: [String: String] = {
    let own = ProcessInfo.processInfo.environment
    let kept = own.filter { ["HOME", "XDG_CACHE_HOME", "TMPDIR"].contains($0.key) }
    let said = [
      "PATH": folder + ":" + (own["PATH"] ?? "/usr/bin:/bin"), "LANG": "C.UTF-8",
      "SUMMAND_HISTORY": "",
    ]
    return kept.merging(said) { $1 }
  }()

  /// Runs `summand` with these arguments to its end.
  static func run(
    _ arguments: [String], input: String? = nil, environment: [String: String] = [:]
  ) async throws -> Outcome {
    try await run(path, arguments, input: input, environment: environment)
  }

  /// Runs a line of `sh`, for which `summand` is the built one.
  static func shell(_ line: String, environment: [String: String] = [:]) async throws -> Outcome {
    try await run("/bin/sh", ["-c", line], environment: environment)
  }

  /// - Parameters:
  ///   - interruptAfter: what standard error says before the signal is sent.
  ///   - signal: Ctrl-C's, or another.
  ///   - work: how much processor time must have gone by since then, unless it waits for something.
  ///   - interruptWhen: what else must be true before it is.
  static func run(
    _ executable: String, _ arguments: [String], input: String? = nil,
    environment: [String: String] = [:], interruptAfter mark: String? = nil,
    work: Duration = .zero, interruptWhen isTime: @Sendable () throws -> Bool = { true },
    signal: Int32 = SIGINT
  ) async throws -> Outcome {
    try await withTemporaryFolder { folder in
      // Files, unlike pipes, never fill up.
      let files = ["in", "out", "err"].map { folder + "/" + $0 }
      try Data((input ?? "").utf8).write(to: URL(fileURLWithPath: files[0]))
      let process = try ChildProcess(
        executable, arguments, environment: usualEnvironment.merging(environment) { $1 },
        input: files[0], output: files[1], error: files[2])
      let start = ContinuousClock.now
      // Cancelled where it takes too long.
      var sent: Duration?
      let end = try await withTaskCancellationHandler {
        if let mark {
          while try !(text(of: files[2]).contains(mark) && isTime()) {
            try await Task.sleep(for: .milliseconds(20))
          }
          try await process.worked(for: work)
          sent = try process.processorTime()
          process.send(signal)
        }
        return await process.end()
      } onCancel: {
        process.send(SIGKILL)
      }
      return Outcome(
        status: end.status, output: try text(of: files[1]), messages: try text(of: files[2]),
        time: end.time - start, answer: sent.map { end.processorTime - $0 })
    }
  }

  private static func text(of file: String) throws -> String {
    String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)), as: UTF8.self)
  }
}
