import Foundation
import TestSupport
import Testing

/// Ctrl-C and SIGTERM during work of every kind: what takes long hears of them at once.
@Suite(.serialized, .timeLimit(.minutes(3)))
struct InterruptionTests {
  /// Of processor time. More than the fifth of a second that is promised: what is built for tests is
  /// slow.
  private static let patience = Duration.seconds(2)

  /// A table of so many rows: a number of its own, one of a few, a text, in no order.
  private static func table(_ rows: Int) -> String {
    var text = "key,few,name,value\n"
    for row in 0..<rows {
      let mixed = row &* 7_919 % rows
      text += "\(mixed),\(row % 7),name\(mixed),\(Double(mixed) / 7)\n"
    }
    return text
  }

  private static let rows = 60_000

  /// So that it is still at work when Ctrl-C comes, on any machine.
  private static func again(_ line: String) -> String {
    "for turn in 1..10000 { \(line) | take 1 }"
  }

  @Test(arguments: [
    again("t | sort name, -key"), again("t | where key in keys"), again("t | pivot few name value"),
    again("t | group by name"), again("t | join t on name"),
    again("t | derive x = abs(value) + key * 2 | summary"),
    "t | group by few mean value interval resamples 1000000",
    "for turn in 1..10000 { t | show as markdown }",
    "for turn in 1..10000 { t | save \"FOLDER/saved.json\" }", again("read \"FOLDER/table.csv\""),
    "read \"FOLDER/fifo\"", "source \"FOLDER/fifo\"",
    "let x = 0; for i in 1..100000 { for j in 1..100000 { let x = [i, j] } }",
  ])
  func controlCIsHeardAtOnce(line: String) async throws {
    try await withTemporaryFolder { folder in
      try Data(Self.table(Self.rows).utf8).write(
        to: URL(fileURLWithPath: folder + "/table.csv"))
      try #require(mkfifo(folder + "/fifo", 0o600) == 0)
      let script = """
        let t = read "\(folder)/table.csv"
        let keys = t.key
        !echo began >&2
        \(line.replacing("FOLDER", with: folder))
        "more"
        """
      let ended = try await BuiltProgram.run(
        BuiltProgram.path, ["-c", script], interruptAfter: "began", work: .milliseconds(50))
      #expect(ended.status == 130, "\(ended.messages)")
      #expect(ended.messages.hasSuffix("interrupted\n"))
      #expect(!ended.output.contains("more"))
      #expect(try #require(ended.answer) < Self.patience)
      // What waits for something takes no processor time, however late it hears.
      #expect(ended.time < .seconds(60))
      // Of a file that was being written there is the one before, whole, and no leftover.
      let files = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(files.filter { $0.hasSuffix(".part") } == [])
      if let saved = FileManager.default.contents(atPath: folder + "/saved.json") {
        #expect(String(decoding: saved.suffix(4), as: UTF8.self) == "]\n}\n")
      }
    }
  }

  /// A text of one word, and one of many: before anything is run, they are cut into tokens.
  @Test(arguments: ["a", "a b "])
  func longTextsAreCutIntoTokens(unit: String) async throws {
    let script = """
      load "\(BuiltProgram.tinyModel)"
      let long = "\(unit)"
      for turn in 1..22 { let long = "\\(long)\\(long)" }
      !echo began >&2
      prompt long | tokens
      """
    let ended = try await BuiltProgram.run(
      BuiltProgram.path, ["-c", script], interruptAfter: "began", work: .milliseconds(500))
    #expect(ended.status == 130, "\(ended.messages)")
    #expect(try #require(ended.answer) < Self.patience)
  }

  private static let templates = [
    "loops": "{% for x in range(9999) %}{% for y in range(9999) %}{% endfor %}{% endfor %}",
    "sum": "{{ 1" + String(repeating: " + 1", count: 400_000) + " }}",
  ]

