import Foundation
import Lang
import Testing

@testable import Runtime

/// However long a name, a text, a path or a cell is: a message quotes 80 characters of it.
@Suite struct QuotationTests {
  /// Two thousand characters, no stretch of which comes twice.
  enum Long: String, CaseIterable, CustomTestStringConvertible {
    case word, sentence, path, quotes

    var testDescription: String { rawValue }

    var text: String {
      let parts = (0..<400).map { index in
        let number = String(index + 1000)
        return switch self {
        case .word: "w\(number)_"
        case .sentence: "it's \(number) of the boys' 'own' "
        case .path: "/d\(number)"
        case .quotes: "`\(number)` '\(number)' "
        }
      }
      return String(parts.joined().prefix(2000))
    }

    /// As the language writes it: a word bare, all else in quotes.
    var written: String { self == .word ? text : "\"\(text)\"" }
  }

  /// Finds how much of a text a message quotes. Made once a text, as thousands of messages are looked at.
  private struct Quotations {
    /// As many bytes as no two places of the text have alike.
    private typealias Window = SIMD4<UInt64>
    private let text: [UInt8]
    private let places: [Window: Int]

    init(of text: String) {
      self.text = Array(text.utf8)
      let windows = Self.windows(of: self.text)
      places = Dictionary(uniqueKeysWithValues: zip(windows, windows.indices))
    }

    private static func windows(of bytes: [UInt8]) -> [Window] {
      let width = MemoryLayout<Window>.size
      guard bytes.count >= width else { return [] }
      return bytes.withUnsafeBytes { bytes in
        (0...(bytes.count - width)).map { bytes.loadUnaligned(fromByteOffset: $0, as: Window.self) }
      }
    }

    /// The length in bytes of the longest quotation, 0 where it is shorter than a window.
    func longest(in message: some StringProtocol) -> Int {
      let message = Array(message.utf8)
      let windows = Self.windows(of: message)
      var longest = 0
      var start = 0
      while start < windows.count {
        guard let place = places[windows[start]] else {
          start += 1
          continue
        }
        let rest = zip(message[start...], text[place...])
        let length = rest.prefix { $0 == $1 }.count
        longest = max(longest, length)
        start += length
      }
      return longest
    }
  }

