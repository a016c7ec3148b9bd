import Foundation
import Testing

/// How the process ends, and what it says then.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ExitStatusTests {
  @Test(arguments: [
    (["-c", "\"said\""], 0, "said\n", ""),
    (["-c", "\"said\"; nope; \"more\""], 1, "said\n", "there is no variable or command 'nope'"),
    (["-c", "\"said\"; [1].x; \"more\""], 1, "said\n", "-c:1:"),
    (["--wrong"], 2, "", "Unknown option '--wrong'"),
    (["--format", "xml", "-c", "1"], 2, "", "The value 'xml' is invalid"),
    (["--threads", "0", "-c", "1"], 2, "", "from 1 to 1024"),
    (["--model", "", "-c", "1"], 2, "", "a name or a path"),
    (["-c"], 2, "", "Missing value"),
    (["-c", "\"said\"\nlet = 3\n1 +"], 3, "", "-c:3:3"),
    (["-c", "\"said\"\nlet = 3\n1 +"], 3, "", "-c:2:5"),
    (["-c", "\"said\"; load \"no.gguf\""], 4, "said\n", "there is no model or file 'no.gguf'"),
    (["-c", "\"said\"; read \"no.csv\""], 4, "said\n", "no.csv"),
    (["--model", "smolm2", "-c", "1"], 4, "", "did you mean `load smollm2`?"),
    (["--store", "/dev/null/x", "-c", "1"], 4, "", "the store `/dev/null/x` cannot be made"),
    (["--store", "", "-c", "1"], 4, "", "the store needs a folder"),
    (["no.summand"], 4, "", "cannot read the script no.summand: No such file"),
    (["/"], 4, "", "cannot read the script /: Is a directory"),
    (["-c", "assert 1 == 1; assert 1 == 2, \"w\\u{E9}\"; 3"], 5, "", "assertion failed: wé"),
  ])
  func statusSaysWhatHappened(
    arguments: [String], status: Int32, output: String, message: String
  ) async throws {
    let ended = try await BuiltProgram.run(arguments)
    #expect(ended.status == status)
    #expect(ended.output == output)
    #expect(message.isEmpty ? ended.messages.isEmpty : ended.messages.contains(message))
  }

  @Test func scriptMustBeUTF8() async throws {
    let bytes = Array("\"said\"\n\"caf".utf8) + [0xE9] + Array("\"\n".utf8)
    try await withFile("latin1.summand", bytes) { script in
      let ended = try await BuiltProgram.run([script])
      #expect(ended.status == 3)
      #expect(ended.output == "")
      #expect(ended.messages.contains("is not UTF-8 text: byte 0xE9 at offset 11, line 2"))
      let sourcing = try await BuiltProgram.run(["-c", "source \"\(script)\""])
      #expect(sourcing.status == 3)
      let piped = try await BuiltProgram.shell("summand - < '\(script)'")
      #expect(piped.status == 3)
      #expect(piped.messages.contains("standard input is not UTF-8 text"))
    }
  }

  // MARK: Models

  @Test func missingModelThatMustNotBeFetched() async throws {
    try await withTemporaryFolder { folder in
      for (arguments, variable) in [
        (["--model", "smollm2", "-c", "1"], ""), (["-c", "1"], "smollm2"),
        (["-c", "load smollm2; 1"], ""),
      ] {
        let ended = try await BuiltProgram.run(
          arguments,
          environment: [
            "XDG_CACHE_HOME": folder, "SUMMAND_MODEL": variable, "HF_HUB_OFFLINE": "1",
          ])
        #expect(ended.status == 4)
        #expect(ended.output == "")
        #expect(ended.messages.contains("HF_HUB_OFFLINE forbids fetching it"))
        #expect(ended.messages.contains(folder))
      }
    }
  }

  @Test(arguments: [0, 3, 20, 1000, 100_000, -1])
  func truncatedModelIsRefused(length: Int) async throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: BuiltProgram.tinyModel))
    let bytes = length < 0 ? whole.dropLast(-length) : whole.prefix(length)
    try await withFile("cut.gguf", bytes) { path in
      let ended = try await BuiltProgram.run(["--model", path, "-c", "1"])
      #expect(ended.status == 4)
      #expect(ended.output == "")
      #expect(ended.messages.contains(/help: (it|the file) is truncated.*: fetch it again/))
    }
  }

  @Test func otherFilesAreNoModels() async throws {
    let whole = try Data(contentsOf: URL(fileURLWithPath: BuiltProgram.tinyModel))
    try await withFile("other.gguf", Data("XXXX".utf8) + whole.dropFirst(4)) { path in
      let ended = try await BuiltProgram.run(["--model", path, "-c", "1"])
      #expect(ended.status == 4)
      #expect(ended.messages.contains("not a GGUF file: it does not begin with GGUF"))
    }
    let script = try await BuiltProgram.run([BuiltProgram.tinyModel])
    #expect(script.status == 2)
    #expect(script.messages.contains("summand --model \(BuiltProgram.tinyModel)"))
  }

  // MARK: Interrupted

  private static let sweep = """
    let p = prompt "The {place:Louvre} is in the city of" -> " Paris"
    !echo began >&2
    p | ablate each heads@* | effect
    "more"
    """

  @Test(arguments: [
    (["--model", BuiltProgram.model], sweep),
    ([], "!echo began >&2\nfor i in 1..1000000 { for j in 1..1000000 { let x = i } }\n\"more\""),
  ])
  func controlCEndsWork(options: [String], source: String) async throws {
    let ended = try await BuiltProgram.run(
      BuiltProgram.path, options + ["-c", source], interruptAfter: "began")
    #expect(ended.status == 130)
    #expect(ended.output == "")
    #expect(ended.messages == "began\ninterrupted\n")
    #expect(try #require(ended.answer) < .seconds(2))
  }

  // MARK: Streams that end

  @Test func readerThatGoesAwayIsNoError() async throws {
    let lines = "for i in 1..20000 { read \"\(BuiltProgram.facts)\" }"
    let ended = try await BuiltProgram.shell(
      "{ summand -c '\(lines)'; echo $? >&2; } | head -1")
    #expect(ended.output == "\"subject\"\t\"answer\"\t\"foils\"\n")
    #expect(ended.messages == "141\n")
    let help = try await BuiltProgram.shell(
      "{ sleep 0.2; summand --help; echo $? >&2; } | true")
    #expect(help.messages == "141\n")
  }

  @Test func fullDiskIsAnError() async throws {
    let ended = try await BuiltProgram.shell("summand -c 1 > /dev/full")
    #expect(ended.status == 1)
    #expect(ended.messages == "summand: cannot write to standard output: No space left on device\n")
  }

  /// A process whose SIGPIPE is ignored hands that down, and `yes` complains.
  @Test func commandsHandedATableAreLikeAnyOther() async throws {
    let ended = try await BuiltProgram.run(["-c", "!yes | head -1\n1 | !exit 3"])
    #expect(ended.output == "y\n")
    #expect(ended.messages.hasPrefix("error: `exit 3` ended with status 3\n"))
    #expect(ended.status == 1)
  }
}
