import Foundation
import Testing

@testable import summand

/// What comes from models and files does not command a terminal, whichever way it gets there; a
/// pipe gets its bytes.
@Suite(.serialized, .timeLimit(.minutes(2)))
struct TerminalEscapesTests {
  /// A colour, a window's title, a control of C1, and marks that turn the writing around.
  static let hostile = "\u{1B}[31mred\u{1B}]0;t\u{7}\u{9B}2J\u{202E}x\u{200F}\u{2066}\u{61C}\u{7F}"
  static let shown = "␛[31mred␛]0;t␇\\u{9B}2J\\u{202E}x\\u{200F}\\u{2066}\\u{61C}␡"
  private static let acting = [
    "\u{1B}[31m", "\u{1B}]", "\u{7}", "\u{9B}", "\u{202E}", "\u{200F}", "\u{2066}", "\u{61C}",
    "\u{7F}",
  ]
  private static let csv =
    "word,\(hostile),x,y,source\n\"\(hostile)\",a,1,2.5,0\nb\u{1B}[31m,b,2,-1.5,1\n"

  /// What acts of what was sent to a terminal. Bytes, as some of it would join the character before.
  private static func whatActs(in output: [UInt8]) -> [String] {
    acting.filter { output.firstRange(of: Array($0.utf8)) != nil }
  }

  @Test func whatAScriptPrints() async throws {
    try await withTemporaryFolder { folder in
      try Data(Self.csv.utf8).write(to: URL(fileURLWithPath: folder + "/t.csv"))
      let text = ShellProcess.quoted(Self.hostile)
      let lines = [
        "let t = read \"t.csv\"", "t.word[0]", "\"one \\(t.word[1])\"", "[\(text), 1]", "t",
        "t | select word, x | derive name = word", "t | plot bar", "t | plot bar title \(text)",
        "t | plot scatter x, y by word", "t | plot line x, y by word",
        "t | select word, x, y | plot heatmap", "t | pivot source word x | plot heatmap",
        "t | pivot source word x | plot line", "t | pivot source word x | plot scatter",
        "t | derive token = word | plot attention y", "prompt \(text)",
        "prompt \(text) | tokens", "prompt \(text) | lint", "prompt \(text) | logits | top 3",
        "time \(text)", "help",
        "for s in 1..9 { prompt \"a\" | generate 60 temperature 100 seed s }", "\"the end\"",
      ]
      for format in ["table", "plain", "tsv", "csv", "json", "ndjson", "markdown"] {
        let shows =
          "\nt | show as \(format)\nprompt \(text) | show as \(format)\n\(text) | show as \(format)"
        let source = lines.dropLast().joined(separator: "\n") + shows + "\n\"the end\""
        try await onTerminal(
          ["--model", BuiltProgram.tinyModel, "--format", format, "-c", source], in: folder
        ) { terminal in
          try terminal.wait(for: "the end")
          try terminal.check(Self.whatActs(in: terminal.output) == [])
          let output = String(decoding: terminal.output, as: UTF8.self)
          // JSON escapes controls of ASCII itself.
          let (escape, bell) = format.hasSuffix("json") ? ("\\u001b", "\\u0007") : ("␛", "␇")
          let shown = "\(escape)[31mred\(escape)]0;t\(bell)\\u{9B}2J\\u{202E}x"
          try terminal.check(output.contains(shown))
          // Colours of our own are still there.
          try terminal.check(output.contains("\u{1B}[1m"))
        }
      }
      let piped = try await BuiltProgram.run(["-c", text])
      #expect(piped.output == Self.hostile + "\n")
      for format in ["tsv", "csv", "ndjson"] {
        let piped = try await BuiltProgram.run(
          ["--format", format, "-c", "(read \"\(folder)/t.csv\") | select word"])
        #expect(piped.output.contains("\u{9B}2J\u{202E}x\u{200F}\u{2066}\u{61C}\u{7F}"))
      }
    }
  }

