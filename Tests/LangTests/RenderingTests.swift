import Testing

@testable import Lang

struct RenderingTests {
  private func rendered(_ marked: String, width: Int = 120) -> String {
    let marked = MarkedSource(marked)
    let style = DiagnosticStyle(maximumWidth: width) { text, _ in text }
    return Diagnostic("wrong", at: marked.spans.first, help: "mend it")
      .rendered(in: marked.source, style: style)
  }

  @Test func theLineAndThePlaceAreShown() {
    #expect(
      rendered("a\nb | ▶top◀ 3\nc") == """
        error: wrong
         --> test:2:5
          |
        2 | b | top 3
          |     ^^^
        help: mend it
        """)
  }

  @Test func wideCharactersTabsAndMarksKeepTheCaretInItsColumn() {
    #expect(
      rendered("f '日本' ▶x◀") == """
        error: wrong
         --> test:1:8
          |
        1 | f '日本' x
          |          ^
        help: mend it
        """)
    #expect(
      rendered("f\t'e\u{301}'\t▶'日'◀") == """
        error: wrong
         --> test:1:7
          |
        1 | f   'e\u{301}' '日'
          |         ^^^^
        help: mend it
        """)
    #expect(rendered("f '👩‍👩‍👧' ▶x◀").contains("\n  |        ^\n"))
  }

  @Test func controlCharactersDoNotReachATerminal() {
    #expect(rendered("a \u{1B}[2J▶\u{7}◀").contains("1 | a ␛[2J␇\n  |       ^"))
    let quoting = Diagnostic(
      "`\u{1B}[2J` is wrong", at: SourceSpan(0, 1), help: "write\n`\u{7}\u{9B}`",
      notes: [.init("\u{0}")])
    #expect(
      quoting.rendered(in: SourceText(name: "\u{1B}c", text: "x")) == """
        error: `␛[2J` is wrong
         --> ␛c:1:1
          |
        1 | x
          | ^
        note: ␀
        help: write\\n`␇\\u{9B}`
        """)
    // A mark that turns the order of writing around would show another text.
    #expect(rendered("a \u{202E}▶b◀").contains("1 | a \\u{202E}b\n  |           ^"))
  }

  /// The controls of ASCII and of C1, and the characters with the property Bidi_Control.
  @Test func whatActsOnATerminalIsSeen() {
    let acting: [ClosedRange<UInt32>] = [
      0...0x1F, 0x7F...0x9F, 0x61C...0x61C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x206F,
    ]
    let scalars = (0...0x10FFFF as ClosedRange<UInt32>).lazy.compactMap(Unicode.Scalar.init)
    let wrong = scalars.filter { scalar in
      let acts = acting.contains { $0.contains(scalar.value) }
      let mustAct =
        scalar.properties.generalCategory == .control || scalar.properties.isBidiControl
      return (picture(of: scalar) != nil) != acts || mustAct && !acts
    }
    #expect(wrong.map(\.value) == [])
    #expect(withPictures("\u{1B}[31m\u{7F}\u{9B}\u{202E}\r\n\té") == "␛[31m␡\\u{9B}\\u{202E}␍\n\té")
    #expect(withPictures("a\n\tb", keepsLines: false) == "a␊␉b")
  }

  @Test func aPlaceAtTheEndOfTheTextOrOverSeveralLinesHasACaret() {
    #expect(rendered("ab▶◀").contains("1 | ab\n  |   ^"))
    #expect(rendered("▶◀").contains("1 |\n  | ^"))
    #expect(rendered("a ▶(b\nc)◀").contains("1 | a (b\n  |   ^^"))
    #expect(rendered("a\r\n▶b◀\r\n").contains("--> test:2:1\n  |\n2 | b\n  | ^"))
  }

  @Test func longLinesAreCutAroundThePlace() {
    let text = String(repeating: "a", count: 500) + "▶bcd◀" + String(repeating: "e", count: 500)
    let lines = rendered(text, width: 40).split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[1] == " --> test:1:501")
    #expect(lines[3].hasPrefix("1 | …aaa") && lines[3].hasSuffix("eee…"))
    #expect(lines[3].count <= 4 + 42)
    let column = lines[4].firstIndex(of: "^").map {
      lines[4].distance(from: lines[4].startIndex, to: $0)
    }
    let place = lines[3].firstIndex(of: "b").map {
      lines[3].distance(from: lines[3].startIndex, to: $0)
    }
    #expect(column == place)
    let whole = rendered("▶" + String(repeating: "x", count: 100_000) + "◀", width: 40)
    #expect(whole.count < 200)
  }

  @Test func lineNumbersHaveTheirMargin() {
    let text = String(repeating: "\n", count: 99) + "▶a◀"
    #expect(rendered(text).contains("\n   --> test:100:1\n    |\n100 | a\n    | ^\n"))
  }

  @Test func withoutASourceOnlyTheWordsAreLeft() {
    let diagnostic = Diagnostic(
      "odd", at: SourceSpan(3, 4), severity: .warning, help: "look", notes: [.init("first")])
    #expect(diagnostic.rendered(in: nil) == "warning: odd\nnote: first\nhelp: look")
  }

  @Test func spansBeyondTheTextDoNotCrash() {
    for span in [SourceSpan(-5, 3), SourceSpan(2, 900), SourceSpan(900, 950), SourceSpan(3, 1)] {
      #expect(Diagnostic("x", at: span).rendered(in: source("a日b\nc")).hasPrefix("error: x\n"))
    }
  }

  @Test func rolesAreColoured() {
    let style = DiagnosticStyle { text, role in "<\(role)>\(text)</>" }
    let text = Diagnostic("wrong", at: SourceSpan(0, 1), help: "mend")
      .rendered(in: source("a"), style: style)
    #expect(
      text == """
        <error>error:</> <message>wrong</>
        <location> --> test:1:1</>
        <location>  |</>
        <location>1 |</> <source>a</>
        <location>  |</> <underline>^</>
        <help>help:</> mend
        """)
  }

  @Test func positionsCountCharactersAsPeopleSeeThem() {
    let text = source("\u{FEFF}ab\r\ne\u{301}日👩‍👩‍👧x\rz")
    #expect(text.position(of: 0) == (1, 1))
    #expect(text.position(of: 3) == (1, 1))
    #expect(text.position(of: 5) == (1, 3))
    #expect(text.position(of: text.bytes.count - 3) == (2, 4))
    #expect(text.position(of: text.bytes.count - 1) == (3, 1))
    #expect(text.position(of: 10_000) == (3, 2))
    #expect(text.position(of: -1) == (1, 1))
    #expect(text.text == "ab\r\ne\u{301}日👩‍👩‍👧x\rz")
  }
}