  /// A template of long loops, which is followed, and one of a long sum, which is read first.
  @Test(arguments: ["loops", "sum"])
  func chatTemplates(name: String) async throws {
    let template = try #require(Self.templates[name])
    try await withTemporaryFolder { folder in
      let model = folder + "/model"
      try FileManager.default.copyItem(atPath: Fixtures.path("tiny-gqa"), toPath: model)
      for (name, text) in [
        ("chat_template.jinja", template), ("tokenizer_config.json", #"{"bos_token": "a"}"#),
      ] {
        try Data(text.utf8).write(to: URL(fileURLWithPath: model + "/" + name))
      }
      let script = "load \"\(model)\"; !echo began >&2\nchat \"hi\" | tokens"
      let ended = try await BuiltProgram.run(
        BuiltProgram.path, ["-c", script], interruptAfter: "began", work: .milliseconds(200))
      #expect(ended.status == 130, "\(ended.messages)")
      #expect(try #require(ended.answer) < Self.patience)
    }
  }

  @Test func finishedRowsAreKeptWhicheverSignal() async throws {
    for (signal, status) in [(SIGINT, Int32(130)), (SIGTERM, 143)] {
      let ended = try await BuiltProgram.run(
        BuiltProgram.path,
        [
          "--model", BuiltProgram.model, "-c",
          #"""
          let p = facts "\#(BuiltProgram.facts)" "Fact: {subject} is in the country of"
          p | take 2 | rank | save "/dev/null" as csv
          !echo began >&2
          p | ablate each heads@* | effect | select component
          "more"
          """#,
        ], interruptAfter: "began", work: .seconds(5), signal: signal)
      #expect(ended.status == status)
      #expect(ended.messages.contains("this is a part: "))
      #expect(ended.messages.hasSuffix(signal == SIGTERM ? "terminated\n" : "interrupted\n"))
      #expect(ended.output.split(separator: "\n").count > 1)
      #expect(!ended.output.contains("more"))
    }
  }

  /// Cases are made as they are run: the message counts all of them.
  @Test func finishedEdgesAreKept() async throws {
    let ended = try await BuiltProgram.run(
      BuiltProgram.path,
      [
        "--model", BuiltProgram.model, "-c",
        """
        let clean = prompt "When Mary and John went out, John gave it to" -> " Mary" vs " John"
        let corrupt = prompt "When Mary and John went out, Mary gave it to"
        clean | rank | save "/dev/null" as csv
        !echo began >&2
        clean | patch each L0..20 -> L24..29 from corrupt | effect | select component, effect
        """,
      ], interruptAfter: "began", work: .seconds(5))
    #expect(ended.status == 130, "\(ended.messages)")
    #expect(ended.messages.contains("of 35280 runs were finished"), "\(ended.messages)")
    #expect(ended.output.split(separator: "\n").count > 1)
  }

  @Test func aPipeThatNobodyReadsHoldsNothingUp() async throws {
    let ended = try await BuiltProgram.run(
      "/bin/sh",
      [
        "-c",
        """
        { summand -c '!echo began >&2
        for i in 1..100000 { read "\(BuiltProgram.facts)" }'; echo "status $?" >&2; } | sleep 3
        """,
      ], interruptAfter: "began", work: .milliseconds(500))
    #expect(ended.messages.contains("interrupted\n") || ended.status == 130)
  }

  // MARK: At a prompt

  @Test(arguments: [(SIGTERM, 143), (SIGHUP, 129)] as [(Int32, Int32)])
  func promptLeavesCleanly(signal: Int32, status: Int32) async throws {
    try await withTemporaryFolder { folder in
      let history = folder + "/history"
      let mark = folder + "/id"
      try await onTerminal(
        ["--no-history"], environment: [:], in: folder, endsWith: 0
      ) { terminal in
        try terminal.wait(for: "summand> ")
        terminal.type("\u{4}")
      }
      try await onTerminal(
        [], environment: ["SUMMAND_HISTORY": history], in: folder, endsWith: status
      ) { terminal in
        try terminal.wait(for: "summand> ")
        terminal.type("!echo $PPID > \(mark)\r")
        while (try? String(contentsOfFile: mark, encoding: .utf8))?.hasSuffix("\n") != true {
          usleep(20_000)
        }
        let text = try String(contentsOfFile: mark, encoding: .utf8)
        terminal.type("1 + ")
        try terminal.wait(for: "summand> 1 + ")
        kill(pid_t(text.dropLast()) ?? 0, signal)
      }
      let kept = try String(contentsOfFile: history, encoding: .utf8)
      #expect(kept.contains("echo $PPID"))
      #expect(!kept.contains("1 + "))
    }
  }
}
