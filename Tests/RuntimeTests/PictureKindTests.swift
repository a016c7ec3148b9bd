import Lang
import TestSupport
import Testing

@testable import Runtime

/// Grouped bars, intervals, histograms, tokens and panels, with characters and as SVG. What they look
/// like in a browser is held by `PictureTests`.
@Suite struct PictureKindTests {
  static let grouped = """
    component | kind | effect | effect_low | effect_high
    L1H0      | zero | 2.0    | 1.0        | 4.0
    L2H1      | zero | -1.0   | -2.0       | -0.5
    L1H0      | mean | 1.0    | 0.5        | 1.5
    L2H1      | mean | 0.5    |            |
    """

  private func grouped() throws -> Table { try table(Self.grouped, measure: "effect") }

  private func drawing(_ plot: Plot) throws -> SVGDrawing { try #require(try plot.drawing()) }

  private func bars(_ drawn: String) -> [(style: String, x: Double, width: Double)] {
    drawn.matches(of: /<rect x="([0-9.]+)" y="[0-9.]+" width="([0-9.]+)"[^>]*class="(\w+)"/).map {
      (String($0.output.3), Double($0.output.1) ?? -1, Double($0.output.2) ?? -1)
    }
  }

  // MARK: Bars

  @Test func barsOfAGroupStandTogether() throws {
    let bare = try grouped().dropping(["effect_low", "effect_high"])
    let settings = RenderSettings(width: 42)
    #expect(
      try plotBar(bare, by: "kind", settings: settings) == """
        component  kind  effect
        L1H0       zero     2.0       │███████████
                   mean     1.0       │█████▌
        L2H1       zero    -1.0 ██████│
                   mean     0.5       │██▊

        """)
    let drawn = try drawing(Plot(kind: .bar, table: bare, by: "kind")).element
    #expect(bars(drawn).map(\.style) == ["s0", "s1", "s0", "s1"])
    let texts = contents(of: "text", in: drawn)
    #expect(texts.filter { $0 == "L1H0" }.count == 1)
    // The legend, in the order in which the table has them.
    #expect(texts.suffix(2) == ["zero", "mean"])
    let twice = try failure {
      _ = try plotBar(bare, label: ["kind"], value: "effect", by: "kind", settings: settings)
    }
    #expect(twice.message.contains("shows already") || twice.message.contains("show already"))
  }