  private func check(_ lines: [String], _ long: Long, in session: Session) {
    let quotations = Quotations(of: long.text)
    for line in lines {
      let (status, _, messages) = session.running(line)
      // What failed, only made where something has.
      var shown: String { line.replacing(long.text, with: "LONG") }
      for message in messages.split(separator: "\n") {
        // The line of source text is cut to a width of its own.
        let isSource = message.contains(" | ") || message.hasSuffix(" |")
        let most = isSource ? 125 : 80
        let found = quotations.longest(in: message)
        #expect(
          found <= most, "\(found) characters, status \(status): \(shown): \(message.prefix(700))")
        #expect(message.count < 1000, "\(shown): \(message.prefix(1500))")
      }
    }
  }

  @Test(arguments: Long.allCases) func everyArgument(long: Long) throws {
    let session = try tinySession()
    _ = session.running("let other = 1\n" + EveryArgument.prologue)
    for command in Catalogue.all where command.name != "models" {
      let every = EveryArgument(command: command)
      let inputs = ["", "asked", "parts"]
      var lines = every.lines(command.parameters, [long.written], inputs: inputs)
      for input in inputs {
        let stage = (input.isEmpty ? "" : "\(input) | ") + command.name
        lines.append("\(stage) \(long.written)")
        lines.append("\(stage) 1 2 \(long.written)")
        lines.append("\(stage) \"\(long.text).svg\"")
        guard long == .word else { continue }
        lines.append("\(stage) --\(long.text)")
        lines.append("\(stage) \(long.text)=1")
      }
      check(lines, long, in: session)
    }
  }

  @Test(arguments: Long.allCases) func everyStatement(long: Long) throws {
    let session = try tinySession()
    _ = session.running(
      EveryArgument.prologue
        + "\nlet text = \"\(long.text)\"\nlet named = (prompt \"\(long.text)\" -> \"b\")")
    let text = long.text
    var lines: [String] = [
      "text + 1", "text | rank", "abs(text)", "text.x", "text[0]", "-text", "for i in text { }",
      "if text { }", "parts | where text == 1", "parts | where text",
      "prompt \"\(text)\" -> text",
      "prompt \"x\" -> \"\(text)\" vs \"\(text)\"", "prompt text | dla",
      "prompt text | effect",
      "asked | ablate text", "asked | ablate L0H0@\"\(text)\" | rank",
      "named | ablate L0H0@subject",
      "named | logit_diff", "named | ablate L0H0@99 | rank", "named | knockout @5 -> @3",
      "named | dla on text",
      "named | ablate L0H0 | ablate L0H0 | rank",
      "named | patch L0H0@1 from named | compare tiny tiny",
      "load \"\(text)\"", "read \"\(text)\"", "source \"\(text)\"",
      "facts \"\(text)\" \"{x} is\"", "report \"\(text)\" { 1 }",
      "parts | save \"\(text)\"",
      "parts | save \"\(text).csv\"", "parts | plot bar to \"\(text)\"",
      "parts | plot bar to \"\(text).svg\"", "report \"\(text).html\" { 1 }",
      "prompt \"{\(text):x} y\"", "prompt \"{\(text)} y\"",
      "facts \"x.tsv\" \"{\(text)}\"",
      "assert 1 == text", "assert text == 1", "\"\\(parts)\(text)\"",
      "parts | select \"\(text)\"",
      "parts | group by \"\(text)\"", "parts | show as \"\(text)\"",
      "use \"\(text)\"",
      "bos \"\(text)\"", "L0H0.\(text)", "parts | derive \"\(text)\" = 1",
      "\(text)",
    ]
    if long == .word {
      let digits = String(repeating: "1234567890", count: 500)
      lines += [
        "let \(text) = 1 +", "def \(text)(a, a) { }", "\(text)(1)",
        "parts | \(text)",
        "parts.\(text)", "args.\(text)", "asked | ablate L0H0@\(text) | rank",
        "asked | ablate L0.\(text)", "L0H\(text)", "blocks.0.\(text)",
        "1\(text)",
        "let L0H\(text) = 1", "let x-\(text) = 1", "def f(\(text)) { }; f()",
        "def f(x) { }; f(\(text)=1)", "def f(x) { }; 1 | f --\(text)", "x \(text)",
        "\"\\u{\(text)}\"", "'\(text)", "\"\(text)", "(\(text)",
        "\(text) =",
        "for \(text) of x", "arguments \(text)", "help \(text)", "§\(text)",
        "“\(text)”", "let \(text) = prompt 1; \(text) | rank",
      ]
      for number in [
        digits, "-\(digits)", "@\(digits)", "L\(digits)", "\(digits)GB", "L0H\(digits)",
      ] {
        lines.append("take \(number)")
      }
      check(
        [
          "take \(digits)", "\(digits)", "asked | ablate L\(digits)", "L0..\(digits)",
          "1e\(digits)",
        ],
        .word, in: session)
    }
    check(lines, long, in: session)
  }

  @Test(arguments: Long.allCases) func everyFile(long: Long) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let text = long.text
    let files: [String: String] = [
      "dup.tsv": "\(text)\t\(text)\n1\t2\n", "rows.tsv": "a\tb\n\(text)\t2\t3\n",
      "quote.csv": "a,b\n\"\(text)x\n", "a.json": "{\"\(text)\": 1, \"\(text)\": 2}",
      "b.json": "[{\"\(text)\": {\"x\": [1]}}]", "c.json": "{\"\(text)\": [1], \"b\": [1, 2]}",
      "d.json": "\(text)", "e.json": "[\"\(text)\"]", "f.ndjson": "{\"a\": \(text)}",
      "facts.tsv": "subject\tanswer\n\(text)\t\(text)\n", "no.tsv": "\(text)\n1\n",
      "bad.summand": "let \(text) = \(text)\n",
      "g.json": "{\"columns\": [\"\(text)\", \"\(text)\"], \"rows\": []}",
      "config.json": "{\"model_type\": \"\(text)\"}",
      "tokenizer.json": "{\"\(text)\": \"\(text)\"}",
    ]
    let session = try tinySession()
    for (name, content) in files.sorted(by: { $0.key < $1.key }) {
      let path = folder.appending(path: name).path
      try Data(content.utf8).write(to: URL(fileURLWithPath: path))
      check(
        [
          "read \"\(path)\" | where x == 1", "read \"\(path)\" | select y",
          "read \"\(path)\" | sort z",
          "facts \"\(path)\" \"{subject} is in\"", "facts \"\(path)\" \"{nothing} is\"",
          "source \"\(path)\"",
          "facts \"\(path)\" | rank", "read \"\(path)\" | plot bar", "read \"\(path)\" | pivot a b",
          "let t = read \"\(path)\"; t.missing_column", "load \"\(path)\"",
          "facts \"\(folder.path)\" relation x",
        ], long, in: session)
    }
    check(["load \"\(folder.path)\""], long, in: session)
  }

  @Test func shortensWhatIsQuotedAndNothingElse() {
    let long = String(repeating: "x", count: 100)
    let cut = String(repeating: "x", count: 79) + "…"
    #expect(
      shortened("'\(long)' is no column, and it's not 'y'")
        == "'\(cut)' is no column, and it's not 'y'")
    #expect(shortened("no `\(long)` here") == "no `\(cut)` here")
    #expect(shortened("\"\(long)\" \(long)") == "\"\(cut)\" \(cut)")
    let path = "/" + long
    #expect(
      shortened("'\(path)': No such file")
        == "'…\(String(repeating: "x", count: 79))': No such file")
    let plain = String(repeating: "a message of many short words isn't cut, ", count: 5)
    #expect(shortened(plain) == plain)
  }

  /// A message is one line, whatever the texts in it hold.
  @Test(arguments: [
    ("assert false, \"a\\r\\n\\tb\"", "error: assertion failed: a\\r\\n\\tb\n"),
    ("read \"no\\nfile\"", "error: there is no file `no\\nfile`\n"),
    ("\"a\\nb\" | rank", "error: `rank` needs an answer, and 'a\\nb' has none\n"),
    (
      "prompt \"The sky\" | ablate L1@\"x\\ny\" | rank",
      "error: 'x\\ny' does not occur in 'The sky'\n"
    ),
  ])
  func aMessageIsOneLine(line: String, message: String) throws {
    let (status, _, messages) = try tinySession().running(line)
    #expect(status != .done)
    #expect(messages.hasPrefix(message), "\(messages)")
  }

  @Test func namesOfTokensAreOnOneLine() throws {
    let ranges: [Range<Int>?] = [0..<1, 1..<3]
    let failure = #expect(throws: Failure.self) {
      try Prompt.tokens(
        over: 0..<2, named: "the span 's'", ranges: ranges, bytes: Array("a\n\n".utf8))
    }
    #expect(failure?.message == "the border of the span 's' falls inside the token '\\n\\n'")
  }
}
