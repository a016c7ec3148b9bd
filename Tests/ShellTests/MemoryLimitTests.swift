import Foundation
import Testing

/// What is larger than the memory there is ends its statement with an error, not the process.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct MemoryLimitTests {
  @Test(arguments: [
    (#"let x = "abcdefgh"; for i in 1..60 { let x = x + x }"#, "this text needs 33.6 MB"),
    (#"let x = "abcdefgh"; for i in 1..60 { let x = "\(x)\(x)" }"#, "this text needs 33.6 MB"),
    ("let x = [1, 2, 3]; for i in 1..60 { let x = x + x }", "values needs"),
    ("let x = [1, 2, 3]; for i in 1..60 { let x = [x, x] }", "more than 10,000,000 elements"),
    ("let l = 0..9223372036854775807", "is too long"),
    ("let l = 0..9000000", "the range 0..9000000 as a list needs"),
    ("1 in 0..9223372036854775807; for i in [0..9223372036854775807] { i }", "is too long"),
    ("for i in 0..9223372036854775807 { assert i < 3, \"\\(i)\" }", "assertion failed: 3"),
  ])
  func valuesStayWithinTheBudget(source: String, message: String) async throws {
    let ended = try await BuiltProgram.run(["--memory", "20MB", "-c", source])
    #expect(ended.status == (message.hasPrefix("assertion") ? 5 : 1))
    #expect(ended.messages.contains(message), "\(ended.messages)")
  }

  @Test(arguments: [
    ("read \"/dev/zero\"", "is a device"), ("source \"/dev/urandom\"", "is a device"),
    ("read \"/dev\"", "Is a directory"), ("read \"FOLDER/endless\"", "does not end"),
    ("source \"FOLDER/endless\"", "does not end"), ("read \"FOLDER/large.csv\"", "has 6.0 MB"),
  ])
  func filesStayWithinTheBudget(source: String, message: String) async throws {
    try await withTemporaryFolder { folder in
      try #require(mkfifo(folder + "/endless", 0o600) == 0)
      try Data(repeating: UInt8(ascii: "1"), count: 6_000_000).write(
        to: URL(fileURLWithPath: folder + "/large.csv"))
      let line = source.replacing("FOLDER", with: folder)
      let ended = try await BuiltProgram.shell(
        "yes > '\(folder)/endless' & summand --memory 20MB -c '\(line)'; status=$?; "
          + "kill $! 2>/dev/null; exit $status")
      #expect(ended.status == 4)
      #expect(ended.messages.contains(message), "\(ended.messages)")
    }
  }

  @Test func tablesOfMeasuresStayWithinTheBudget() async throws {
    let source = #"""
      let p = facts "\#(BuiltProgram.facts)" "Fact: {subject} is in the country of"
      p | MEASURE | summary
      """#
    for (measure, help) in [
      ("logits", "`logits | top 10`"), ("lens top 49152", "`lens top 10`"),
      ("activations L9.resid_pre, L9.mlp_post", "name fewer places"),
      ("dla by source", "take fewer prompts"), ("generate 20000", "generate fewer tokens"),
    ] {
      let ended = try await BuiltProgram.run([
        "--model", BuiltProgram.model, "--memory", "20MB", "-c",
        source.replacing("MEASURE", with: measure),
      ])
      #expect(ended.status == 1)
      #expect(ended.messages.contains("more than the budget of 20.0 MB"), "\(ended.messages)")
      #expect(ended.messages.contains(help), "\(ended.messages)")
      #expect(ended.messages.contains("--memory"), "\(ended.messages)")
    }
  }

  /// Few groups may have many rows.
  @Test func groupsStayWithinTheBudget() async throws {
    try await withTemporaryFolder { folder in
      let rows = (0..<140_000).map { "\($0),\($0 % 7)\n" }.joined()
      try Data(("a,b\n" + rows).utf8).write(to: URL(fileURLWithPath: folder + "/table.csv"))
      let ended = try await BuiltProgram.run([
        "--memory", "20MB", "-c",
        "let t = read \"\(folder)/table.csv\"; t | group by b | take 1; t | group by a",
      ])
      #expect(ended.status == 1)
      #expect(ended.output == "\"b\"\t\"count\"\n0\t20000\n")
      #expect(
        ended.messages.contains("a table of more than 131,072 groups needs"), "\(ended.messages)")
    }
  }

  #if os(Linux)
    /// The lists of partners alone would take 430 MB.
    @Test func joinIsCountedBeforeItIsListed() async throws {
      try await withTemporaryFolder { folder in
        let rows = (0..<6_000).map { "\($0 % 2)\n" }.joined()
        try Data(("a\n" + rows).utf8).write(to: URL(fileURLWithPath: folder + "/table.csv"))
        let ended = try await BuiltProgram.shell(
          "ulimit -v 300000; summand --memory 20MB -c "
            + "'let t = read \"\(folder)/table.csv\"; t | join t on a'")
        #expect(ended.status == 1)
        #expect(
          ended.messages.contains("the joined table of 18,000,000 rows needs"), "\(ended.messages)")
      }
    }

    /// Address space runs out in the middle of something: the limit leaves some, but not enough.
    @Test func addressesThatRunOutAreAnError() async throws {
      let grow = #"let x = "abcdefgh"; for i in 1..60 { let x = x + x }"#
      let table = "read \"FOLDER/table.csv\" | sort b | derive c = b + b | pivot a b c"
      try await withTemporaryFolder { folder in
        let rows = (0..<60_000).map { "\($0 % 3),name\($0)\n" }.joined()
        try Data(("a,b\n" + rows).utf8).write(to: URL(fileURLWithPath: folder + "/table.csv"))
        // What the program takes by itself differs from build to build.
        let peak = try await BuiltProgram.shell(
          "summand -c '!grep VmPeak /proc/$PPID/status' | tr -dc 0-9")
        for line in [grow, table.replacing("FOLDER", with: folder)] {
          for more in [0, 20_000, 40_000, 80_000, 160_000] {
            let ended = try await BuiltProgram.shell(
              """
              ulimit -v $((\(peak.output) + 16000 + \(more)))
              summand --memory 8GB -c '\(line)' > /dev/null
              """)
            #expect(
              [0, 1, 4].contains(ended.status), "\(ended.status) \(more) \(ended.messages)")
            #expect(ended.status == 0 || ended.messages.contains("error: "))
          }
        }
      }
    }
  #endif
}
