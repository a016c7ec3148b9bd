import Foundation
import Runtime
import TestSupport
import Testing

/// A report in headless Chromium, as people see it: light and dark, wide and on a phone.
@Suite struct ReportPageTests {
  /// Chromium's program; nil where there is none.
  static let browser: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let paths = ["chromium", "google-chrome"].flatMap { name in folders.map { "\($0)/\(name)" } }
    return paths.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  /// In CI it is never skipped.
  static let canRun = browser != nil || ProcessInfo.processInfo.environment["CI"] != nil

  struct Seen: Decodable {
    struct Look: Decodable {
      struct Contrast: Decodable {
        var ratio: Double
        var text: String
      }
      var scheme: String
      var width: Int
      /// How wide the page's content is.
      var page: Double
      /// Texts of a plot that cover each other, and those that stand out of it.
      var covered: [String]
      var outside: [String]
      var contrast: Contrast
      var paper: String
      var plots: Int
      /// The pixels of the smallest letters of each plot.
      var small: [Double]
      var complaints: [String]
      var requests: [String]
    }

    struct Figure: Decodable {
      struct Cell: Decodable {
        var text: String
        var value: String?
      }
      var line: String
      var columns: [String]
      var rows: [[Cell]]
    }

    var looks: [Look]
    var title: String
    var text: String
    var tables: [Figure]
    var values: [String]
    var scripts: Int
  }

  static let script = #"""
    arguments out="report.html" folder="."
    let fact = prompt "{subject:the tower} {relation:is in}" -> first " a"
    let hostile = read "\(args.folder)/hostile.csv"
    report args.out {
      "# What the *tiny* model does with <b>tags</b> & others"
      "## Logits"
      fact | rank | save "\(args.folder)/rank.tsv" as escaped
      fact | rank
      fact | logits | save "\(args.folder)/logits.tsv" as escaped
      fact | logits
      length(hostile)
      "## Hostile"
      hostile | save "\(args.folder)/hostile.tsv" as escaped
      hostile
      hostile | plot bar title "</text><script>alert(1)</script> and a title so long that it takes two lines or more"
      hostile | plot scatter x, y by kind
      hostile | plot line x, y by kind
      hostile | select name, x, y | plot heatmap
      "## Heads"
      fact | dla by head | plot heatmap layer, head
      read "\(args.folder)/shares.csv" | plot heatmap row, column, share
      fact | dla by head | plot bar
      fact | dla by head, span | pivot component span | plot scatter title "Subject and relation"
      fact | attention heads@last | plot attention
      "## Layers"
      fact | lens | plot line layer, logit
      fact | dla by component | derive none = 1 / 0 | take 1
      "The end."
    }
    """#

  static let hostile = """
    name,kind,x,y
    "</td><script>alert(1)</script>",a,1,0.30000000000000004
    "<img src=x onerror=alert(1)>",b,2,-1234.5678901234567
    "a very long name, which goes on and on until nobody reads it any more, and yet some more",a,3,5e-07
    "&lt;b&gt; & &amp;",b,4,12
    "\u{1B}[31m\u{202E}olleh",a,5,0.1
    "日本語のトークン",b,6,
    " spaces ",a,7,7.25
    "'",b,8,-3
    "\u{5D0}\u{5D1}\u{5D2} \u{627}\u{644}",a,9,0.125

    """

  /// Every shade that a heatmap has, with its number on it.
  static let shares =
    "row,column,share\n"
    + (-50...50).map { "\(($0 + 50) / 5),\(($0 + 50) % 5),\(Double($0) / 50)\n" }.joined()

  @Test(
    .enabled(
      if: canRun, "there is no Chromium on this machine: reports were not tested in a browser"),
    .timeLimit(.minutes(5)))
  func aReportIsWhatPeopleCanRead() async throws {
    let browser = try #require(Self.browser, "Chromium is not installed")
    try await withTemporaryFolder { folder in
      try Data(Self.hostile.utf8).write(to: URL(fileURLWithPath: folder + "/hostile.csv"))
      try Data(Self.shares.utf8).write(to: URL(fileURLWithPath: folder + "/shares.csv"))
      try Data(Self.script.utf8).write(to: URL(fileURLWithPath: folder + "/report.summand"))
      let run = try await BuiltProgram.run([
        "--model", BuiltProgram.tinyModel, folder + "/report.summand", "out=\(folder)/report.html",
        "folder=\(folder)",
      ])
      try #require(run.status == 0, "\(run.messages)")

      let driver = packageRoot.appending(path: "Tests/ShellTests/Fixtures/browser.py").path
      let looking = try await BuiltProgram.run(
        "/usr/bin/env", ["python3", driver, browser, folder + "/report.html"])
      try #require(looking.status == 0, "\(looking.messages)")
      let seen = try JSONDecoder().decode(Seen.self, from: Data(looking.output.utf8))
      check(seen.looks)
      #expect(seen.title == "What the tiny model does with <b>tags</b> & others")
      #expect(seen.scripts == 0)
      #expect(seen.values == ["9"])
      #expect(seen.text.contains("Warning division by zero"))
      for (line, file) in [
        ("fact | rank", "rank"), ("fact | logits", "logits"), ("hostile", "hostile"),
      ] {
        let figure = try #require(seen.tables.first { $0.line == line })
        try check(figure, equals: folder + "/\(file).tsv")
      }
    }
  }

  private func check(_ looks: [Seen.Look]) {
    #expect(
      looks.map { "\($0.scheme) \($0.width)" } == [
        "light 1200", "light 390", "dark 1200", "dark 390",
      ])
    for look in looks {
      let name = "\(look.scheme), \(look.width) wide"
      #expect(look.complaints == [], "\(name)")
      #expect(look.requests == [], "\(name): it asks a network")
      #expect(look.page <= Double(look.width), "\(name): the page is \(look.page) wide")
      #expect(look.covered == [], "\(name): texts cover each other")
      #expect(look.outside == [], "\(name): texts stand out of their plot")
      #expect(look.contrast.ratio >= 4.5, "\(name): '\(look.contrast.text)' is hard to read")
      #expect(look.plots == 10, "\(name)")
      #expect(look.small.allSatisfy { $0 >= 7.5 }, "\(name): \(look.small)")
    }
    #expect(Set(looks.map(\.paper)).count == 2, "light and dark are the same")
  }

  /// A table on the page against the file that the same table was saved to.
  private func check(_ figure: Seen.Figure, equals file: String) throws {
    let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: file)), as: UTF8.self)
    let lines = text.split(separator: "\n").map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
    #expect(figure.columns == lines.first)
    #expect(figure.rows.count == lines.count - 1)
    var numbers = 0
    for (cells, saved) in zip(figure.rows, lines.dropFirst()) {
      #expect(cells.count == saved.count)
      for (cell, saved) in zip(cells, saved) {
        guard let value = cell.value else {
          let isQuoted = cell.text.hasPrefix("\"") && cell.text.hasSuffix("\"")
          #expect(isQuoted || cell.text == (saved.isEmpty ? "–" : saved))
          continue
        }
        numbers += 1
        #expect(value == saved)
        // What is seen is that number, rounded to two digits or more.
        let exact = try #require(Double(saved))
        let seen = try #require(Double(cell.text), "\(cell.text)")
        #expect(abs(seen - exact) <= 0.05 * abs(exact), "\(cell.text) is \(saved)")
      }
    }
    #expect(numbers >= lines.count - 1)
  }
}
