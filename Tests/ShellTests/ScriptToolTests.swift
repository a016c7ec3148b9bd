import Foundation
import TestSupport
import Testing

/// `summand check`, `summand fmt` and the options about scripts, as anybody runs them.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ScriptToolTests {
  @Test func checkReportsAllAndRunsNothing() async throws {
    try await withFile("a.summand", "\"began\"\n[1] | tak 3\n$x\n") { script in
      let found = try await BuiltProgram.run(["check", script])
      #expect(found.status == 3)
      #expect(found.output.contains("there is no command 'tak'"))
      #expect(found.output.contains("\(script):3:1"))
      #expect(!found.output.contains("began\n"))
      let json = try await BuiltProgram.run(["check", "--messages", "json", script])
      let lines = try json.output.split(separator: "\n").map {
        try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
      }
      #expect(lines.map { $0?["line"] as? Int } == [2, 3])
      let missing = try await BuiltProgram.run(["check", script, "missing.summand"])
      #expect(missing.status == 4)
    }
    let right = try await BuiltProgram.run(["check", "-"], input: "[1] | take 3")
    #expect(right.status == 0)
    #expect(right.output + right.messages == "")
    let nothing = try await BuiltProgram.run(["check"])
    #expect(nothing.status == 2)
    let help = try await BuiltProgram.run(["fmt", "--help"])
    #expect(help.status == 0)
    #expect(help.output.contains("summand fmt [--check] FILE"))
  }

  @Test func formatsInPlace() async throws {
    try await withFile("a.summand", "[1]|take 3 # é\n") { script in
      let checked = try await BuiltProgram.run(["fmt", "--check", script])
      #expect(checked.status == 1)
      #expect(checked.output == script + "\n")
      #expect(try String(contentsOfFile: script, encoding: .utf8) == "[1]|take 3 # é\n")
      let formatted = try await BuiltProgram.run(["fmt", script])
      #expect(formatted.status == 0)
      #expect(formatted.output + formatted.messages == "")
      #expect(try String(contentsOfFile: script, encoding: .utf8) == "[1] | take 3  # é\n")
      let again = try await BuiltProgram.run(["fmt", "--check", script])
      #expect(again.status == 0)
    }
    let streamed = try await BuiltProgram.run(["fmt", "-"], input: "1+2")
    #expect(streamed.output == "1+2\n")
    let broken = try await BuiltProgram.run(["fmt", "-"], input: "let = 3")
    #expect(broken.status == 3)
    #expect(broken.output == "")
  }

  @Test func scriptsHaveHelpOfTheirOwn() async throws {
    try await withFile("a.summand", "# Counts.\narguments top=3\n\"began\"") { script in
      let help = try await BuiltProgram.run([script, "--help"])
      #expect(help.status == 0)
      #expect(help.output.contains("usage: summand \(script) [top=NUMBER]"))
      #expect(help.output.contains("Counts."))
    }
    let own = try await BuiltProgram.run(["--help"])
    #expect(own.output.contains("--keep-going"))
    let missing = try await BuiltProgram.run(["missing.summand", "--help"])
    #expect(missing.status == 4)
  }

  @Test func keepsGoing() async throws {
    let text = "1; nothing_here; assert false; 2"
    let stops = try await BuiltProgram.run(["-c", text])
    #expect(stops.output == "1\n")
    let goes = try await BuiltProgram.run(["--keep-going", "-c", text])
    #expect(goes.output == "1\n2\n")
    #expect(goes.status == 1)
    #expect(goes.messages.components(separatedBy: "error:").count == 3)
    // What does not parse is not begun.
    let broken = try await BuiltProgram.run(["--keep-going", "-c", "1\nlet = 3"])
    #expect(broken.status == 3)
    #expect(broken.output == "")
  }

  /// Warnings stay, notes go.
  @Test func quiet() async throws {
    let line = "prompt \"a b\" -> \"c\" | dla by head | top 1 | select layer; sqrt(-1)"
    let model = BuiltProgram.tinyModel
    let loud = try await BuiltProgram.run(["--model", model, "-c", line])
    #expect(loud.messages.contains("the gap is") && loud.messages.contains("warning: "))
    for option in ["-q", "--quiet"] {
      let quiet = try await BuiltProgram.run([option, "--model", model, "-c", line])
      #expect(!quiet.messages.contains("the gap is") && quiet.messages.contains("warning: "))
      #expect(quiet.output == loud.output && quiet.status == loud.status)
    }
  }

  @Test func echoesStatements() async throws {
    let echoed = try await BuiltProgram.run(["--echo", "-c", "let x = 1 +\n  2\nx; x * 2"])
    #expect(echoed.output == "3\n6\n")
    #expect(echoed.messages == "> let x = 1 +\n  2\n> x\n> x * 2\n")
  }

  @Test func safeModeWritesNothingElsewhere() async throws {
    try await withTemporaryFolder { folder in
      let inside = folder + "/inside"
      try FileManager.default.createDirectory(
        atPath: inside, withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: inside + "/link.tsv", withDestinationPath: "../linked.tsv")
      try FileManager.default.createSymbolicLink(
        atPath: inside + "/out", withDestinationPath: "..")
      func run(_ line: String) async throws -> BuiltProgram.Outcome {
        let text = "let t = read \"\(BuiltProgram.facts)\"; \(line)"
        return try await BuiltProgram.shell("cd '\(inside)' && summand --safe -c '\(text)'")
      }
      for line in [
        "!touch ran", "t | save \"../a.tsv\"", "t | save \"\(folder)/b.tsv\"",
        "t | save \"link.tsv\"", "t | save \"out/c.tsv\"", "report \"../r.html\" { 1 }",
        "t | derive n = 1 | plot bar subject, n to \"../p.svg\"", "load packaged/nowhere",
      ] {
        let refused = try await run(line)
        #expect(refused.status != 0, "\(line)")
        #expect(
          refused.messages.contains("--safe"),
          "\(line): \(refused.messages)")
      }
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["inside"])
      let kept = try await run("t | save \"a.tsv\"; t | save \"./../inside/b.tsv\"")
      #expect(kept.status == 0, "\(kept.messages)")
      let files = try FileManager.default.contentsOfDirectory(atPath: inside).sorted()
      #expect(files == ["a.tsv", "b.tsv", "link.tsv", "out"])
      let store = try await BuiltProgram.shell("cd '\(inside)' && summand --safe --store ../s -c 1")
      #expect(store.messages.contains("--safe"))
    }
  }

  @Test func messagesAsJSON() async throws {
    let ended = try await BuiltProgram.run([
      "--messages", "json", "-c", "def f(x) { x | where y == 1 }\n[1] | f",
    ])
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(ended.messages.utf8)) as? [String: Any])
    #expect(object["file"] as? String == "-c")
    #expect(object["notes"] as? [String] == ["`f` was called at -c:2:7"])
    let unreadable = try await BuiltProgram.run(["--messages", "json", "missing.summand"])
    #expect(unreadable.messages.hasPrefix(#"{"severity": "error""#))
  }

  @Test func promptAfterTheScript() async throws {
    try await withFile("a.summand", "arguments n=1\nlet kept = args.n + 40\n\"ran\"\n") { script in
      try await onTerminal(["-i", script, "n=2"]) { terminal in
        try terminal.wait(for: "ran\nsummand> ")
        terminal.type("kept\r")
        try terminal.wait(for: "42\nsummand> ")
        terminal.type("\u{4}")
      }
    }
    // An error leaves the prompt, to see what there is.
    try await onTerminal(["-i", "-c", "let kept = 1; nothing_here"]) { terminal in
      try terminal.wait(for: "there is no variable or command 'nothing_here'")
      try terminal.wait(for: "summand> ")
      terminal.type("kept + 1\r")
      try terminal.wait(for: "2\nsummand> ")
      terminal.type("\u{4}")
    }
    let nowhere = try await BuiltProgram.run(["-i", "-c", "1"])
    #expect(nowhere.status == 2)
  }
}
