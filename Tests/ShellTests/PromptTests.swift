import Foundation
import Testing

@testable import summand

/// The prompt on a terminal of its own, in a process of its own, over the stand-in language.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct PromptTests {
  @Test func takesUnicodeAndEndsWithControlD() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      let greeting = try terminal.wait(for: "summand> ")
      try terminal.check(greeting.contains("help"))
      try terminal.check(greeting.split(separator: "\n").count <= 2)
      terminal.type("héllo 日本 🙂\r")
      try terminal.wait(for: "[héllo 日本 🙂]\nsummand> ")
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path)
    }
    try await typing.value
  }

  @Test func takesUnicodeInALocaleWithout() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("é日\r")
      try terminal.wait(for: "[é日]\nsummand> ")
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path, environment: ["LC_ALL": "C"])
    }
    try await typing.value
  }

  @Test func goesOnAfterAnErrorAndEndsWithExit() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("fail\r")
      try terminal.wait(for: "error: it failed\nsummand> ")
      terminal.type(" exit \r")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path)
    }
    try await typing.value
  }

  @Test func asksForTheRestOfAnEntry() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("a (\r")
      // The indentation is typed already, and may be taken back.
      try terminal.wait(for: "    ...>   ")
      terminal.type("b\r")
      try terminal.wait(for: "    ...>   ")
      terminal.type("\u{8}\u{8})\r")
      try terminal.wait(for: "[a (]\n[  b]\n[)]\nsummand> ")
      // What is not whole can be dropped, and can be run as it is.
      terminal.type("c |\r")
      try terminal.wait(for: "    ...> ")
      terminal.type("d\u{3}")
      try terminal.wait(for: "^C\nsummand> ")
      terminal.type("e |\r")
      try terminal.wait(for: "    ...> ")
      terminal.type("\u{4}")
      try terminal.wait(for: "[e |]\nsummand> ")
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path)
    }
    try await typing.value
  }

  @Test func controlCDropsTheLine() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("to be dropped\u{1}\u{3}")
      try terminal.wait(for: "^C\nsummand> ")
      terminal.type("kept\r")
      try terminal.wait(for: "[kept]\nsummand> ")
      terminal.type("\u{3}")
      try terminal.wait(for: "^C\nsummand> ")
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path)
    }
    try await typing.value
  }

  @Test func controlCEndsWork() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("work 30\r")
      // The progress line comes by itself, and leaves nothing behind.
      try terminal.wait(for: "work ━")
      terminal.type("\u{3}")
      try terminal.wait(for: "interrupted\nsummand> ")
      try terminal.check(
        String(decoding: terminal.output, as: UTF8.self).contains("\r\u{1B}[Kinterrupted"))
      terminal.type("next\r")
      try terminal.wait(for: "[next]\nsummand> ")
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path)
    }
    try await typing.value
  }

  @Test func unheardControlCEndsTheProcess() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("stubborn 60\r")
      try terminal.wait(for: "work ━")
      terminal.type("\u{3}")
      // The echo is the terminal's. Two signals that the process has not seen yet are one.
      try terminal.wait(for: "^C")
      for _ in 1...3 { try terminal.wait(for: "work ") }
      terminal.type("\u{3}")
    }
    let start = ContinuousClock.now
    await #expect(processExitsWith: .exitCode(130)) { [path = terminal.path as String] in
      runStandInPrompt(on: path)
    }
    #expect(ContinuousClock.now - start < .seconds(15))
    try await typing.value
  }

  @Test func pastedLinesWaitForEnter() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      try terminal.check(String(decoding: terminal.output, as: UTF8.self).contains("\u{1B}[?2004h"))
      terminal.type("x \u{1B}[200~one\r\ntwö\u{1B}[31m\rthree\r\u{1B}[201~")
      try terminal.wait(for: "three")
      terminal.type("!\r")
      try terminal.wait(for: "[x one]\n[twö[31m]\n[three!]\nsummand> ")
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path)
    }
    try await typing.value
  }

  @Test func aLongPasteArrivesWhole() async throws {
    let terminal = try PseudoTerminal()
    let lines = (0..<2000).map { "line \($0) é" }.joined(separator: "\r")
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("\u{1B}[200~\(lines)\u{1B}[201~")
      try terminal.wait(for: "line 1999 é")
      terminal.type("\r")
      try terminal.wait(for: "[line 0 é]\n[line 1 é]")
      try terminal.wait(for: "[line 1999 é]\nsummand> ")
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path)
    }
    try await typing.value
  }

  @Test func modelIsLoadedAndNamedByThePrompt() async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "smöl> ")
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) { [path = terminal.path as String] in
      runStandInPrompt(on: path, ["--model", "smöl"], environment: ["SUMMAND_MODEL": "other"])
    }
    try await typing.value
  }

  @Test(arguments: [("auto", "", true), ("auto", "1", false), ("never", "", false)])
  func promptIsColouredWhereItMayBe(when: String, noColor: String, isColoured: Bool) async throws {
    let terminal = try PseudoTerminal()
    let typing = atKeyboard(of: terminal) { terminal in
      try terminal.wait(for: "summand> ")
      let raw = String(decoding: terminal.output, as: UTF8.self)
      try terminal.check(raw.contains("msummand\u{1B}[0m>") == isColoured)
      terminal.type("\u{4}")
    }
    await #expect(processExitsWith: .success) {
      [path = terminal.path as String, when = when as String, noColor = noColor as String] in
      runStandInPrompt(on: path, ["--color", when], environment: ["NO_COLOR": noColor])
    }
    try await typing.value
  }
}