  @Test func intervalsAreDrawnAtTheirEnds() throws {
    let two = try grouped().gathered([0, 1])
    let settings = RenderSettings(width: 41)
    #expect(
      try plotBar(two, settings: settings) == """
        component  effect
        L1H0          2.0        │███├───┼──────┤
        L2H1         -1.0 ├──┼─┤█│

        """)
    #expect(
      try plotBar(two, settings: RenderSettings(width: 41, unicode: false)).contains("|###[---+"))
    let drawn = try drawing(Plot(kind: .bar, table: two)).element
    let whiskers = drawn.matches(of: /<line x1="([0-9.]+)"[^>]* x2="([0-9.]+)"[^>]*class="error"/)
      .map { (Double($0.output.1) ?? -1, Double($0.output.2) ?? -1) }
    // One from end to end, and two caps, of each bar.
    try #require(whiskers.count == 6)
    let found = bars(drawn)
    let unit = found[0].width / 2
    let zero = found[0].x
    for (whisker, ends) in [(whiskers[0], (1.0, 4.0)), (whiskers[3], (-2.0, -0.5))] {
      #expect(abs(whisker.0 - (zero + ends.0 * unit)) < 0.05)
      #expect(abs(whisker.1 - (zero + ends.1 * unit)) < 0.05)
    }
    // A missing end is no interval.
    #expect(IntervalColumns(try grouped(), of: "effect")?[3] == nil)
    let backwards = try table("x | x_low | x_high\n1 | 2 | 0", measure: "x")
    #expect(try !plotBar(backwards).contains("├"))
  }

  @Test func linesAndPointsHaveTheirIntervals() throws {
    let layers = try table(
      "layer | dla | dla_low | dla_high\n0 | 1 | 0 | 3\n1 | 2 | 1 | 4\n2 | 0 | -1 | 1",
      measure: "dla")
    for kind in [Plot.Kind.line, .scatter] {
      let plot = Plot(kind: kind, table: layers, columns: ["layer", "dla"])
      let drawn = try drawing(plot).element
      #expect(drawn.matches(of: /class="error s0"/).count == 9, "\(kind)")
      // The axis reaches the ends: `4` is a tick.
      #expect(contents(of: "text", in: drawn).contains("4"))
      let bare = Plot(
        kind: kind, table: try layers.dropping(["dla_low", "dla_high"]),
        columns: ["layer", "dla"])
      let settings = RenderSettings(width: 40)
      #expect(try plot.text(settings) != bare.text(settings))
      #expect(try !drawing(bare).element.contains("class=\"error"))
    }
    // The ends are no lines of their own.
    var unmeasured = layers
    unmeasured.measure = nil
    #expect(try PlottedLines(unmeasured, x: nil, y: [], by: nil).series.map(\.name) == ["dla"])
  }

  // MARK: Histograms

  @Test func countsAreNumpys() throws {
    let expected = try Expected("Tests/RuntimeTests/Fixtures/histograms.json")
    let cases = try expected.list("cases")
    #expect(cases.count == 18)
    for item in cases {
      let set = try #require(item["set"]?.string)
      let values = try expected.numbers("sets", set)
      let column = Table(columns: [Column("x", .doubles(values))])
      let bins = item["bins"].flatMap { $0 == .null ? nil : Int($0.double) }
      let histogram = try PlottedHistogram(column, column: nil, by: nil, bins: bins)
      let counts = try #require(item["counts"]?.array).map { Int($0.double) }
      #expect(histogram.counts == [counts], "\(set), \(bins ?? 0) ranges")
      let first = try #require(item["first"]).double
      #expect(abs(histogram.ranges.first - first) < 1e-9)
      #expect(abs(histogram.ranges.width - (try #require(item["width"]).double)) < 1e-9)
    }
  }

  @Test func wholeNumbersHaveARangeEach() throws {
    let ranks = try table("rank | kind\n1 | a\n1 | b\n2 | a\n4 | a\n4 | a\n4 | b")
    #expect(
      try Plot(kind: .histogram, table: ranks, columns: ["rank"]).text(RenderSettings(width: 30))
        == """
        rank  count
        1         2 │███████████▍
        2         1 │█████▋
        3         0 │
        4         3 │█████████████████

        """)
    let split = Plot(kind: .histogram, table: ranks, columns: ["rank"], by: "kind")
    #expect(try split.text(RenderSettings(width: 40)).contains("4     a           2 │████"))
    let drawn = try drawing(split).element
    #expect(bars(drawn).map(\.style) == ["s0", "s1", "s0", "s0", "s1"])
    #expect(contents(of: "title", in: drawn).contains("a, 4: 2"))
  }

  @Test func whatCannotBeCountedIsSaid() throws {
    let holes = Table(columns: [Column("x", .doubles([1, .nan, .infinity, 2]))])
    #expect(
      try Plot(kind: .histogram, table: holes).text(RenderSettings())
        .contains("2 rows not shown"))
    let none = Table(columns: [Column("x", .doubles([.nan]))])
    #expect(
      try Plot(kind: .histogram, table: none).text(RenderSettings()).contains("no finite number"))
    #expect(try drawing(Plot(kind: .histogram, table: none)).element.contains("no finite number"))
    let same = Table(columns: [Column("x", .doubles([3, 3, 3]))])
    #expect(try PlottedHistogram(same, column: nil, by: nil).counts == [[3]])
    for (plot, message) in [
      (Plot(kind: .bar, table: holes, bins: 3), "`bins` has no effect on `plot bar`"),
      (Plot(kind: .histogram, table: holes, bins: 0), "from 1 to 200"),
      (Plot(kind: .tokens, table: holes, by: "x"), "`by` has no effect on `plot tokens`"),
      (Plot(kind: .histogram, table: holes, columns: ["x", "x"]), "draws one column, not 2"),
    ] {
      #expect(try failure { try plot.checkColumns() }.message.contains(message))
    }
  }

  // MARK: Tokens

  @Test func tokensStandOnTheirColour() throws {
    let losses = Table(
      columns: [
        Column("position", .integers([0, 1, 2])), Column("token", .texts(["Fact", ":", " The"])),
        Column("loss", .doubles([4, .nan, -2])),
      ], measure: "loss")
    let plot = Plot(kind: .tokens, table: losses)
    #expect(
      try plot.text(RenderSettings(width: 60)).hasPrefix("Fact: The\n████  ===\n"))
    let colour = try plot.text(RenderSettings(width: 60, colour: true, trueColour: true))
    #expect(colour.contains("\u{1B}[38;5;231;48;2;22;62;128mFact\u{1B}[0m"))
    let drawn = try drawing(plot).element
    let cells = drawn.matches(of: /class="(high|low|missing)"(?: fill-opacity="([0-9.]+)")?/)
    #expect(cells.prefix(3).map { String($0.output.1) } == ["high", "missing", "low"])
    #expect(cells.prefix(3).map { $0.output.2.map(String.init) } == ["1", nil, "0.5"])
    // Lines break where the terminal ends.
    let narrow = try plot.text(RenderSettings(width: 6)).split(separator: "\n")
    #expect(narrow.prefix(4) == ["Fact:", "████", " The", " ==="])
    #expect(
      try failure { _ = try Plot(kind: .tokens, table: table("a | b\nx | 1")).drawing() }.message
        .contains("needs a column `position` or `source`"))
  }

  @Test func stripsAreToldApart() throws {
    let parts = try table(
      "component | source | token | dla\nL1H0 | 0 | a | 1\nL1H0 | 1 | b | 2\nL2H0 | 0 | a | 3",
      measure: "dla")
    let strips = try TokenStrips(parts, value: nil, prompts: [])
    #expect(strips.strips.map(\.name) == ["L1H0", "L2H0"])
    #expect(strips.strips.map { $0.tokens.map(\.text) } == [["a", "b"], ["a"]])
    let twice = try Table.stacked([parts, parts])
    #expect(
      try failure { _ = try TokenStrips(twice, value: nil, prompts: []) }.message
        .contains("several rows for one token"))
  }

  // MARK: Panels

  @Test func panelsShareOneScale() throws {
    let effects = try grouped().dropping(["effect_low", "effect_high"])
    let plot = Plot(kind: .bar, table: effects, facet: "kind")
    let text = try plot.text(RenderSettings(width: 42))
    #expect(text.hasPrefix("zero\n") && text.contains("\n\nmean\n"))
    // 2.0 fills its panel, 1.0 of the other panel half as much.
    let drawn = try drawing(plot).element
    let found = bars(drawn)
    #expect(found.map(\.style) == ["high", "low", "high", "high"])
    #expect(abs(found[0].width - 2 * found[2].width) < 0.05)
    #expect(abs(found[0].x - found[2].x) < 0.05)
    #expect(drawn.matches(of: /<g transform="translate\(/).count == 2)
    let same = try failure {
      _ = try Plot(
        kind: .bar, table: effects, columns: ["kind", "effect"],
        facet: "kind"
      ).text(RenderSettings())
    }
    #expect(same.message.contains("`facet kind` names a column"))
  }

  @Test func panelsShareColoursAndRanges() throws {
    let values = try table(
      "kind | series | x | y\na | p | 0 | 1\na | q | 1 | 2\nb | q | 2 | 40\nb | q | 3 | 5")
    let points = try drawing(
      Plot(kind: .scatter, table: values, columns: ["x", "y"], by: "series", facet: "kind")
    ).element
    let styles = points.matches(of: /class="point (s\d)"/).map { String($0.output.1) }
    #expect(styles == ["s0", "s1", "s1", "s1"])
    // Both have the ticks of all values, and there is one legend.
    let texts = contents(of: "text", in: points)
    #expect(texts.filter { $0 == "40" }.count == 2)
    #expect(texts.filter { $0 == "p" }.count == 1)
    let counted = Plot(kind: .histogram, table: values, columns: ["y"], facet: "kind", bins: 4)
    let text = try counted.text(RenderSettings(width: 50))
    #expect(text.matches(of: /1\.00 to 10\.75/).count == 2, "\(text)")
    // However many numbers a panel has, its ranges are those of all.
    let uneven = Table(columns: [
      Column("kind", .texts((0..<203).map { $0 < 200 ? "a" : "b" })),
      Column("v", .doubles((0..<203).map { Double($0 % 200) / 200 })),
    ])
    let panels = try Plot(kind: .histogram, table: uneven, columns: ["v"], facet: "kind")
      .text(RenderSettings(width: 50)).matches(of: /\d\.\d+ to \d\.\d+/).map(\.output)
    #expect(panels.count > 8 && panels.prefix(panels.count / 2) == panels.suffix(panels.count / 2))
    let colourful = Table(columns: [
      Column("kind", .integers((0..<10).map { $0 / 5 })),
      Column("series", .integers(Array(0..<10))),
      Column("v", .doubles((0..<10).map(Double.init))),
    ])
    #expect(
      try failure {
        _ = try Plot(
          kind: .line, table: colourful, columns: ["v", "v"], by: "series", facet: "kind"
        ).drawing()
      }.message.contains("10 different series"))
    let many = Table(columns: [
      Column("n", .integers(Array(0..<30))), Column("v", .doubles((0..<30).map(Double.init))),
    ])
    #expect(
      try failure { _ = try Plot(kind: .bar, table: many, facet: "n").drawing() }.message
        .contains("30 panels"))
  }

  // MARK: Attention on pages

  @Test func theAttentionViewHasEveryWeight() throws {
    let weights = try table(
      "component | position | source | token | weight\n"
        + "L1H0 | 0 | 0 | <b> | 1\nL1H0 | 1 | 0 | <b> | 0.25\nL1H0 | 1 | 1 | it | 0.75\n"
        + "L2H1 | 1 | 0 | <b> | 1",
      measure: "weight")
    let view = try #require(
      try Plot(kind: .attention, table: weights, columns: ["weight"]).attentionView())
    #expect(view.heads.map(\.name) == ["L1H0", "L2H1"])
    #expect(view.heads[0].readings.map(\.position) == [0, 1])
    #expect(view.heads[0].readings[1].values == [0.25, 0.75])
    #expect(view.heads[0].readings[0].values[1].isNaN)
    let html = view.html(3)
    #expect(html.matches(of: /type="checkbox"/).count == 2)
    #expect(html.contains("id=\"reading-3-1\" checked"))
    #expect(html.contains("style=\"--a:75%\" title=\"0.75\">it</i>"))
    #expect(!html.contains("<b>it") && html.contains("&lt;b&gt;") && !html.contains("<script"))
  }
}
