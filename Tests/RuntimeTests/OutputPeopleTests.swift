import Lang
import Testing

@testable import Runtime

@Suite struct OutputPeopleTests {
  @Test func roundsAsDecimalArithmeticDoes() throws {
    for example in try fixture("numbers.json") {
      let bits = try #require(example["bits"]?.string.flatMap { UInt64($0, radix: 16) })
      let value = Double(bitPattern: bits)
      guard case .integer(let decimals)? = example["decimals"] else { continue }
      if let fixed = example["fixed"]?.string {
        #expect(DecimalText(value).fixed(decimals: decimals) == fixed, "\(value)")
      }
      if let scientific = example["scientific"]?.string {
        #expect(DecimalText(value).scientific(decimals: decimals) == scientific, "\(value)")
      }
    }
  }

  @Test func widthsAreThoseOfTerminals() throws {
    for example in try fixture("widths.json") {
      guard case .integer(let width)? = example["width"] else { continue }
      let text = try #require(example["text"]?.string)
      #expect(displayWidth(of: text) == width, "\(text)")
    }
  }

  @Test(arguments: [
    ([0.1, 2.6577, -0.07704], "0.10000 2.65770 -0.07704"),
    ([1, 2, 3], "1.0 2.0 3.0"), ([0.5, 0.25], "0.50 0.25"), ([0, 0], "0.0 0.0"),
    ([18.75916, 1.5e-7], "18.7592 1.5e-7"), ([0.72, 1e-12], "0.720000 1.00e-12"),
    ([1e-7, 2.5e-9], "1.00000e-7 2.50000e-9"), ([1e20, 1], "1.00000e20 1.00000e0"),
    ([123_456_789, 0.5], "123456789.0 0.5"), ([0.0625, 1234.5], "6.3e-2 1234.50"),
    ([Double.leastNonzeroMagnitude], "5.00000e-324"), ([-0.0, 1], "-0.0 1.0"),
  ])
  func numbersOfAColumn(values: [Double], expected: String) throws {
    let texts = try peopleTexts(.doubles(values), rows: 0..<values.count)
    #expect(texts.compactMap { $0?.trimmingSpaces() }.joined(separator: " ") == expected)
  }

  let logits = Table(
    columns: [
      Column("rank", .integers([1, 2, 3])), Column("token", .texts([" Italy", "日本", "\n"])),
      Column("logit", .singles([18.75916, 9.5, -2.5])),
      Column("prob", .doubles([0.72, 1e-9, .nan])),
    ], measure: "logit")