  @Test(arguments: [
    "(read \"t.csv\") | select nope", "load TEXT", "read TEXT", "source TEXT", "assert false, TEXT",
    "(read \"t.csv\") | plot scatter x, y to TEXT", "(read \"t.csv\") | save TEXT", "1 \(hostile)",
    "report TEXT { 1 }", "prompt TEXT -> TEXT | rank", "facts TEXT TEXT",
    "let t = read \"t.csv\"; t.word[0] + 1", "(read \"t.csv\") | where word == 1 | sort nope",
    "(read \"t.csv\") | !exit 3 #\(hostile)", "tokens TEXT TEXT",
  ])
  func whatAMessageQuotes(line: String) async throws {
    try await withTemporaryFolder { folder in
      try Data(Self.csv.utf8).write(to: URL(fileURLWithPath: folder + "/t.csv"))
      let source = line.replacingOccurrences(of: "TEXT", with: ShellProcess.quoted(Self.hostile))
        .replacingOccurrences(of: "t.csv", with: folder + "/t.csv")
      let script = folder + "/\(Self.hostile.prefix(8)).summand"
      try Data((source + "\n\"went on\"\nnope").utf8).write(to: URL(fileURLWithPath: script))
      let outcome = try await BuiltProgram.run(
        ["--model", BuiltProgram.tinyModel, script], environment: ["TERM": "xterm"])
      let arguments = ["--model", BuiltProgram.tinyModel, script]
      try await onTerminal(arguments, in: folder, endsWith: outcome.status) { terminal in
        try terminal.wait(for: "error")
        try terminal.wait(for: "␛[31mred.summand")
        try terminal.check(Self.whatActs(in: terminal.output) == [])
      }
    }
  }

  @Test(arguments: [["--\(hostile)"], ["\(hostile).summand"], ["-c", "1", "\(hostile)"]])
  func wordsOfTheCommandLine(words: [String]) async throws {
    let status = try await BuiltProgram.run(words).status
    try await onTerminal(words, endsWith: status) { terminal in
      try terminal.wait(for: "␛[31mred")
      try terminal.check(Self.whatActs(in: terminal.output) == [])
    }
  }

  @Test func promptsAndCompletions() async throws {
    try await withTemporaryFolder { folder in
      let name = "\u{1B}[31mm\u{202E}"
      let tiny = try Data(contentsOf: URL(fileURLWithPath: BuiltProgram.tinyModel))
      try tiny.write(to: URL(fileURLWithPath: folder + "/\(name).gguf"))
      for end in ["one", "two"] {
        try Data().write(to: URL(fileURLWithPath: folder + "/file\(Self.hostile)\(end)"))
      }
      try await onTerminal(["--model", "\(name).gguf"], in: folder) { terminal in
        try terminal.wait(for: "␛[31mm\\u{202E}")
        try terminal.wait(for: "> ")
        terminal.type("read \"./fi\t\t")
        try terminal.wait(for: "file␛[31mred")
        terminal.type("\u{3}")
        try terminal.wait(for: "^C\n")
        // At the prompt: Ctrl-D that is typed while nothing reads would be lost.
        try terminal.wait(for: "> ")
        terminal.type("history\r")
        try terminal.wait(for: "history\n")
        try terminal.wait(for: "> ")
        try terminal.check(Self.whatActs(in: terminal.output).allSatisfy { $0 == "\u{7}" })
        terminal.type("\u{4}")
      }
    }
  }

  /// A text of pieces, wherever it is cut, is the text.
  @Test func aCharacterWaitsForItsEnd() {
    let text = "é日🙂\u{1B}a\u{9B}\u{202E}\n"
    let bytes = Array(text.utf8)
    for size in 1...bytes.count {
      var stream = StreamedText()
      var shown = ""
      for start in stride(from: 0, to: bytes.count, by: size) {
        shown += stream.shown(adding: Array(bytes[start..<min(start + size, bytes.count)]))
      }
      #expect(shown == "é日🙂␛a\\u{9B}\\u{202E}\n", "\(size)")
    }
    var stream = StreamedText()
    #expect(stream.shown(adding: [0xE6]) == "")
    #expect(stream.shown(adding: [0x0A]) == "\u{FFFD}\n")
    #expect(stream.shown(adding: [0x80, 0xFF, 0x61]) == "\u{FFFD}\u{FFFD}a")
  }

  @Test func onlyStylesPassWhereTheyMay() {
    #expect(withStylesAlone("\u{1B}[1;38;5;160mred\u{1B}[0m") == "\u{1B}[1;38;5;160mred\u{1B}[0m")
    #expect(withStylesAlone("\u{1B}[2J\u{1B}[") == "␛[2J␛[")
    #expect(withStylesAlone("\u{1B}\u{1B}[1m\u{301}\u{1B}]0;\u{7}") == "␛\u{1B}[1m\u{301}␛]0;␇")
    #expect(withStylesAlone("\u{1B}[1;\u{661}m") == "␛[1;\u{661}m")
    #expect(withStylesAlone("a\r\n\u{9B}31m\tb") == "a␍\n\\u{9B}31m\tb")
  }
}
