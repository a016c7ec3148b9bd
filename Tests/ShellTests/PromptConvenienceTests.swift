import Foundation
import Testing

/// The prompt's own conveniences, on a terminal with the built program.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct PromptConvenienceTests {
  private static let prompt = "summand> "

  @Test func initFileIsReadAtThePromptOnly() async throws {
    try await withTemporaryFolder { folder in
      let configuration = folder + "/summand"
      try FileManager.default.createDirectory(
        atPath: configuration, withIntermediateDirectories: true)
      try Data("let mine = 42\nset digits 3\n".utf8).write(
        to: URL(fileURLWithPath: configuration + "/init.summand"))
      let environment = ["XDG_CONFIG_HOME": folder]
      try await onTerminal([], environment: environment) { terminal in
        try terminal.wait(for: Self.prompt)
        terminal.type("(set digits).value[0]\r")
        try terminal.wait(for: "\n3\n" + Self.prompt, seconds: 20)
        terminal.type("mine\r")
        try terminal.wait(for: "\n42\n" + Self.prompt)
        terminal.type("\u{4}")
      }
      try await onTerminal(["--no-init"], environment: environment) { terminal in
        try terminal.wait(for: Self.prompt)
        terminal.type("mine\r")
        try terminal.wait(for: "there is no variable or command 'mine'", seconds: 20)
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("\u{4}")
      }
      let script = try await BuiltProgram.run(["-c", "mine"], environment: environment)
      #expect(script.status == 1)
      // A mistake in it is told, and the prompt comes.
      try Data("let = 3\n".utf8).write(
        to: URL(fileURLWithPath: configuration + "/init.summand"))
      try await onTerminal([], environment: environment) { terminal in
        try terminal.wait(for: "init.summand:1:5", seconds: 20)
        try terminal.wait(for: Self.prompt)
        terminal.type("\u{4}")
      }
    }
  }

  /// What is typed and printed goes to the file too, without colours; what was there stays.
  @Test func transcriptHasWhatIsSeen() async throws {
    try await withTemporaryFolder { folder in
      let path = folder + "/log.txt"
      try Data("before\n".utf8).write(to: URL(fileURLWithPath: path))
      try await onTerminal([], environment: ["PAGER": "cat >/dev/null"], in: folder) { terminal in
        try terminal.wait(for: Self.prompt)
        terminal.type("transcript \"log.txt\"\r")
        try terminal.wait(for: "\n" + Self.prompt, seconds: 20)
        terminal.type("1 + 1\r")
        try terminal.wait(for: "\n2\n" + Self.prompt)
        terminal.type("nothing | x\r")
        try terminal.wait(for: "| ^^^^^^^", seconds: 20)
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("let l = for n in 1..100 { n }; l | show all\r")
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("transcript\r")
        try terminal.wait(for: "\nlog.txt\n" + Self.prompt)
        terminal.type("transcript off; 40 + 2\r")
        try terminal.wait(for: "\n42\n" + Self.prompt)
        terminal.type("transcript \"/nonexistent/x\"\r")
        try terminal.wait(for: "cannot be written", seconds: 20)
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("\u{4}")
      }
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text.hasPrefix("before\nsummand> 1 + 1\n2\nsummand> nothing | x\nerror: "))
      #expect(text.contains("  100\n") && text.contains("1 | nothing | x\n"))
      #expect(!text.contains("\u{1B}") && !text.hasSuffix("42\n"))
    }
  }

  /// A transcript that cannot go on says so, once; the session goes on.
  @Test func transcriptOnAFullDiskSaysSo() async throws {
    try await onTerminal(["--no-init"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("transcript \"/dev/full\"\r")
      try terminal.wait(for: "\n" + Self.prompt, seconds: 20)
      terminal.type("40 + 2\r")
      try terminal.wait(
        for: "warning: the transcript ends here: '/dev/full' cannot be written", seconds: 20)
      let rest = try terminal.wait(for: "\n42\n" + Self.prompt)
      try terminal.check(!rest.contains("warning"))
      terminal.type("transcript\r")
      try terminal.wait(for: "no transcript is written\n" + Self.prompt)
      terminal.type("\u{4}")
    }
  }

  /// The script gives what the session gave.
  @Test func aSessionIsSavedAsAScript() async throws {
    try await withTemporaryFolder { folder in
      try Data("layer\tx\n0\t1.5\n1\t2.5\n".utf8).write(
        to: URL(fileURLWithPath: folder + "/rows.tsv"))
      let model = BuiltProgram.tinyModel
      try await onTerminal(["--no-init"], in: folder) { terminal in
        try terminal.wait(for: Self.prompt)
        for line in [
          "load \"\(model)\" as tiny", "let p = prompt \"a b\" -> \"c\"", "nonsense",
          "help vars", "let rows = read \"rows.tsv\"", "rows | sample 1 seed 3",
          "p | dla by head | top 2", "def one(t) {\r  t | take 1\r}", "1; oops; 2",
        ] {
          terminal.type(line + "\r")
          try terminal.wait(for: "\ntiny> ", seconds: 20)
        }
        terminal.type("session save \"saved.summand\"; 40 + 2\r")
        try terminal.wait(for: "\n42\ntiny> ", seconds: 20)
        terminal.type("\u{4}")
      }
      let text = try String(contentsOfFile: folder + "/saved.summand", encoding: .utf8)
      let lines = text.split(separator: "\n").map(String.init)
      #expect(lines[0] == "#!/usr/bin/env summand")
      #expect(lines[1].hasPrefix("# A session of Summand 0."))
      #expect(lines[2].hasPrefix("# model tiny: tiny-gqa.F32.gguf sha256 "))
      let hash = "de35ba80d5cd9af38d4cd0d4f8d3ff6ca3dbb8b9fb2ec5b1ccf8ba6d85ff4ad1"
      #expect(lines[3].hasPrefix("# file: rows.tsv sha256 ") && lines[3].count == 24 + hash.count)
      #expect(
        Array(lines[4...]) == [
          "load \"\(model)\" as tiny", "let p = prompt \"a b\" -> \"c\"",
          "let rows = read \"rows.tsv\"", "rows | sample 1 seed 3", "p | dla by head | top 2",
          "def one(t) {", "    t | take 1", "  }", "1",
        ])
      let again = try await BuiltProgram.shell(
        "cd '\(folder)' && summand --format csv saved.summand && sha256sum rows.tsv")
      #expect(again.status == 0, "\(again.messages)")
      #expect(again.output.contains("component,layer,head,dla\n"))
      #expect(again.output.contains(lines[3].suffix(hash.count)))
    }
  }

  @Test func questionMarkSearchesTheHelp() async throws {
    try await onTerminal([], environment: ["PAGER": "cat"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("? softmax\r")
      let found = try terminal.wait(for: "\n" + Self.prompt, seconds: 20)
      try terminal.check(found.contains("attn_scores") && found.contains("probs"))
      terminal.type("? it's nowhere \"\r")
      try terminal.wait(for: "nothing in the help has 'its nowhere \"'", seconds: 20)
      try terminal.wait(for: "\n" + Self.prompt)
      terminal.type("\u{4}")
    }
  }

  @Test func longTablesSayHowToSeeTheRest() async throws {
    try await onTerminal([], environment: ["PAGER": "cat"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("let l = for n in 1..100 { n }; l\r")
      try terminal.wait(for: "… 80 more rows: `_ | show all` prints them", seconds: 20)
      try terminal.wait(for: "\n" + Self.prompt)
      terminal.type("set pager off; _ | show all\r")
      try terminal.wait(for: "\n  100\n" + Self.prompt, seconds: 20)
      terminal.type("\u{4}")
    }
  }

  /// What is higher than the terminal goes to $PAGER, all else does not.
  @Test func pagerForWhatIsHigh() async throws {
    try await onTerminal([], environment: ["PAGER": "sed s/^/paged:/"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("1 + 1\r")
      try terminal.wait(for: "\n2\n" + Self.prompt, seconds: 20)
      terminal.type("help take\r")
      let short = try terminal.wait(for: "\n" + Self.prompt, seconds: 20)
      try terminal.check(!short.contains("paged:"))
      terminal.type("help\r")
      try terminal.wait(for: "paged:", seconds: 20)
      try terminal.wait(for: "\n" + Self.prompt, seconds: 20)
      terminal.type("let l = for n in 1..100 { n }; l | show all\r")
      try terminal.wait(for: "paged:  100\n" + Self.prompt, seconds: 20)
      terminal.type("l | show as ndjson\r")
      try terminal.wait(for: "paged:{\"value\":100", seconds: 20)
      try terminal.wait(for: "\n" + Self.prompt)
      terminal.type("set pager off; help\r")
      let off = try terminal.wait(for: "\n" + Self.prompt, seconds: 20)
      try terminal.check(!off.contains("paged:"))
      terminal.type("\u{4}")
    }
    // Scripts are never paged, not even on a terminal.
    try await onTerminal(["-c", "help"], environment: ["PAGER": "sed s/^/paged:/"]) { terminal in
      let help = try terminal.wait(for: "`help NAME` explains a command", seconds: 20)
      try terminal.check(!help.contains("paged:"))
    }
  }

  @Test func aPagerThatIsNotThereIsTold() async throws {
    try await onTerminal([], environment: ["PAGER": "no-such-pager"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("help\r")
      try terminal.wait(for: "the pager `LESS", seconds: 20)
      try terminal.wait(for: "\n" + Self.prompt)
      terminal.type("\u{4}")
    }
  }

  @Test func upSearchesByWhatIsTyped() async throws {
    try await onTerminal([]) { terminal in
      try terminal.wait(for: Self.prompt)
      for line in ["10 + 1", "20 + 2", "10 + 3"] {
        terminal.type(line + "\r")
        try terminal.wait(for: "\n" + Self.prompt)
      }
      // Twice up among those that begin with 1, though another stands between.
      terminal.type("1\u{1B}[A\u{1B}[A\r")
      try terminal.wait(for: "\n11\n" + Self.prompt, seconds: 20)
      // Down comes back to what was typed.
      terminal.type("2\u{1B}[A\u{1B}[B0 * 3\r")
      try terminal.wait(for: "\n60\n" + Self.prompt, seconds: 20)
      // With nothing typed, all of them.
      terminal.type("\u{1B}[A\u{1B}[A\u{1B}[A\u{1B}[B\r")
      try terminal.wait(for: "\n11\n" + Self.prompt, seconds: 20)
      terminal.type("\u{4}")
    }
  }

  @Test func editOpensTheEditor() async throws {
    try await onTerminal([], environment: ["EDITOR": "sed -i s/1/7/"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("1 + 1\r")
      try terminal.wait(for: "\n2\n" + Self.prompt, seconds: 20)
      terminal.type("edit\r")
      try terminal.wait(for: "7 + 1\n8\n" + Self.prompt, seconds: 20)
      // The line itself, before it is run.
      terminal.type("100 + 1\u{18}\u{5}")
      try terminal.wait(for: "700 + 1\n701\n" + Self.prompt, seconds: 20)
      // What was edited is in the history.
      terminal.type("\u{1B}[A\r")
      try terminal.wait(for: "\n701\n" + Self.prompt, seconds: 20)
      terminal.type("\u{4}")
    }
    try await onTerminal([], environment: ["EDITOR": "false"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("edit\r")
      try terminal.wait(for: "nothing was run", seconds: 20)
      try terminal.wait(for: Self.prompt)
      terminal.type("\u{4}")
    }
  }

  @Test func historyHasReadableTimes() async throws {
    try await onTerminal([], environment: ["TZ": "UTC"]) { terminal in
      try terminal.wait(for: Self.prompt)
      terminal.type("history\r")
      let shown = try terminal.wait(for: "\n" + Self.prompt, seconds: 20)
      try terminal.check(shown.contains(/20\d\d-\d\d-\d\d \d\d:\d\d  history/))
      // For a command after it, they are seconds.
      terminal.type("history | take 1 | show as csv\r")
      let numbers = try terminal.wait(for: "\n" + Self.prompt, seconds: 20)
      try terminal.check(numbers.contains(/\n\d{10},history/))
      terminal.type("\u{4}")
    }
  }

  @Test func settingsOfThePrompt() async throws {
    try await withTemporaryFolder { folder in
      try await onTerminal([], in: folder) { terminal in
        try terminal.wait(for: Self.prompt)
        terminal.type("set hints off; set colour off; 40 + 2\r")
        try terminal.wait(for: "42\n" + Self.prompt, seconds: 20)
        let before = terminal.output.count
        terminal.type("40 + 2\r")
        try terminal.wait(for: "42\n" + Self.prompt, seconds: 20)
        let painted = terminal.output[before...].firstRange(of: [0x1B, UInt8(ascii: "7")])
        try terminal.check(painted == nil)
        terminal.type("set timer on; 1\r")
        try terminal.wait(for: "took ", seconds: 20)
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("cd ..; pwd\r")
        let parent = URL(fileURLWithPath: folder).deletingLastPathComponent().path
        try terminal.wait(for: "\n\(parent)\n", seconds: 20)
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("cd nowhere-at-all\r")
        try terminal.wait(for: "'nowhere-at-all': No such file or directory", seconds: 20)
        try terminal.wait(for: "\n" + Self.prompt)
        terminal.type("\u{4}")
      }
    }
  }
}