  @Test func aTable() {
    #expect(
      render(logits, as: .table) == """
        rank  token       logit      prob
        ─────────────────────────────────
           1  " Italy"  18.7592  0.720000
           2  "日本"     9.5000  1.000e-9
           3  "\\n"      -2.5000         –

        """)
  }

  @Test func inColour() throws {
    let coloured = render(try logits.take(-1), as: .table, settings: RenderSettings(colour: true))
    #expect(
      coloured == """
        \u{1B}[1mrank\u{1B}[0m  \u{1B}[1mtoken\u{1B}[0m  \u{1B}[1mlogit\u{1B}[0m  \u{1B}[1mprob\u{1B}[0m
        \u{1B}[2m────────────────────────\u{1B}[0m
           3  "\\n"    \u{1B}[38;5;167m-2.5\u{1B}[0m     \u{1B}[2m–\u{1B}[0m

        """)
  }

  let dla = Table(
    columns: [
      Column("prompt", .texts(["Fact: The Colosseum is in the country of", "Short"])),
      Column("component", .texts(["L29H1", "embed"])), Column("layer", .integers([29, nil])),
      Column("dla", .doubles([2.6577, -0.07704])), Column("span", .texts(["subject", "other"])),
    ], measure: "dla")

  @Test func longTextsAreCutThenColumnsLeftOut() {
    #expect(
      render(dla, as: .table, settings: RenderSettings(width: 48))
        == """
        prompt                component  layer       dla
        ────────────────────────────────────────────────
        Fact: The Colosseum…  L29H1         29   2.65770
        Short                 embed          –  -0.07704
        … 1 more column: span

        """)
  }

  @Test func aNarrowTerminalKeepsTheFirstColumnAndTheMeasure() {
    #expect(
      render(dla, as: .table, settings: RenderSettings(width: 24)) == """
        prompt               dla
        ────────────────────────
        Fact: The Col…   2.65770
        Short           -0.07704
        … 3 more columns: compo…

        """)
  }

  @Test func noLineIsWiderThanTheTerminal() throws {
    for table in [logits, dla, try logits.summary()] {
      for width in 20...90 {
        for unicode in [true, false] {
          let settings = RenderSettings(width: width, maximumRows: 2, unicode: unicode)
          for line in render(table, as: .table, settings: settings).split(separator: "\n") {
            #expect(displayWidth(of: String(line)) <= width, "\(width): \(line)")
          }
        }
      }
    }
  }

  @Test func longTablesAreCounted() throws {
    let many = Table(columns: [Column("n", .integers((0..<49_152).map { $0 }))])
    let settings = RenderSettings(maximumRows: 2)
    #expect(render(many, as: .table, settings: settings) == "n\n─\n0\n1\n… 49,150 more rows\n")
    #expect(try render(many.take(3), as: .table, settings: settings) == "n\n─\n0\n1\n2\n")
    #expect(
      try render(many.take(4), as: .table, settings: settings) == "n\n─\n0\n1\n… 2 more rows\n")
    #expect(try render(many.take(0), as: .table) == "n\n─\nno rows\n")
    #expect(render(Table(columns: []), as: .table) == "an empty table\n")
    #expect(render(many, as: .plain).utf8.count > 49_152 * 5)
  }

  @Test func plainIsASCIIAndWhole() {
    let settings = RenderSettings(width: 10, colour: true, maximumRows: 1)
    #expect(
      render(dla, as: .plain, settings: settings) == """
        prompt                                    component  layer       dla  span
        -----------------------------------------------------------------------------
        Fact: The Colosseum is in the country of  L29H1         29   2.65770  subject
        Short                                     embed             -0.07704  other

        """)
  }

  @Test(arguments: [
    ("a", "a"), ("a\u{1B}[31m", "\"a\\u{1B}[31m\""), ("", "\"\""), (" ", "\" \""),
    ("a\u{202E}b", "\"a\\u{202E}b\""), ("\\", "\\"), ("x\"y ", "\"x\\\"y \""), ("👨‍👩‍👧", "👨‍👩‍👧"),
    ("\u{A0}", "\"\u{A0}\""),
  ])
  func whatCannotBeSeenIsEscaped(text: String, shown: String) {
    let table = Table(columns: [Column("t", .texts([text]))])
    #expect(render(table, as: .table).split(separator: "\n")[2] == shown[...])
    #expect(visible(text) == shown)
  }

  @Test func aCutQuotedTextEndsOutsideItsQuotes() {
    let table = Table(columns: [Column("token", .texts([" abcdefghijklmnop"]))])
    let settings = RenderSettings(width: 12)
    #expect(render(table, as: .table, settings: settings).hasSuffix("\" abcdefgh\"…\n"))
  }

  /// Which columns stay does not depend on how many more there are, and neither does the time.
  @Test func manyColumnsAreLaidOutOnce() {
    let columns = (0..<60_000).map { (index: Int) in Column("c\(index)", .integers([index])) }
    let settings = RenderSettings(width: 30)
    let start = ContinuousClock.now
    let shown = render(Table(columns: columns, measure: "c59999"), as: .table, settings: settings)
    #expect(ContinuousClock.now - start < .seconds(10))
    #expect(
      shown == """
        c0  c1  c2  c3  c4  c5  c59999
        ──────────────────────────────
         0   1   2   3   4   5   59999
        … 59993 more columns: c6, c7,…

        """)
    #expect(
      render(Table(columns: Array(columns[..<9])), as: .table, settings: settings).hasSuffix(
        """
        c0  c1  c2  c3  c4  c5  c6  c7
        ──────────────────────────────
         0   1   2   3   4   5   6   7
        … 1 more column: c8

        """))
  }
}
