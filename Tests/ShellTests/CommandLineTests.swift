import Foundation
import Testing

/// The process as scripts and other programs see it: arguments, streams, and how it ends.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct CommandLineTests {
  // MARK: What is run

  private static let script = """
    #!/usr/bin/env summand
    !echo began >&2
    arguments who, top=3
    args.top + 1
    args.who
    """

  @Test func coloursCanBeChosen() async throws {
    func run(_ colours: String) async throws -> BuiltProgram.Outcome {
      try await BuiltProgram.run(
        [
          "--color", "always", "--format", "table", "-c",
          "(read \"\(BuiltProgram.facts)\") | take 1; nonsense",
        ],
        environment: ["SUMMAND_COLORS": colours])
    }
    let usual = try await run("")
    #expect(usual.output.contains("\u{1B}[1m") && usual.messages.contains("\u{1B}[1;38;5;160m"))
    let chosen = try await run("heading=4;35:error=36")
    #expect(chosen.output.contains("\u{1B}[4;35m") && !chosen.output.contains("\u{1B}[1m"))
    #expect(chosen.messages.contains("\u{1B}[36merror"))
    for (wrong, message) in [
      ("colour=1", "'colour' is not a style"), ("error=red", "does not choose a style"),
      ("error=1;2J", "does not choose a style"), ("error", "does not choose a style"),
    ] {
      let refused = try await run(wrong)
      #expect(refused.status == 2 && refused.messages.contains("SUMMAND_COLORS: "))
      #expect(refused.messages.contains(message), "\(refused.messages)")
    }
  }

  @Test func scriptTakesValues() async throws {
    try await withFile("a b.summand", Self.script) { script in
      let both = try await BuiltProgram.run([script, "top=10", "who=é = \"ü\""])
      #expect(both.output == "11\né = \"ü\"\n")
      #expect(both.messages == "began\n")
      #expect(both.status == 0)
      let one = try await BuiltProgram.run(["--threads", "1", script, "who=x"])
      #expect(one.output == "4\nx\n")
    }
  }

  @Test(arguments: [
    (["who=x", "topp=10"], "did you mean top=…?"), (["who=x", "x=1"], "it has: who, top"),
    (["who=x", "10"], "write name=value"), (["who=x", "who=y"], "'who' has two values"),
  ])
  func wrongValueEndsBeforeAnythingRuns(values: [String], message: String) async throws {
    try await withFile("a.summand", Self.script) { script in
      let ended = try await BuiltProgram.run([script] + values)
      #expect(ended.status == 2)
      #expect(ended.output == "")
      #expect(ended.messages.contains(message))
      #expect(!ended.messages.contains("began"))
    }
  }

  @Test func scriptIsAProgram() async throws {
    try await withFile("program", Self.script) { script in
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
      let ended = try await BuiltProgram.run(script, ["who=me"])
      #expect(ended.output == "4\nme\n")
      #expect(ended.status == 0)
    }
  }

  @Test(arguments: [
    (["-c", "1 + 2; \"é\""], ""), (["-"], "1 + 2\n\"é\""), ([], "1 + 2; \"é\"\n"),
    (["-c", "arguments n=1, s=\"\"; args.n; args.s", "n=3", "s=é"], ""),
    (["-", "n=3", "s=é"], "#!/usr/bin/env summand\r\narguments n, s\r\nargs.n\r\nargs.s"),
    // Standard input belongs to nobody where it is not the script.
    (["-c", "1 + 2; \"é\""], "nonsense"),
  ])
  func textComesFromWhereItIsSaid(arguments: [String], input: String) async throws {
    let ended = try await BuiltProgram.run(arguments, input: input)
    #expect(ended.output == "3\né\n")
    #expect(ended.messages == "")
    #expect(ended.status == 0)
  }

  @Test func modelIsOpenedFirst() async throws {
    let tiny = BuiltProgram.tinyModel
    let source = ["-c", "(model | where property == \"path\").value[0]"]
    let option = try await BuiltProgram.run(
      ["--model", tiny] + source, environment: ["SUMMAND_MODEL": "missing"])
    #expect(option.output == tiny + "\n")
    let variable = try await BuiltProgram.run(source, environment: ["SUMMAND_MODEL": tiny])
    #expect(variable.output == tiny + "\n")
    let neither = try await BuiltProgram.run(source, environment: ["SUMMAND_MODEL": ""])
    #expect(neither.status == 1)
    #expect(neither.messages.contains("load smollm2"))
  }

  // MARK: What is printed

  @Test(arguments: [
    "table": """
    word                x
    ─────────────────────
    "a|b \\"q\\""  0.100000
    "tab\\there"         –
    "é,"         1.00e-30

    """,
    "plain": """
    word                x
    ---------------------
    "a|b \\"q\\""  0.100000
    "tab\\there"
    "é,"         1.00e-30

    """,
    "tsv": """
    "word"\t"x"
    "a|b ""q\"""\t0.1
    "tab\there"\t
    "é,"\t1e-30

    """,
    "escaped": "word\tx\na|b \"q\"\t0.1\ntab\\there\t\né,\t1e-30\n",
    "csv": "word,x\n\"a|b \"\"q\"\"\",0.1\ntab\there,\n\"é,\",1e-30\n",
    "json": """
    [
      {"word":"a|b \\"q\\"","x":0.1},
      {"word":"tab\\there","x":null},
      {"word":"é,","x":1e-30}
    ]

    """,
    "ndjson": """
    {"word":"a|b \\"q\\"","x":0.1,"result":1}
    {"word":"tab\\there","x":null,"result":1}
    {"word":"é,","x":1e-30,"result":1}

    """,
    "markdown": """
    | word           |        x |
    | -------------- | -------: |
    | "a\\|b \\\\"q\\\\"" | 0.100000 |
    | "tab\\\\there"   |          |
    | "é,"           | 1.00e-30 |

    """,
  ])
  func formatIsChosen(format: String, expected: String) async throws {
    try await withFile("t.csv", "word,x\n\"a|b \"\"q\"\"\",0.1\ntab\there,\n\"é,\",1e-30\n") {
      let ended = try await BuiltProgram.run(["--format", format, "-c", "read \"\($0)\""])
      #expect(ended.output == expected)
      #expect(ended.messages == "")
    }
  }

  @Test func withoutATerminalTablesAreTSV() async throws {
    let source = "read \"\(BuiltProgram.facts)\" | take 1"
    let expected =
      "\"subject\"\t\"answer\"\t\"foils\"\n\"The Colosseum\"\t\"Italy\"\t\"Spain|France\"\n"
    #expect(try await BuiltProgram.run(["-c", source]).output == expected)
    #expect(try await BuiltProgram.shell("summand -c '\(source)' | cat").output == expected)
  }

  /// Of several results in one stream it can be told where each ends.
  @Test(arguments: [
    (
      "ndjson",
      """
      {"value":1,"result":1}
      {"value":2,"result":1}
      {"value":5,"result":2}
      {"value":"b\\"\\n","result":3}
      {"value":3,"result":4}
      {"value":"a","result":6}
      {"value":6}
      {"value":7,"result":8}

      """
    ),
    (
      "json",
      """
      [
        {"value":1},
        {"value":2}
      ]
      5
      "b\\"\\n"
      [
        {"value":3}
      ]
      []
      [
        {"value":"a"}
      ]
      {"value":6}
      [
        {"value":7}
      ]

      """
    ),
    (
      "tsv",
      "\"value\"\n1\n2\n\n5\nb\"\n\n\n\"value\"\n3\n\n\"value\"\n\n\"value\"\n\"a\"\n\n{\"value\":6}\n\n\"value\"\n7\n"
    ),
    (
      "escaped",
      "value\n1\n2\n\n5\nb\"\n\n\nvalue\n3\n\nvalue\n\nvalue\na\n\n{\"value\":6}\n\nvalue\n7\n"
    ),
    (
      "csv",
      "value\n1\n2\n\n5\nb\"\n\n\nvalue\n3\n\nvalue\n\nvalue\na\n\n{\"value\":6}\n\nvalue\n7\n"
    ),
  ])
  func resultsAreToldApart(format: String, expected: String) async throws {
    let source = """
      [1, 2]; 5; "b\\"\\n"; [3]; []; ["a"]; [6] | show as ndjson; [7]
      """
    let ended = try await BuiltProgram.run(["--format", format, "-c", source])
    #expect(ended.output == expected, "\(ended.messages)")
  }

  @Test func aColumnCalledResultIsNoNumber() async throws {
    try await withFile("t.csv", "result\n7\n") { path in
      let refused = try await BuiltProgram.run(["--format", "ndjson", "-c", "read \"\(path)\""])
      #expect(refused.status == 1)
      #expect(refused.output == "")
      #expect(refused.messages.contains("has a column `result`, which `--format ndjson` adds"))
      #expect(refused.messages.contains("print with `show as ndjson`"))
      let source =
        "read \"\(path)\" | derive r = result | select r; read \"\(path)\" | show as ndjson"
      let shown = try await BuiltProgram.run(["--format", "ndjson", "-c", source])
      #expect(shown.output == "{\"r\":7,\"result\":1}\n{\"result\":7}\n")
    }
  }

  @Test func dataOnStandardInput() async throws {
    let outcome = try await BuiltProgram.run(
      ["--format", "csv", "-c", "read \"/dev/stdin\" | where n > 1"], input: "n\ta\n1\tx\n2\ty\n")
    #expect(outcome.output == "n,a\n2,y\n", "\(outcome.messages)")
  }

  @Test func onlyDataGoesToStandardOutput() async throws {
    let source = "\"first\"; time \"second\"; !echo third\nread \"\(BuiltProgram.facts)\" | wher"
    let ended = try await BuiltProgram.run(["-c", source])
    #expect(ended.output == "first\nsecond\nthird\n")
    #expect(ended.messages.hasPrefix("took "))
    #expect(ended.messages.contains("did you mean `where`?"))
    #expect(ended.status == 1)
  }

  /// Where both streams go to one place, everything stands where it belongs.
  @Test func streamsKeepTheirOrder() async throws {
    let ended = try await BuiltProgram.shell("summand -c '1; time 2; !echo 3\n4; nope' 2>&1")
    let lines = ended.output.split(separator: "\n").map { $0.prefix(5) }
    #expect(lines.prefix(6) == ["1", "2", "took ", "3", "4", "error"])
  }

  @Test(arguments: [
    (["--color", "always"], [:], true), ([], [:], false), ([], ["CLICOLOR_FORCE": "1"], true),
    ([], ["CLICOLOR_FORCE": "0"], false), ([], ["CLICOLOR_FORCE": "1", "NO_COLOR": "1"], false),
    (["--color", "always"], ["NO_COLOR": "1"], true), ([], ["TERM": "xterm"], false),
    (["--color", "never"], ["CLICOLOR_FORCE": "1"], false),
  ])
  func colourNeedsATerminalOrAWord(
    options: [String], environment: [String: String], isColoured: Bool
  ) async throws {
    let ended = try await BuiltProgram.run(options + ["-c", "nope"], environment: environment)
    #expect(ended.messages.contains("\u{1B}[") == isColoured)
  }

  @Test func helpIsAnAnswer() async throws {
    for option in ["--help", "-h"] {
      let help = try await BuiltProgram.run([option])
      #expect(help.status == 0)
      #expect(help.messages == "")
      for word in [
        "summand [options] SCRIPT [name=value ...]", "--model", "--format", "ndjson", "--threads",
        "--color", "-c <source>", "SUMMAND_MODEL", "NO_COLOR", "141",
      ] {
        #expect(help.output.contains(word))
      }
      #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
    }
  }
}

/// A file in a folder of its own, gone afterwards.
func withFile<Result>(
  _ name: String, _ bytes: some Sequence<UInt8>, _ body: (String) async throws -> Result
) async throws -> Result {
  try await withTemporaryFolder { folder in
    let path = folder + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return try await body(path)
  }
}

func withFile<Result>(
  _ name: String, _ text: String, _ body: (String) async throws -> Result
) async throws -> Result {
  try await withFile(name, text.utf8, body)
}
