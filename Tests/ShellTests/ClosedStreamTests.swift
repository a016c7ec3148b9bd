import Foundation
import Testing

/// Standard input, output and error that are closed, full or limited.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct ClosedStreamTests {
  private static let refusal = "summand: cannot write to standard output: Bad file descriptor\n"

  @Test(arguments: [
    ("summand -c 1 >&-", 1, refusal), ("summand -c 1 >&- 2>&-", 1, ""),
    ("summand -c 1 <&- >&- 2>&-", 1, ""), ("summand -c '1 + 1' <&-", 0, ""),
    ("summand -c '1 | !cat' <&-", 0, ""), ("summand -c 'let x = 1' >&-", 0, ""),
    ("summand -c 'nope' 2>&-", 1, ""), ("summand -c 'nope' >&- 2>&-", 1, ""),
    ("summand -c '1 +' 2>&-", 3, ""), ("summand --help >&-", 1, refusal),
    ("summand --wrong 2>&-", 2, ""), ("summand --version >&- 2>&-", 1, ""),
    (
      "summand <&-", 4,
      "summand: cannot read the script standard input: Bad file descriptor\n"
    ), ("summand - <&- >&- 2>&-", 4, ""),
  ])
  func closedStream(line: String, status: Int32, messages: String) async throws {
    let ended = try await BuiltProgram.shell(line)
    #expect(ended.status == status, "\(ended.messages)")
    #expect(ended.messages == messages)
  }

  /// A command sees what this process has.
  @Test func commandsWithClosedStreams() async throws {
    let ended = try await BuiltProgram.shell("summand -c '!echo said' >&-")
    #expect(ended.status == 1)
    #expect(ended.output == "")
    let messages = try await BuiltProgram.shell("summand -c '!echo said >&2 || exit 9' 2>&-")
    #expect(messages.status == 1)
  }

  /// What is opened later must not become standard output.
  @Test(arguments: ["<&-", ">&-", "2>&-", "<&- >&-", ">&- 2>&-", "<&- >&- 2>&-"])
  func nothingGoesIntoAFile(closed: String) async throws {
    try await withTemporaryFolder { folder in
      for (name, text) in [("t.tsv", "a\tb\n1\t2\n"), ("model.gguf", "")] {
        let path = folder + "/" + name
        if text.isEmpty {
          try FileManager.default.copyItem(atPath: BuiltProgram.tinyModel, toPath: path)
        } else {
          try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        }
      }
      let source = """
        load "\(folder)/model.gguf"; let t = read "\(folder)/t.tsv"; t | save "\(folder)/u.csv"
        prompt [5, 17] | logits | top 2 | save "\(folder)/v.csv"; lint; nope
        """
      let ended = try await BuiltProgram.shell(
        "summand -c '\(source)' \(closed)", environment: ["SUMMAND_HISTORY": folder + "/h"])
      #expect(ended.status == 1)
      func bytes(_ name: String) -> Data? {
        FileManager.default.contents(atPath: folder + "/" + name)
      }
      #expect(bytes("t.tsv") == Data("a\tb\n1\t2\n".utf8))
      #expect(bytes("u.csv") == Data("a,b\n1,2\n".utf8))
      #expect(bytes("model.gguf") == FileManager.default.contents(atPath: BuiltProgram.tinyModel))
      #expect(
        bytes("v.csv").map { String(decoding: $0, as: UTF8.self).split(separator: "\n").count } == 3
      )
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
          == ["model.gguf", "t.tsv", "u.csv", "v.csv"])
    }
  }

  /// `ulimit -f` is a write error, and not the end by SIGXFSZ.
  @Test func fileSizeLimit() async throws {
    try await withTemporaryFolder { folder in
      // In blocks of 512 bytes for `sh`.
      let out = try await BuiltProgram.shell(
        "ulimit -f 1; summand --model \(BuiltProgram.tinyModel) -c 'prompt [5] | logits' > \(folder)/out"
      )
      #expect(out.status == 1)
      #expect(
        out.messages == "summand: cannot write to standard output: File too large\n")
      try Data("old".utf8).write(to: URL(fileURLWithPath: folder + "/x.csv"))
      let saved = try await BuiltProgram.shell(
        "ulimit -f 1; summand --model \(BuiltProgram.tinyModel) -c "
          + "'prompt [5] | logits | save \"\(folder)/x.csv\"'")
      #expect(saved.status == 1)
      #expect(
        saved.messages.contains("x.csv' cannot be written: File too large"), "\(saved.messages)")
      #expect(try String(contentsOfFile: folder + "/x.csv", encoding: .utf8) == "old")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["out", "x.csv"])
    }
  }
}
