import Lang
import TestSupport
import Testing

@testable import Runtime

/// Plots as SVG. That nothing in them covers anything else is seen by a browser: `ReportPageTests`.
@Suite struct DrawingTests {
  /// What was written to do harm.
  static let hostile = [
    "</text><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "&lt;&#0;&", "]]>",
    "'a'",
    "\u{0}\u{1}\u{1B}[31m\u{7F}", "\u{202E}olleh\u{FFFE}", "a\nb\tc\r", " ", "", "日本", "L29H1",
  ]

  static func hostileTable() -> Table {
    let count = hostile.count
    return Table(columns: [
      Column("<name & \"more\">", .texts(hostile)),
      Column("x<", .doubles((0..<count).map { Double($0 * $0) / 7 - 3 })),
      Column("y&", .doubles((0..<count).map { Double($0 % 5) - 1.5 })),
    ])
  }

  /// What `plot circuit` draws, for tables of so many rows.
  static func edges(_ count: Int) -> [Column] {
    [
      Column("writer", .texts((0..<count).map { "L\($0)H\($0 % 3)" })),
      Column("reader", .texts((0..<count).map { "L\($0 + 1)H1.q" })),
    ]
  }

  private func drawing(_ plot: Plot) throws -> SVGDrawing { try #require(try plot.drawing()) }

  /// Names that look like components of a circuit, and are none.
  @Test(arguments: [
    "L9223372036854775807.mlp", "L9223372036854775807H1", "L0H9223372036854775807", "L1KV1", "L1H",
    "LH1", "L-1.mlp", "L1H1.q", "L", "",
  ])
  func componentsThatAreNone(name: String) throws {
    let edges = Table(columns: [
      Column("writer", .texts([name])), Column("reader", .texts(["logits"])),
    ])
    #expect(
      try failure { _ = try Plot(kind: .circuit, table: edges).drawing() }.message
        .contains("is not an edge"))
  }

