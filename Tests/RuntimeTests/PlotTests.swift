import Lang
import TestSupport
import Testing

@testable import Runtime

@Suite struct PlotTests {
  let spans = """
    component | layer | span    | dla
    L29H1     | 29    | subject | 2.0
    L29H1     | 29    | other   | -1.0
    L3.mlp    | 3     | subject | 0.125
    L3.mlp    | 3     | other   |
    """
  let narrow = RenderSettings(width: 40)

  /// Whatever names columns and rows, and whatever the title.
  @Test(arguments: Plot.Kind.allCases)
  func whatActsOnATerminalIsShown(kind: Plot.Kind) throws {
    // It draws names that it can read.
    if kind == .circuit { return }
    let hasTokens = [.attention, .tokens].contains(kind)
    let hostile = "\u{1B}[31m\u{7}\u{9B}\u{202E}"
    let table = Table(columns: [
      Column(hasTokens ? "token" : hostile + "name", .texts([hostile, "b"])),
      Column(hasTokens ? "source" : hostile + "x", .integers([0, 1])),
      Column(hostile + "y", .doubles([2.5, -1])), Column(hostile + "none", .doubles([.nan, .nan])),
    ])
    for columns in [
      [], [hostile + "y"], [hostile + "x", hostile + "y"], [hostile + "x", hostile + "none"],
    ] {
      for by in [nil, hostile + "name"] {
        let plot = Plot(kind: kind, table: table, columns: columns, by: by, title: hostile)
        guard let text = try? plot.text(RenderSettings(width: 60)) else { continue }
        #expect(!text.unicodeScalars.contains { $0 != "\n" && picture(of: $0) != nil }, "\(text)")
      }
    }
    let wide = RenderSettings(width: 120)
    #expect(try Plot(kind: kind, table: table).text(wide).contains("\\u{1B}[31m\\u{7}"))
  }

