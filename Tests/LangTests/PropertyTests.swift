import TestSupport
import Testing

@testable import Lang

/// What must hold for any text and any tree. Seeds are fixed, so a failure comes back.
struct PropertyTests {
  @Test(arguments: [UInt64(1), 2, 3, 4])
  func randomTreesSurviveThePrinter(_ seed: UInt64) {
    for number in 0..<500 {
      var generator = RandomTree(seed: seed << 32 + UInt64(number))
      let script = generator.script()
      let text = Printer.print(script)
      let result = parse(source(text))
      guard result.diagnostics.isEmpty, dump(result.script) == dump(script) else {
        let errors = result.diagnostics.map { $0.rendered(in: source(text)) }
        Issue.record(
          "seed \(seed), tree \(number):\n\(text)\n\(dump(script))\n\(dump(result.script))\n\(errors.joined(separator: "\n"))"
        )
        return
      }
      #expect(Printer.print(result.script) == text)
    }
  }

  /// Whatever the text, everything returns, tokens cover it, places lie in it.
  private func expectSane(_ bytes: [UInt8]) {
    let source = SourceText(name: "test", bytes: bytes)
    LexerTests.expectCover(source)
    let result = parse(source)
    for diagnostic in result.diagnostics {
      guard let span = diagnostic.span else { continue }
      #expect(0 <= span.start && span.start <= span.end && span.end <= bytes.count)
      #expect(!diagnostic.rendered(in: source).isEmpty)
    }
    switch completeness(of: source) {
    case .complete: #expect(!result.hasErrors)
    case .incomplete, .invalid: #expect(result.hasErrors)
    }
    if !result.hasErrors {
      let printed = Printer.print(result.script)
      #expect(tree(printed) == dump(result.script))
      LexerTests.expectCover(Lang.SourceText(name: "printed", text: printed))
    }
  }

  @Test func randomBytes() {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<1000 {
      let count = Int.random(in: 0...80, using: &random)
      expectSane((0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  @Test(arguments: [UInt64(11), 12, 13, 14])
  func randomPiecesOfTheLanguage(_ seed: UInt64) {
    let pieces = [
      "(", ")", "[", "]", "{", "}", "|", ";", "\n", " ", " ", " ", "@", ".", "..", ",", "=", "->",
      "-", "+", "*", "/", "%", "==", "!=", "<", "!", "\"", "'", "\\", "\\(", "#", "--x", "a", "L9",
      "L9H", "L{", "L*", "blocks.1", "hook_z", "let", "def", "for", "if", "else", "in", "not",
      "and", "or", "true", "assert", "source", "time", "1", "1.5", "2GB", "10%", "1e", "./x", "~/y",
      "&&", "`", "``", "`a b`", "$", "$a", "9223372036854775808", "“", "”", "–", "\u{A0}", "é", "日",
      "\u{0}", "\r", "\\u{", "Qwen2.5", "x-1b",
    ]
    var random = SeededGenerator(seed: seed)
    for _ in 0..<1500 {
      let count = Int.random(in: 1...25, using: &random)
      let text = (0..<count).map { _ in random.pick(pieces) }.joined()
      expectSane(Array(text.utf8))
    }
  }

  @Test func damagedPrograms() {
    var random = SeededGenerator(seed: 21)
    for number in 0..<400 {
      var generator = RandomTree(seed: 0xABC00 + UInt64(number))
      var bytes = Array(Printer.print(generator.script()).utf8)
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes.remove(at: place)
        case 1: bytes.insert(random.pick(Array("()[]{}|;\"'\\#!=@.-\n ".utf8)), at: place)
        default: bytes.removeSubrange(place...)
        }
      }
      expectSane(bytes)
    }
  }

  /// Long texts in each of the shapes that could cost more than their length: a cost that grows with
  /// the square of it would not end in time.
  @Test(
    .timeLimit(.minutes(1)),
    arguments: [
      "a | ", "a;", "[1, ", "f a, ", "L9H8.z ", "a.b", "(((", "}}}", "\"a\\n", "\"\\(", "'", "@{",
      "x-", "a/b-", "\u{A0}", "$", "a b ", "!", "\\", "日", "-- ", "{{{", "a\n", "(\n", "if a {\n",
      "#", "1.", "L{1,", "“", "let x = (\n", "-", "not ", "\r", "e\u{301}", "\"", "\"{a:",
    ])
  func longTexts(_ piece: String) {
    #if DEBUG
      let length = 50_000
    #else
      let length = 1_000_000
    #endif
    let count = length / piece.utf8.count
    let source = source(String(repeating: piece, count: count))
    #expect(tokens(of: source).last?.span.end == source.bytes.count)
    let result = parse(source)
    #expect(result.diagnostics.count <= Parser.diagnosticLimit + 1)
    if let first = result.diagnostics.first { #expect(first.rendered(in: source).count < 1000) }
    _ = completeness(of: source)
  }
}