  @Test func aScatterIsThis() throws {
    let points = try table("component | subject | relation\nL1H0 | 0 | 0.0\nL2H0 | 4 | 2.0")
    let drawn = try drawing(Plot(kind: .scatter, table: points)).element
    let lines = drawn.split(separator: "\n").map(String.init)
    #expect(
      lines[0] == """
        <svg class="plot" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 332" width="100%" \
        role="img" aria-label="relation against subject" \
        style="max-width:576px;min-width:336px">
        """)
    #expect(lines[1] == "<title>relation against subject</title>")
    #expect(
      lines[2] == "<desc>2 points: subject from 0.0 to 4.0, relation from 0.0 to 2.0.</desc>")
    #expect(
      lines.filter { $0.hasPrefix("<path") } == [
        "<path d=\"M29.4 281a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z\" class=\"point s0\">"
          + "<title>L1H0: 0, 0.0</title></path>",
        "<path d=\"M464 31a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z\" class=\"point s0\">"
          + "<title>L2H0: 4, 2.0</title></path>",
      ])
    // A name next to its point, on whichever side of it there is room.
    #expect(lines.contains("<text x=\"40.4\" y=\"275\">L1H0</text>"))
    #expect(lines.contains("<text x=\"429.8\" y=\"35\">L2H0</text>"))
    #expect(lines.last == "</svg>")
  }

  @Test func barsAreInProportion() throws {
    let values = try table("component | dla\nL1H0 | 3\nL2H0 | -1\nL3H0 | 0\nL4H0 |")
    let drawn = try drawing(Plot(kind: .bar, table: values)).element
    let bars = drawn.matches(
      of: /<rect x="([0-9.]+)" y="[0-9.]+" width="([0-9.]+)"[^>]*class="(\w+)"/)
    #expect(bars.map { String($0.output.3) } == ["high", "low"])
    let widths = bars.compactMap { Double($0.output.2) }
    #expect(abs(widths[0] - 3 * widths[1]) < 0.05)
    // Both end at zero.
    let starts = bars.compactMap { Double($0.output.1) }
    #expect(abs(starts[0] - (starts[1] + widths[1])) < 0.02)
    #expect(contents(of: "text", in: drawn).suffix(4) == ["3", "-1", "0", "–"])
  }

  @Test func aHeatmapShadesByShare() throws {
    let grid = try table("component | a | b\nL1H0 | 2.0 | -1.0\nL2H0 | 0.5 |")
    let drawn = try drawing(Plot(kind: .heatmap, table: grid)).element
    let cells = drawn.matches(
      of: /class="(high|low|missing)"(?: fill-opacity="([0-9.]+)")?><title>/)
    #expect(cells.map { String($0.output.1) } == ["high", "low", "high"])
    #expect(cells.map { $0.output.2.map(String.init) } == ["1", "0.5", "0.25"])
    #expect(drawn.contains("class=\"missing\"/>"))
    #expect(
      contents(of: "title", in: drawn).dropFirst() == [
        "L1H0, a: 2.0", "L1H0, b: -1.0", "L2H0, a: 0.5",
      ])
    // The numbers stand in the cells, on a strong shade in the other colour.
    #expect(drawn.contains("class=\"inside strong\">2.0</text>"))
    #expect(drawn.contains("class=\"inside\">-1.0</text>"))
    let small = try table("a | b | c\nx | 1.0 | -0.001")
    #expect(
      try contents(of: "text", in: drawing(Plot(kind: .heatmap, table: small)).element).contains(
        "0.00"))
  }

  @Test func aLineBreaksWhereAValueIsMissing() throws {
    let layers = try table(
      "layer | dla\n0 | 0\n1 | 1\n2 |\n3 | 1\n4 | 2\n5 |\n6 | 3", measure: "dla")
    let drawn = try drawing(Plot(kind: .line, table: layers)).element
    let curves = drawn.matches(of: /<path d="(M[^"]*)" class="curve s0"/).map {
      String($0.output.1)
    }
    #expect(curves.map { $0.count { $0 == "L" } } == [1, 1])
    #expect(drawn.contains("2 rows not shown"))
  }

  @Test func attentionShowsTokens() throws {
    let weights = try table(
      "component | layer | head | source | token | dla\n"
        + "L1H0 | 1 | 0 | 0 | Fact | 0.5\nL1H0 | 1 | 0 | 1 | <b> | 0.25\nL2H1 | 2 | 1 | 1 | <b> | 1.0",
      measure: "dla")
    let plot = Plot(kind: .attention, table: weights)
    let texts = contents(of: "text", in: try drawing(plot).element)
    #expect(texts.contains("<b>") && texts.contains("L2H1"))
    let text = try plot.text(RenderSettings(width: 60))
    #expect(text.contains("<b>") && text.contains("component source"))
    let bare = try failure {
      _ = try Plot(kind: .attention, table: table("a | b\nx | 1")).drawing()
    }
    #expect(bare.message.contains("needs the column `source`"))
    let twice = try Table.stacked([weights, weights])
    let several = try failure { _ = try Plot(kind: .attention, table: twice).drawing() }
    #expect(several.message.contains("several rows"))
  }

  @Test(arguments: Plot.Kind.allCases)
  func whatTextsSayIsShownAndNotDone(kind: Plot.Kind) throws {
    var table = Self.hostileTable()
    if [.attention, .tokens].contains(kind) {
      table.columns += [Column("source", .integers(Array(0..<table.rowCount)))]
      table.columns[0].name = "token"
    }
    if kind == .circuit { table.columns += Self.edges(table.rowCount) }
    let plot = Plot(
      kind: kind, table: table, columns: kind == .circuit ? ["y&"] : [], by: nil,
      title: Self.hostile[0] + "\u{1}")
    let drawing = try drawing(plot)
    for markup in [drawing.element, drawing.document] {
      #expect(complaint(ofMarkup: markup) == nil, "\(markup)")
      #expect(!markup.contains("<script") && !markup.contains("<img"))
    }
    #expect(contents(of: "title", in: drawing.element)[0] == Self.hostile[0] + "␁")
  }

  /// Whatever the numbers, the drawing is whole and every coordinate is one.
  @Test func strangeNumbersAreDrawnToo() throws {
    let strange: [Double] = [
      0, -0.0, 1, -1, Double.leastNonzeroMagnitude, -Double.leastNonzeroMagnitude, 1e308, -1.7e308,
      1.7e308, .infinity, -.infinity, .nan, 1e-20, 123_456_789, 0.1, 1e16,
    ]
    var chance = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      let count = Int.random(in: 1...12, using: &chance)
      func numbers() -> [Double] {
        (0..<count).map { _ in strange.randomElement(using: &chance) ?? 0 }
      }
      let table = Table(columns: [
        Column("name", .texts((0..<count).map { ["L\($0)H3", "日本 \($0)", " \($0)"][$0 % 3] })),
        Column("source", .integers((0..<count).map { $0 })),
        Column("x", .doubles(numbers())), Column("y", .doubles(numbers())),
      ])
      for kind in Plot.Kind.allCases {
        let columns =
          kind == .scatter
          ? ["x", "y"] : kind == .line ? ["source", "x", "y"] : kind == .circuit ? ["x"] : []
        var shown = table
        if kind == .circuit { shown.columns += Self.edges(count) }
        let markup = try drawing(Plot(kind: kind, table: shown, columns: columns)).document
        #expect(complaint(ofMarkup: markup) == nil, "\(markup)")
        let places = markup.matches(
          of: /\ (?:x|y|x1|x2|y1|y2|width|height|fill-opacity)="([^"%]*)"/)
        for place in places {
          let value = try #require(Double(place.output.1), "\(place.output.0)")
          #expect(value >= -1 && value < 10_000, "\(kind): \(place.output.0) in \(markup)")
        }
      }
    }
  }

  @Test func emptyTablesDrawNothing() throws {
    let empty = try table("a | x | y\nb | 1 | 2").take(0)
    for kind in Plot.Kind.allCases { #expect(try Plot(kind: kind, table: empty).drawing() == nil) }
  }
}
