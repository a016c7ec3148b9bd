import Foundation
import Testing

@testable import Runtime

/// The built program at a terminal, with the real language and the default model.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct TerminalTests {
  private static let model = BuiltProgram.model
  /// The prompt names the model.
  private static let prompt = ModelStore.shortName(of: model, asked: model) + "> "
  private static let continuation =
    String(repeating: " ", count: prompt.count - 5) + "...> "
  private static let question =
    "let louvre = prompt \"The {place:Louvre} is in the city of\" -> \" Paris\"\r"

  @Test func promptNamesTheModelAndControlDLeaves() async throws {
    try await onTerminal(["--model", Self.model]) { terminal in
      let greeting = try terminal.wait(for: Self.prompt)
      try terminal.check(greeting.split(separator: "\n").count <= 2)
      // Half a line is not left behind by mistake.
      terminal.type("1\u{1}\u{4}")
      terminal.type("20 + 2\r")
      try terminal.wait(for: "22\n" + Self.prompt)
      terminal.type("\u{4}")
    }
  }

  @Test func promptIsTheProgramsUntilAModelIsLoaded() async throws {
    try await onTerminal([], environment: ["SUMMAND_MODEL": ""]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("load missing\r")
      try terminal.wait(for: "no model or file 'missing'")
      try terminal.wait(for: "\nsummand> ")
      terminal.type("load \"\(Self.model)\"\r")
      try terminal.wait(for: "\n" + Self.prompt)
      terminal.type("exit\r")
    }
  }

  @Test func tabCompletesWhatTheSessionKnows() async throws {
    try await withFile("maße é.tsv", "word\tx\nvier\t4\n") { path in
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      try await onTerminal(["--model", Self.model], in: folder) { terminal in
        try terminal.wait(for: Self.prompt)
        terminal.type(Self.question)
        try terminal.wait(for: "\n" + Self.prompt)
        // A variable and a command.
        terminal.type("lou\t | toke\t| take 3 | where span == \"place\"\r")
        try terminal.wait(for: "\" Lou\"")
        try terminal.wait(for: "\n" + Self.prompt)
        // A command's option, with its summary where there are several.
        terminal.type("louvre | dla \t")
        let options = try terminal.wait(for: "\n" + Self.prompt)
        for option in ["by ", "on ", "of ", "centred "] {
          try terminal.check(options.contains("\n" + option))
        }
        terminal.type("b\thead | take 1 | select layer, head\r")
        try terminal.wait(for: "layer  head\n")
        try terminal.wait(for: "\n" + Self.prompt)
        // Components, as many as this model has, and a span of the prompt.
        terminal.type("louvre | ablate L2\t")
        let layers = try terminal.wait(for: "\n" + Self.prompt)
        try terminal.check(layers.contains("L29") && !layers.contains("L30"))
        terminal.type("9H8\t.z@pl\t | effect | select metric\r")
        try terminal.wait(for: "metric\n")
        try terminal.wait(for: "\n" + Self.prompt)
        // A file.
        terminal.type("(read \"ma\t\").x\r")
        try terminal.wait(for: "4")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("\u{4}")
      }
    }
  }

  @Test func openEntriesGoOnOnTheNextLine() async throws {
    try await onTerminal([]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("(1 +\r")
      try terminal.wait(for: "    ...>   ")
      terminal.type("41\r")
      try terminal.wait(for: "    ...>   ")
      terminal.type(") * 2\r")
      try terminal.wait(for: "84\nsummand> ")
      terminal.type("for i in 5..6 {\r")
      try terminal.wait(for: "    ...>   ")
      terminal.type("i * 11\r")
      try terminal.wait(for: "    ...>   ")
      terminal.type("}\r")
      try terminal.wait(for: "55\n66\nsummand> ")
      // Ctrl-D says that there is no more to come.
      terminal.type("[1, 2\r")
      try terminal.wait(for: "    ...>   ")
      terminal.type("\u{15}\u{4}")
      try terminal.wait(for: "this `[` is not closed")
      try terminal.wait(for: "\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func upLeadsBackToEarlierLines() async throws {
    try await onTerminal([]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("length([1,\r")
      try terminal.wait(for: "    ...> ")
      // All of it is one line to edit; the cursor is at the end of the one above.
      terminal.type("2\u{1B}[A")
      try terminal.wait(for: "summand> length([1,")
      terminal.type(" 7, 8,\r")
      try terminal.wait(for: "    ...> ")
      terminal.type("])\r")
      try terminal.wait(for: "\n4\nsummand> ")
      // On the first line of an entry Up still goes to the entry before: the whole one.
      terminal.type("\u{1B}[A\r")
      try terminal.wait(for: "\n4\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func controlCGivesThePromptBack() async throws {
    try await onTerminal(["--model", Self.model]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type(Self.question)
      try terminal.wait(for: "\n" + Self.prompt)
      // At the prompt, on a line and on one that goes on.
      terminal.type("nonsense\u{3}")
      try terminal.wait(for: "^C\n" + Self.prompt)
      terminal.type("louvre |\r")
      try terminal.wait(for: Self.continuation)
      terminal.type("\u{3}")
      try terminal.wait(for: "^C\n" + Self.prompt)
      // During work of the model, again, and of the language.
      for (work, sign) in [
        ("louvre | ablate each heads@* | effect", "━"),
        ("louvre | ablate each heads@* | effect", "━"),
        ("40 + 2; for i in 1..1000000 { for j in 1..1000000 { let x = j } }", "\n42\n"),
      ] {
        terminal.type(work + "\r")
        try terminal.wait(for: sign)
        terminal.type("\u{3}")
        try terminal.wait(for: "interrupted\n" + Self.prompt)
      }
      terminal.type("louvre | rank | select rank\r")
      try terminal.wait(for: "rank\n")
      try terminal.wait(for: "\n" + Self.prompt)
      terminal.type("\u{4}")
    }
  }

  /// The line goes on with the rows of the runs that were finished, and the statement ends.
  @Test func controlCKeepsWhatIsFinished() async throws {
    try await withTemporaryFolder { folder in
      try await onTerminal(["--model", Self.model], in: folder) { terminal in
        try terminal.wait(for: Self.prompt)
        terminal.type(Self.question)
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("let kept = louvre | ablate each L{0..9}H*@* | effect | save \"kept.json\"\r")
        try terminal.wait(for: "effect ━━━━━━━━━━━━━━━━")
        terminal.type("\u{3}")
        try terminal.wait(for: "this is a part: ")
        try terminal.wait(for: " of 720 runs were finished when it was interrupted")
        try terminal.wait(for: "interrupted\n" + Self.prompt)
        let kept = try String(contentsOfFile: folder + "/kept.json", encoding: .utf8)
        try terminal.check(kept.contains("\"partial\": true") && kept.contains("L0H0"))
        terminal.type("length(kept)\r")
        try terminal.wait(for: "there is no variable or command 'kept'")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("\u{4}")
      }
    }
  }

  // `tail` says itself that it is there: an `echo` before it would be heard from while there is no
  // command yet, and `sh` starts that even when it has been interrupted.

  @Test func controlCEndsACommand() async throws {
    try await withFile("sign", "began\n") { sign in
      try await onTerminal([]) { terminal in
        try terminal.wait(for: "summand> ")
        terminal.type("!tail -f '\(sign)'\r")
        try terminal.wait(for: "\nbegan\n")
        terminal.type("\u{3}")
        try terminal.wait(for: "interrupted\nsummand> ")
        terminal.type("\u{4}")
      }
    }
  }

  @Test func controlCEndsAScriptWithItsCommand() async throws {
    try await withFile("sign", "began\n") { sign in
      let source = "!trap 'exit 0' INT; tail -f '\(sign)'\n\"more\""
      try await onTerminal(["-c", source], endsWith: 130) { terminal in
        try terminal.wait(for: "began\n")
        terminal.type("\u{3}")
        let more = try terminal.wait(for: "interrupted\n")
        try terminal.check(!more.contains("more"))
      }
    }
  }

  @Test func pastedLinesWaitForEnter() async throws {
    try await onTerminal([]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("\u{1B}[200~let a = \"é\"\rlet b = 22\r\u{1B}[201~")
      try terminal.wait(for: "22")
      terminal.type("0\r")
      try terminal.wait(for: "\nsummand> ")
      terminal.type("\"\\(a)\\(b)\"\r")
      try terminal.wait(for: "é220\nsummand> ")
      terminal.type("\u{4}")
    }
  }

  @Test func historyOutlivesTheProcess() async throws {
    try await withTemporaryFolder { folder in
      let environment = ["SUMMAND_HISTORY": folder + "/state/history"]
      try await onTerminal([], environment: environment) { terminal in
        try terminal.wait(for: "summand> ")
        terminal.type("40 + 2\r")
        try terminal.wait(for: "42\nsummand> ")
        terminal.type("[1,\r")
        try terminal.wait(for: "    ...>   ")
        terminal.type("7][1] * 11\r")
        try terminal.wait(for: "77\nsummand> ")
        terminal.type("\u{4}")
      }
      try await onTerminal([], environment: environment) { terminal in
        try terminal.wait(for: "summand> ")
        terminal.type("\u{1B}[A\r")
        try terminal.wait(for: "77\nsummand> ")
        terminal.type("\u{12}40\r")
        try terminal.wait(for: "42\nsummand> ")
        terminal.type("(history | take 1).line\r")
        try terminal.wait(for: "40 + 2")
        try terminal.wait(for: "\nsummand> ")
        terminal.type("\u{4}")
      }
      try await onTerminal(["--no-history"], environment: environment) { terminal in
        try terminal.wait(for: "summand> ")
        terminal.type("length((history).line)\r")
        try terminal.wait(for: "1\nsummand> ")
        terminal.type("\u{4}")
      }
    }
  }

  @Test(arguments: [
    (["TERM": "xterm"], true), (["TERM": "dumb"], false), (["TERM": ""], false),
    (["NO_COLOR": "1"], false), (["NO_COLOR": ""], true),
  ])
  func tablesAndColoursAreForTerminalsThatHaveThem(
    environment: [String: String], isColoured: Bool
  ) async throws {
    let source = "read \"\(BuiltProgram.facts)\" | take 1; nope"
    try await onTerminal(["-c", source], environment: environment, endsWith: 1) { terminal in
      try terminal.wait(for: "subject        answer  foils\n─────")
      try terminal.wait(for: "'nope'")
      try terminal.check(
        String(decoding: terminal.output, as: UTF8.self).contains("\u{1B}[") == isColoured)
    }
  }
}
