import Foundation
import Testing

@testable import summand

/// The prompt on a terminal of its own, in a process of its own, over the stand-in language.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct PromptTests {
  @Test func takesUnicodeAndEndsWithControlD() async throws {
    try await prompting { terminal in
      let greeting = try terminal.wait(for: "summand> ")
      try terminal.check(greeting.contains("help"))
      try terminal.check(greeting.split(separator: "\n").count <= 2)
      terminal.type("héllo 日本 🙂\r")
      try terminal.wait(for: "[héllo 日本 🙂]\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func takesUnicodeInALocaleWithout() async throws {
    try await prompting(environment: ["LC_ALL": "C"]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("é日\r")
      try terminal.wait(for: "[é日]\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func goesOnAfterAnErrorAndEndsWithExit() async throws {
    try await prompting { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("fail\r")
      try terminal.wait(for: "error: it failed\nsummand> ")
      terminal.type(" exit \r")
    }
  }

  @Test func asksForTheRestOfAnEntry() async throws {
    try await prompting { terminal in
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
  }

  @Test func controlCDropsTheLine() async throws {
    try await prompting { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("to be dropped\u{1}\u{3}")
      try terminal.wait(for: "^C\nsummand> ")
      terminal.type("kept\r")
      try terminal.wait(for: "[kept]\nsummand> ")
      terminal.type("\u{3}")
      try terminal.wait(for: "^C\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func controlCEndsWork() async throws {
    try await prompting { terminal in
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
  }

  @Test func unheardControlCEndsTheProcess() async throws {
    let start = ContinuousClock.now
    try await prompting(endsWith: 130) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("stubborn 60\r")
      try terminal.wait(for: "work ━")
      terminal.type("\u{3}")
      // The echo is the terminal's. Two signals that the process has not seen yet are one.
      try terminal.wait(for: "^C")
      for _ in 1...3 { try terminal.wait(for: "work ") }
      terminal.type("\u{3}")
    }
    #expect(ContinuousClock.now - start < .seconds(15))
  }

  @Test func pastedLinesWaitForEnter() async throws {
    try await prompting { terminal in
      try terminal.wait(for: "summand> ")
      try terminal.check(String(decoding: terminal.output, as: UTF8.self).contains("\u{1B}[?2004h"))
      terminal.type("x \u{1B}[200~one\r\ntwö\u{1B}[31m\rthree\r\u{1B}[201~")
      try terminal.wait(for: "three")
      terminal.type("!\r")
      try terminal.wait(for: "[x one]\n[twö[31m]\n[three!]\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func aLongPasteArrivesWhole() async throws {
    let lines = (0..<2000).map { "line \($0) é" }.joined(separator: "\r")
    try await prompting { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("\u{1B}[200~\(lines)\u{1B}[201~")
      try terminal.wait(for: "line 1999 é")
      terminal.type("\r")
      try terminal.wait(for: "[line 0 é]\n[line 1 é]")
      try terminal.wait(for: "[line 1999 é]\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func modelIsLoadedAndNamedByThePrompt() async throws {
    try await prompting(["--model", "smöl"], environment: ["SUMMAND_MODEL": "other"]) { terminal in
      try terminal.wait(for: "smöl> ")
      terminal.type("\u{4}")
    }
  }

  @Test(arguments: [("auto", "", true), ("auto", "1", false), ("never", "", false)])
  func promptIsColouredWhereItMayBe(when: String, noColor: String, isColoured: Bool) async throws {
    try await prompting(["--color", when], environment: ["NO_COLOR": noColor]) { terminal in
      try terminal.wait(for: "summand> ")
      let raw = String(decoding: terminal.output, as: UTF8.self)
      try terminal.check(raw.contains("msummand\u{1B}[0m>") == isColoured)
      terminal.type("\u{4}")
    }
  }
}
