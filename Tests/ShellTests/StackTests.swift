import Foundation
import Testing

/// However little stack the process is given, a line that nests ends with an error.
@Suite struct StackTests {
  private static let texts = [
    "def f(x) { 1 + abs(abs(abs(abs([[f(x)][0]][0])))) }\nf(1)",
    "def f(x) { if true { for i in [1] { f(x) } } }\nf(1)",
    "def f(x) { x | f }\nf(1)",
    "1" + String(repeating: " + 1", count: 900),
    String(repeating: "(", count: 190) + "1" + String(repeating: ")", count: 190),
    String(repeating: "if true { ", count: 95) + "1" + String(repeating: " }", count: 95),
  ]

  @Test(arguments: texts, ["unlimited", "8192", "1024", "128"])
  func nestingNeedsNoStackOfTheSystem(text: String, limit: String) async throws {
    let outcome = try await BuiltProgram.run(
      "/bin/sh", ["-c", "ulimit -s \(limit); summand -"], input: text)
    #expect(outcome.status <= 1, "\(outcome.status): \(outcome.messages)")
    if outcome.status == 1 { #expect(outcome.messages.contains("calls are nested too deeply")) }
  }

  /// Where the address space is short, the stack is too, and what runs on it notices.
  @Test(arguments: [texts[0], texts[1]])
  func aSmallStackIsNoticed(text: String) async throws {
    let outcome = try await BuiltProgram.run(
      "/bin/sh", ["-c", "ulimit -v 600000; summand -"], input: text)
    #expect(outcome.status == 1, "\(outcome.status): \(outcome.messages)")
    #expect(outcome.messages.contains("calls are nested too deeply"))
  }

  /// Every script of a chain reads the next.
  @Test func scriptsThatReadScriptsEndBeforeTheStack() async throws {
    try await withTemporaryFolder { folder in
      let count = 3000
      for index in 0..<count {
        try Data("if true { source \"\(index + 1).summand\" }\n".utf8)
          .write(to: URL(fileURLWithPath: "\(folder)/\(index).summand"))
      }
      try Data("\"the end\"\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/\(count).summand"))
      let outcome = try await BuiltProgram.shell("ulimit -v 600000; summand \(folder)/0.summand")
      // With a stack this small it may be a script of the chain that cannot be parsed any more.
      #expect([0, 1, 3].contains(outcome.status), "\(outcome.messages.prefix(2000))")
      #expect(outcome.status == 0 || outcome.messages.contains("nested too deeply"))
    }
  }
}