  @Test func bars() throws {
    #expect(
      try plotBar(table(spans, measure: "dla"), settings: narrow) == """
        component  span        dla
        L29H1      subject   2.000     │████████
        L29H1      other    -1.000 ████│
        L3.mlp     subject   0.125     │▌
        L3.mlp     other         –     │

        """)
  }

  @Test func barsOfOneSign() throws {
    let tokens = try table("token | rank | prob\na | 1 | 0.5\nb | 2 | 0.25\nc | 3 | 0.0000001")
    #expect(
      try plotBar(tokens, settings: RenderSettings(width: 30))
        == """
        token      prob
        a      0.500000 │█████████████
        b      0.250000 │██████▌
        c      1.000e-7 │▏

        """)
    let negative = try table("token | x\na | -4.0\nb | -1.0")
    #expect(
      try plotBar(negative, settings: RenderSettings(width: 24, unicode: false))
        == """
        token     x
        a      -4.0 ===========|
        b      -1.0         ===|

        """)
  }

  @Test func barsInColourEndInEighthsOnBothSides() throws {
    let values = try table("a | x\np | 8.0\nq | -7.5")
    let plot = try plotBar(values, settings: RenderSettings(width: 27, colour: true))
    let rows = plot.split(separator: "\n").dropFirst()
    #expect(rows.first?.hasSuffix("│\u{1B}[0m\u{1B}[38;5;68m█████████\u{1B}[0m") == true, "\(plot)")
    #expect(rows.last?.contains("\u{1B}[38;5;167;7m▌") == true, "\(plot)")
  }

  @Test func labelsAreWhatTellsRowsApart() throws {
    let effects = try table(
      "prompt | component | layer | position | effect\np | L1H0 | 1 | 0 | 1\np | L1H0 | 1 | 1 | 2")
    #expect(try effects.labelColumns([], besides: "effect").map(\.name) == ["position"])
    let named = try effects.labelColumns(["component"], besides: "effect")
    #expect(named.map(\.name) == ["component"])
    let ranks = try table("rank | token | prob\n1 | a | 1\n2 | b | 2")
    #expect(try ranks.labelColumns([], besides: "prob").map(\.name) == ["token"])
  }

  @Test func aHeatmapOfFewColumnsShowsItsNumbers() throws {
    let plot = try plotHeatmap(
      table(spans, measure: "dla"), row: "component", column: "span", settings: narrow)
    #expect(
      plot == """
        component span →
                   subject    other
            L29H1    2.000   -1.000
           L3.mlp    0.125

                  -2.0 ≣≣≡≡==--·░░▒▒▓▓██ 2.0
                  min -1.0, max 2.0  dla

        """)
    let wide = try table(spans, measure: "dla").pivoted(rows: ["component"], column: "span")
    #expect(try plotHeatmap(wide, settings: narrow) == plot)
    // What was added to a pivoted table is no value of the column.
    let added = try wide.setting(Column("sum", .doubles([1, 0.125])))
    #expect(try plotHeatmap(added, settings: narrow).hasPrefix("component\n"))
  }

  @Test func manyColumnsAreSqueezed() throws {
    var columns = [Column("layer", .integers([0, 1, 2]))]
    for head in 0..<12 {
      let values = (0..<3).map { Double(($0 + head) % 5 - 2) }
      columns.append(Column(String(head), .doubles(values)))
    }
    let plot = try plotHeatmap(Table(columns: columns), settings: RenderSettings(width: 32))
    #expect(
      plot == """
        layer
              0   2   4   6   8   10
            0 ≣ = · ▒ █ ≣ = · ▒ █ ≣ =
            1 = · ▒ █ ≣ = · ▒ █ ≣ = ·
            2 · ▒ █ ≣ = · ▒ █ ≣ = · ▒

              -2.0 ≣≣≡≡==--·░░▒▒▓▓██ 2.0
              min -2.0, max 2.0

        """)
  }

  @Test func heatmapsChooseTheirAxes() throws {
    let heads = try table(
      "component | layer | head | dla\nL1H0 | 1 | 0 | 1\nL0H1 | 0 | 1 | 2\nL0H0 | 0 | 0 | 3",
      measure: "dla")
    let grid = try PlotGrid(heads, row: nil, column: nil, value: nil)
    #expect(grid.rowTitle == "layer" && grid.columnTitle == "head" && grid.valueTitle == "dla")
    #expect(grid.rowLabels == ["0", "1"] && grid.columnLabels == ["0", "1"])
    #expect(grid.values[0] == [3, 2] && grid.values[1][0] == 1 && grid.values[1][1].isNaN)
    let turned = try PlotGrid(heads, row: "head", column: nil, value: nil)
    #expect(turned.rowTitle == "head" && turned.columnTitle == "layer")
    let twice = try Table.stacked([heads, heads])
    let refused = try failure { _ = try plotHeatmap(twice) }
    #expect(refused.message.contains("two columns that together identify"))
    #expect(refused.help?.contains("`component`, `layer`, `head` and `dla`") == true)
    #expect(throws: Failure.self) { try plotHeatmap(table("a | b\nx | y")) }
  }

  @Test func coloursRunFromRedToBlue() {
    #expect(ColourScale.colour(-1) == RGB(red: 140, green: 20, blue: 42))
    #expect(ColourScale.colour(1) == RGB(red: 22, green: 62, blue: 128))
    #expect(ColourScale.colour(0) == ColourScale.colour(-0.0))
    #expect(ColourScale.colour(1).background(trueColour: true) == "48;2;22;62;128")
    #expect(RGB(red: 255, green: 255, blue: 255).background(trueColour: false) == "48;5;231")
    #expect(RGB(red: 128, green: 128, blue: 128).background(trueColour: false) == "48;5;244")
    #expect(RGB(red: 95, green: 135, blue: 215).background(trueColour: false) == "48;5;68")
    for unicode in [true, false] {
      let signs = stride(from: -1.0, through: 1, by: 0.25).map {
        ColourScale.sign($0, unicode: unicode)
      }
      #expect(Set(signs).count == 9, "\(signs)")
    }
  }

  @Test func aLine() throws {
    let layers = try table("layer | dla\n0 | 0\n1 | 1\n2 | 2\n3 | 1\n4 |\n5 | -2", measure: "dla")
    #expect(
      try plotLine(layers, settings: RenderSettings(width: 28)) == """
        dla
         2 ┤        ⡠⠔⢄⡀
           │     ⣀⠔⠉   ⠈⠢⢄
           │  ⢀⠤⠊         ⠁
         0 ┤⡠⠒⠁┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄
           │
           │
           │
        -2 ┤                       ⠠
           └┬──────────────────────┬
            0                      5
                               layer
        1 row not shown: a value is…

        """)
  }

  @Test func linesAreNamedWhereTheyEnd() throws {
    let lens = try table(
      "layer | token | prob\n0 | a | 0.0\n1 | a | 1.0\n0 | b | 1.0\n1 | b | 0.0", measure: "prob")
    let plot = try plotLine(lens, settings: RenderSettings(width: 30, unicode: false))
    let rows = plot.split(separator: "\n")
    #expect(rows[1].hasSuffix(" a") && rows[8].hasSuffix(" b"), "\(plot)")
    let wide = try lens.pivoted(rows: ["layer"], column: "token")
    let pivoted = try plotLine(wide, settings: RenderSettings(width: 30, unicode: false))
    #expect(pivoted.split(separator: "\n")[...] == rows.dropFirst())
  }

  @Test func aScatter() throws {
    let points = try table(
      "component | subject | relation\nL1H0 | -1 | -1\nL2H0 | 1.5 | 2.5\nL3H3 | 0 | 0.1")
    #expect(
      try plotScatter(points, settings: RenderSettings(width: 32)) == """
        relation
          │           ┊           L2H0 ●
        2 ┤           ┊
          │           ┊
          │           ┊
          │           ┊
        0 ┤┄┄┄┄┄┄┄┄┄┄┄●┄L3H3┄┄┄┄┄┄┄┄┄┄┄┄
          │           ┊
          │● L1H0     ┊
          └───────────┬─────────────────
                      0
                                 subject

        """)
    let classes = try plotScatter(points, by: "component", settings: narrow)
    #expect(classes.hasSuffix("● L1H0  ○ L2H0  ▲ L3H3\n"))
  }

  @Test func whatCannotBePlottedSaysWhatIsThere() throws {
    let texts = try table("a | b\nx | y")
    #expect(try failure { _ = try plotBar(texts) }.help == "the columns are `a` and `b`")
    #expect(try failure { _ = try plotLine(texts) }.help?.contains("`a` and `b`") == true)
    #expect(
      try failure { _ = try plotScatter(texts) }.help
        == "the columns are `a` and `b`, none of numbers")
    let one = try table("a | b\nx | 1")
    #expect(
      try failure { _ = try plotScatter(one) }.help
        == "this table has only `b`; `pivot` makes more")
    #expect(try failure { _ = try plotBar(one, value: "c") }.message.contains("no column `c`"))
    let same = try table("layer | x\n1 | 1.0\n1 | 2.0", measure: "x")
    #expect(try failure { _ = try plotLine(same) }.help?.contains("group by layer mean x") == true)
    let many = try table(
      "k | x | y\n" + (0..<9).map { "k\($0)| 1 | \($0)" }.joined(separator: "\n"))
    #expect(try failure { _ = try plotScatter(many, by: "k") }.message.contains("9 different"))
  }

  /// Whatever the numbers, every plot is drawn, inside its width.
  @Test func strangeNumbersAreDrawnToo() throws {
    let strange: [Double] = [
      0, -0.0, 1, -1, Double.leastNonzeroMagnitude, -Double.leastNonzeroMagnitude, 1e308, -1.7e308,
      1.7e308, .infinity, -.infinity, .nan, 1e-20,
      123_456_789, 0.1, 1e16,
    ]
    var chance = SeededGenerator(seed: 5)
    for round in 0..<400 {
      let count = Int.random(in: 1...12, using: &chance)
      func numbers() -> [Double] {
        (0..<count).map { _ in strange.randomElement(using: &chance) ?? 0 }
      }
      let table = Table(
        columns: [
          Column("name", .texts((0..<count).map { ["L\($0)H3", "日本 \($0)", " \($0)"][$0 % 3] })),
          Column(
            "n",
            .integers(
              (0..<count).map { _ in
                strange.randomElement(using: &chance).flatMap { Int(exactly: $0.rounded()) }
              })),
          Column("x", .doubles(numbers())), Column("y", .doubles(numbers())),
        ])
      let width = Int.random(in: 30...100, using: &chance)
      let settings = RenderSettings(
        width: width, maximumRows: 5, unicode: round % 2 == 0)
      let plots = [
        try plotBar(table, settings: settings), try plotHeatmap(table, settings: settings),
        try plotScatter(table, settings: settings),
        try plotLine(table, x: "x", y: ["n", "y"], settings: settings),
        try plotBar(table, settings: RenderSettings(width: 1)),
        try plotHeatmap(table, settings: RenderSettings(width: 1)),
        try plotScatter(table, settings: RenderSettings(width: 1)),
        try plotLine(table, settings: RenderSettings(width: 1)),
      ]
      for plot in plots.prefix(4) {
        for line in plot.split(separator: "\n") {
          #expect(displayWidth(of: String(line)) <= width, "\(plot)")
        }
      }
    }
  }

  @Test func emptyTablesSaySo() throws {
    let empty = try table("a | x | y\nb | 1 | 2").take(0)
    #expect(try plotBar(empty) == "no rows to plot\n")
    #expect(try plotHeatmap(empty) == "no rows to plot\n")
    #expect(try plotLine(empty) == "no rows to plot\n")
    #expect(try plotScatter(empty) == "no rows to plot\n")
  }
}

