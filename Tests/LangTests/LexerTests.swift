import Testing

@testable import Lang

struct LexerTests {
  /// Every byte of a text belongs to exactly one token.
  static func expectCover(_ source: SourceText, _ location: SourceLocation = #_sourceLocation) {
    var offset = 0
    for token in tokens(of: source) {
      guard token.span.start == offset, token.span.end > offset else {
        Issue.record("a gap or an overlap at \(offset): \(token)", sourceLocation: location)
        return
      }
      offset = token.span.end
    }
    #expect(offset == source.bytes.count, sourceLocation: location)
  }

  private func kinds(_ text: String) -> [Token.Kind] {
    tokens(of: source(text)).filter { !$0.isTrivia }.map(\.kind)
  }

  @Test func triviaAreTokens() {
    let text = "a  # b\n\tc"
    #expect(
      tokens(of: source(text)).map(\.kind) == [
        .identifier, .whitespace, .comment, .newline, .whitespace, .identifier,
      ])
    Self.expectCover(source(text))
  }

  @Test func stringsAreCutIntoPieces() {
    #expect(
      kinds(#""a\n\(b)c" 'd'"#) == [
        .stringStart, .stringText, .stringEscape, .interpolationStart, .identifier,
        .interpolationEnd, .stringText, .stringEnd, .rawString,
      ])
  }

  @Test func wordsThatBeginStatementsAreKeywordsOnlyThere() {
    #expect(kinds("source x") == [.keyword(.source), .identifier])
    #expect(kinds("by source") == [.identifier, .identifier])
    #expect(
      kinds("if a { time b } else if c { }")
        == [
          .keyword(.if), .identifier, .leftBrace, .keyword(.time), .identifier, .rightBrace,
          .keyword(.else), .keyword(.if), .identifier, .leftBrace, .rightBrace,
        ])
    #expect(kinds("a.let") == [.identifier, .dot, .identifier])
  }

  @Test func anExclamationMarkBeginsAStageOnlyWhereOneBegins() {
    #expect(kinds("!a | b") == [.shell])
    #expect(kinds("a | !b | c") == [.identifier, .pipe, .shell])
    #expect(kinds("a | !echo `b` $c") == [.identifier, .pipe, .shell])
    #expect(kinds("`a b`.`c``d`") == [.column, .dot, .column])
    #expect(kinds("$a + $größe") == [.variable, .plus, .variable])
    #expect(kinds("a |\n !b") == [.identifier, .pipe, .newline, .shell])
    #expect(kinds("a != b") == [.identifier, .notEqual, .identifier])
    #expect(kinds("where !b") == [.identifier, .invalid(.exclamation), .identifier])
  }

  @Test func whatNoProgramCanHoldIsInvalid() {
    #expect(kinds("12abc") == [.invalid(.number)])
    #expect(kinds("L9h8") == [.invalid(.component)])
    #expect(kinds("'abc") == [.invalid(.unterminatedString)])
    #expect(kinds("a && b") == [.identifier, .invalid(.foreignOperator), .identifier])
    #expect(kinds("“a b” c") == [.invalid(.foreignQuotes), .identifier])
    #expect(kinds("a\u{A0}b") == [.identifier, .invalid(.foreignSpace), .identifier])
    #expect(kinds("a\u{0}") == [.identifier, .invalid(.control)])
    #expect(kinds("$") == [.invalid(.character)])
    #expect(kinds("$5") == [.invalid(.character), .integer])
    #expect(kinds("`a") == [.invalid(.unterminatedColumn)])
    #expect(
      kinds("`a``\nb`") == [
        .invalid(.unterminatedColumn), .newline, .identifier, .invalid(.unterminatedColumn),
      ])
    #expect(
      tokens(of: SourceText(name: "test", bytes: [0xFF, 0x61])).map(\.kind) == [
        .invalid(.encoding), .identifier,
      ])
  }

  @Test func everyRowOfTheParserTestsIsCovered() {
    let rows =
      ParserTests.pipelines + ParserTests.commands + ParserTests.expressions
      + ParserTests.literals + ParserTests.components + ParserTests.positions
      + ParserTests.statements + ParserTests.continuations
    for row in rows { Self.expectCover(source(row.text)) }
  }
}
