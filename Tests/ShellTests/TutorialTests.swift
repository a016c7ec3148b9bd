import Foundation
import Testing

/// `tutorial` on a terminal, with the model that it speaks of.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct TutorialTests {
  private static let prompt = "smollm2> "

  /// To the end, partly typed, partly with `next`, and with a fact of the reader's own.
  @Test func tenMinutes() async throws {
    try await withTemporaryFolder { folder in
      try await onTerminal(
        ["--model", BuiltProgram.model, "--no-init"], environment: ["PAGER": "cat"], in: folder
      ) { terminal in
        try terminal.wait(for: Self.prompt)
        terminal.type("tutorial\r")
        // The model is there: the first step is over.
        try terminal.wait(for: "a text in braces is a span".replacing("a text", with: "A text"))
        try terminal.wait(for: "  let tower = prompt ")
        try terminal.wait(for: "`leave` ends.")
        try terminal.wait(for: "\n" + Self.prompt)
        // What else is typed does not go on, and `tutorial` shows the step again.
        terminal.type("1 + 1\r")
        try terminal.wait(for: "\n2\n" + Self.prompt)
        terminal.type("tutorial\r")
        try terminal.wait(for: "  let tower = prompt ")
        try terminal.wait(for: "\n" + Self.prompt)
        // The line is hinted at: Right takes it.
        terminal.type("le")
        try terminal.wait(for: "t tower = prompt ")
        terminal.type("\u{1B}[C\r")
        try terminal.wait(for: "  tower | logits | top 3\n")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("tower | logits | top 5\r")
        try terminal.wait(for: "\" Paris\"")
        try terminal.wait(for: "2 of 6: Which parts write the answer?")
        try terminal.wait(for: "\n" + Self.prompt)
        for mark in [
          "  tower | dla by head, span | top 5\n", "3 of 6: What happens without a part?",
        ] {
          terminal.type("next\r")
          try terminal.wait(for: mark)
          try terminal.wait(for: "\n" + Self.prompt)
        }
        terminal.type("skip\r")
        try terminal.wait(for: "4 of 6: Where is the fact, and when?")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("skip\r")
        try terminal.wait(for: "> let arena = prompt ")
        try terminal.wait(for: "5 of 6: A fact of your own")
        try terminal.wait(for: "\n" + Self.prompt)
        // Without an answer it goes on asking, and so where the model does not know it.
        terminal.type("let moon = prompt \"{subject:The moon} {relation:is made of}\"\r")
        try terminal.wait(for: "it needs an answer")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type(
          "let moon = prompt \"{subject:The moon} {relation:is made of}\" -> \" Italy\"\r")
        try terminal.wait(for: "  moon | rank\n")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("next\r")
        try terminal.wait(for: "the model hardly knows it")
        try terminal.wait(for: "5 of 6: A fact of your own")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type(
          "let home = prompt \"Fact: {subject:Tokyo} {relation:is the capital of}\" -> \" Japan\" vs \" China\"\r"
        )
        try terminal.wait(for: "  home | rank\n")
        try terminal.wait(for: "\n" + Self.prompt)
        for mark in [
          "  home | dla by head, span | top 5\n",
          "  home | ablate each heads@last | effect | sort effect | take 5\n",
          "  home | explain L", "  home | lens | plot line layer, logprob\n", "6 of 6: Keep it",
          "That was the tutorial.",
        ] {
          terminal.type("next\r")
          try terminal.wait(for: mark)
          try terminal.wait(for: "\n" + Self.prompt)
        }
        // It is over: its words mean nothing any more.
        terminal.type("next\r")
        try terminal.wait(for: "there is no variable or command 'next'")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("\u{4}")
      }
      let saved = try String(contentsOfFile: folder + "/my-fact.summand", encoding: .utf8)
      #expect(saved.contains("\nhome | dla by head, span | top 5\n"))
      #expect(!saved.contains("tutorial") && !saved.contains("\nnext"))
    }
  }

  @Test func itCanBeLeft() async throws {
    try await onTerminal(["--no-init"]) { terminal in
      try terminal.wait(for: "summand> ")
      terminal.type("tutorial\r")
      try terminal.wait(for: "1 of 6: Ask a model something")
      try terminal.wait(for: "  load smollm2\n")
      try terminal.wait(for: "\nsummand> ")
      terminal.type("leave\r")
      try terminal.wait(for: "`tutorial` begins it again\nsummand> ")
      terminal.type("skip\r")
      try terminal.wait(for: "there is no variable or command 'skip'")
      try terminal.wait(for: "\nsummand> ")
      terminal.type("\u{4}")
    }
  }
}