/// Maps that are higher than the terminal: no row is lost, and the heading stays in sight.
@Suite struct FoldedHeatmapTests {
  private let rows = 30
  private let columns = 9

  private var table: Table {
    let cells = (0..<rows).flatMap { row in (0..<columns).map { (row, $0) } }
    return Table(
      columns: [
        Column("layer", .integers(cells.map(\.0))), Column("head", .integers(cells.map(\.1))),
        Column("dla", .doubles(cells.map { Double($0 - 14) / (1 + Double($1)) })),
      ], measure: "dla")
  }

  private func lines(_ settings: RenderSettings) throws -> [String] {
    try plotHeatmap(table, settings: settings).split(
      separator: "\n", omittingEmptySubsequences: false
    )
    .dropLast().map(String.init)
  }

  @Test func twoRowsToALine() throws {
    let settings = RenderSettings(width: 80, colour: true, maximumRows: 20, trueColour: true)
    let lines = try lines(settings)
    // A screen of 24 lines, of which the prompt takes one.
    #expect(lines.count == 19 && lines.count < 24)
    #expect(lines[0].contains("layer") && lines[0].contains("head"))
    let grid = try PlotGrid(table, row: nil, column: nil, value: nil)
    for line in 0..<15 {
      let text = lines[2 + line]
      #expect(text.hasPrefix(String(2 * line).padded(left: 5)))
      for column in [0, 4, 8] {
        let halves = [0, 1].map { ColourScale.colour(grid.values[2 * line + $0][column] / 15) }
        let block =
          "\u{1B}[\(halves[0].foreground(trueColour: true));"
          + "\(halves[1].background(trueColour: true))m▀"
        #expect(text.contains(block), "\(line), \(column)")
      }
    }
    #expect(!lines.contains { $0.contains("more row") })
  }

