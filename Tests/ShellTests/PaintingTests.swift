import Foundation
import Testing

/// Colours and hints while a line is typed, on a terminal with the built program.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct PaintingTests {
  private func raw(_ terminal: PseudoTerminal) -> String {
    String(decoding: terminal.output, as: UTF8.self)
  }

  @Test func wordsAreColouredByWhatTheyAre() async throws {
    try await onTerminal([]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("[1] | take 1 # é日")
      try terminal.waitForBytes("\u{1B}[38;5;73mtake\u{1B}[0m")
      try terminal.waitForBytes("\u{1B}[38;5;68m1\u{1B}[0m")
      try terminal.waitForBytes("\u{1B}[2m# é日\u{1B}[0m")
      terminal.type("\u{15}[1] | tak 1")
      try terminal.waitForBytes("\u{1B}[1;38;5;160mtak\u{1B}[0m")
      // An open bracket is marked until it is closed.
      terminal.type("\u{15}length([1]")
      try terminal.waitForBytes("\u{1B}[1;38;5;160m(\u{1B}[0m")
      terminal.type(")\r")
      try terminal.wait(for: "\n1\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  /// From the history first; Right takes it, and nothing of it stays where it is not taken.
  @Test func hintsAreTakenWithRight() async throws {
    try await onTerminal([]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("40 + 2\r")
      try terminal.wait(for: "42\nsummand> ")
      terminal.type("40")
      try terminal.waitForBytes("\u{1B}[2m + 2\u{1B}[0m")
      terminal.type("\u{1B}[C\r")
      try terminal.wait(for: "\n42\nsummand> ")
      // Not taken, it does not run.
      terminal.type("40\r")
      try terminal.wait(for: "\n40\nsummand> ")
      // The only word that Tab would take.
      terminal.type("vars | summar")
      try terminal.waitForBytes("\u{1B}[2my \u{1B}[0m")
      terminal.type("\u{1B}[C\u{15}7\r")
      try terminal.wait(for: "\n7\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  /// In the middle of a line, in one that is wider than the terminal, and on a narrow one.
  @Test(arguments: [UInt16(40), 80, 200])
  func whatIsTypedIsWhatRuns(columns: UInt16) async throws {
    try await onTerminal([]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.resize(rows: 24, columns: columns)
      let long = "\"" + String(repeating: "日本 é ", count: 30) + "\""
      terminal.type(long + "\u{1}\u{5}\u{1B}[D\u{1B}[Dx\r")
      try terminal.wait(for: "éx \nsummand> ", seconds: 20)
      terminal.type("1 + 1\u{1}\u{1B}[C0\u{5}\r")
      try terminal.wait(for: "\n11\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test(arguments: [["NO_COLOR": "1"], ["TERM": "dumb"]])
  func nothingIsPaintedWhereItMayNot(environment: [String: String]) async throws {
    try await onTerminal([], environment: environment) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("40 + 2\r")
      try terminal.wait(for: "42\nsummand> ")
      terminal.type("40\r")
      try terminal.wait(for: "40\nsummand> ")
      try terminal.check(!raw(terminal).contains("\u{1B}7"))
      terminal.type("\u{4}")
    }
  }

  /// Twenty lines at once are not painted line by line, and run as they are.
  @Test func pasteOfTwentyLines() async throws {
    let lines = (1...20).map { "\($0) + 100" }.joined(separator: "\r")
    try await onTerminal([]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("\u{1B}[200~\(lines)\u{1B}[201~")
      try terminal.wait(for: "20 + 100")
      terminal.type("\r")
      try terminal.wait(for: "101\n")
      try terminal.wait(for: "120\nsummand> ")
      terminal.type("\u{4}")
    }
  }
}