  @Test(arguments: [true, false])
  func stretchesSideBySide(unicode: Bool) throws {
    let settings = RenderSettings(width: 80, maximumRows: 20, unicode: unicode)
    let lines = try lines(settings)
    #expect(lines.count < 24 && lines.allSatisfy { $0.count <= 80 })
    #expect(lines[0].components(separatedBy: "layer").count == 3)
    let whole = try plotHeatmap(table, settings: RenderSettings(width: 40, unicode: unicode))
      .split(separator: "\n").map(String.init)
    for row in 0..<15 {
      let line = lines[2 + row]
      let label = String(row).padded(left: 5)
      let other = String(row + 15).padded(left: 5)
      #expect(line.hasPrefix(label) && line.dropFirst(5).contains(other))
      // The same signs as in one piece.
      for part in [row, row + 15] where whole.count > 2 + part {
        let signs = whole[2 + part].dropFirst(6)
        #expect(line.filter { $0 != " " }.contains(signs.filter { $0 != " " }), "\(part)")
      }
    }
  }

  /// Down a pipe, and where there is room, all is as ever.
  @Test func nothingIsFoldedWithoutNeed() throws {
    for settings in [
      RenderSettings(), RenderSettings(width: 80, colour: true),
      RenderSettings(width: 80, maximumRows: 40),
    ] {
      let lines = try lines(settings)
      #expect(lines.count >= rows + 3)
      #expect(!lines.contains { $0.contains("▀") })
    }
    // As before where even halves are too many, or stretches too wide.
    let narrow = try lines(RenderSettings(width: 24, maximumRows: 10))
    #expect(narrow.contains { $0.contains("more rows") })
  }
}
