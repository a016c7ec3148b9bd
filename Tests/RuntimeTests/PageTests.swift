import Lang
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What `report` writes. How it looks in a browser is seen by `ReportPageTests`.
@Suite struct PageTests {
  /// Runs a text in which `folder` is a place for files; hands back what it wrote there.
  private func report(
    _ text: String, environment: [String: String] = ["SOURCE_DATE_EPOCH": "1764061500"]
  ) throws -> (
    result: (status: Runtime.ExitStatus, output: String, messages: String), files: [String: String]
  ) {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let hostile = render(DrawingTests.hostileTable(), as: .csv)
    try Data(hostile.utf8).write(to: folder.appending(path: "hostile.csv"))
    let session = Session(host: TestHost(environment: environment))
    session.set("folder", to: .text(folder.path))
    let result = session.running(text, name: "some/where/script.summand")
    var files: [String: String] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path)
    where name != "hostile.csv" {
      let data = try Data(contentsOf: folder.appending(path: name))
      files[name] = String(decoding: data, as: UTF8.self)
    }
    return (result, files)
  }

  @Test func aPageHasWhatWasPrinted() throws {
    let (result, files) = try report(
      #"""
      arguments top=2
      report "\(folder)/r.html" {
        "# Of *things*"
        "\nBefore `1 < 2`"
        for n in [1, 2] { n * 0.1 }
        read "\(folder)/hostile.csv" | take 2
        let kept = 5
        read "\(folder)/hostile.csv" | derive bad = 1 / 0 | take 1
      }
      "after"
      """#)
    #expect(result.status == .done, "\(result.messages)")
    // It is printed as ever, too.
    #expect(
      result.output.hasPrefix("# Of *things*\n\nBefore `1 < 2`\n0.1\n0.2\n"), "\(result.output)")
    #expect(result.output.hasSuffix("after\n"))
    #expect(files.keys.sorted() == ["r.html", "r.md"])
    let html = try #require(files["r.html"])
    #expect(
      html.contains("<title>Of things</title>") && html.contains("<h1>Of <em>things</em></h1>"))
    #expect(html.contains("<p>Before <code>1 &lt; 2</code></p>"))
    #expect(contents(of: "output", in: html) == ["0.1", "0.2"])
    #expect(html.contains("<strong>Warning</strong> division by zero"))
    #expect(html.contains("<code>n * 0.1</code>"))
    #expect(!html.contains("after</p>") && !html.contains("kept</"))
    let names = contents(of: "dt", in: html)
    let values = contents(of: "dd", in: html)
    #expect(names == ["Summand", "script", "arguments", "date"])
    #expect(values == ["1.2.3", "script.summand", "top=2", "2025-11-25 09:05 UTC"])
    let markdown = try #require(files["r.md"])
    #expect(
      markdown.hasPrefix(
        "# Of *things*\n\n- Summand: 1.2.3\n- script: script.summand\n"))
    #expect(markdown.contains("\nBefore `1 < 2`\n") && markdown.contains("`n * 0.1`: 0.1"))
    #expect(markdown.contains("> **Warning:** division by zero"))
  }

  /// A page is HTML and need not be XML, but what it puts around values is well-formed.
  @Test func whatTextsSayIsShownAndNotDone() throws {
    let (result, files) = try report(
      #"""
      let hostile = read "\(folder)/hostile.csv"
      report "\(folder)/r.html" {
        "# <script>alert(1)</script> \(hostile["x<"] == 1)"
      }
      """#)
    #expect(result.status != .done)
    #expect(files.isEmpty, "half a report is left: \(files.keys)")

    let (second, written) = try report(
      #"""
      let hostile = read "\(folder)/hostile.csv"
      report "\(folder)/r.html" {
        "# <script>alert(1)</script>"
        "[x](javascript:alert(1)) <img src=x onerror=alert(1)> &amp; \u{1}"
        hostile
        hostile | plot bar
        hostile | plot scatter title "<script>alert(2)</script>"
        hostile | show as json
      }
      """#)
    #expect(second.status == .done, "\(second.messages)")
    let html = try #require(written["r.html"])
    let body = try #require(html.firstRange(of: "<main>"))
    let end = try #require(html.firstRange(of: "</body>"))
    #expect(complaint(ofMarkup: String(html[body.lowerBound..<end.lowerBound])) == nil)
    #expect(
      !html.contains("<script") && !html.contains("<img") && !html.contains("href=\"javascript"))
    let markdown = try #require(written["r.md"])
    #expect(!markdown.contains("<script") || markdown.contains("\\<script"))
    #expect(markdown.contains("\\<img src=x onerror=alert(1)\\>"), "\(markdown)")
  }

  /// Every cell, and the digits of every number, are those of the table.
  @Test func tablesAreWhole() throws {
    var chance = SeededGenerator(seed: 3)
    let count = 40
    let numbers = (0..<count).map { _ in Double.random(in: -1...1, using: &chance) }
    let table = Table(columns: [
      Column("token", .texts((0..<count).map { $0 == 7 ? nil : " t\($0)" })),
      Column("n", .integers(Array(0..<count))), Column("x", .doubles(numbers)),
    ])
    var page = Page()
    page.add(.table(TableValue(table)), line: "t")
    let html = try page.html([], script: "", title: "t")
    let cells = html.matches(of: /<td class="number[^"]*" data-value="([^"]*)">/)
      .map { String($0.output.1) }
    #expect(cells == (0..<count).flatMap { ["\($0)", numbers[$0].description] })
    #expect(
      html.contains("<td class=\"missing\">–</td>") && html.contains("<td>&quot; t8&quot;</td>"))
    #expect(html.contains("<summary>25 more rows</summary>"))
    let markdown = try page.markdown([], title: "t")
    #expect(markdown.matches(of: /\| +[0-9]+ \|/).count == count)
    #expect(markdown.contains("<details><summary>25 more rows</summary>\n\n| token"))

    let large = Table(columns: [Column("n", .integers(Array(0..<1500)))])
    var second = Page()
    second.add(.table(TableValue(large)), line: "t")
    #expect(try second.html([], script: "", title: "t").contains("500 more rows are not shown"))
    #expect(try second.markdown([], title: "t").contains("500 more rows are not shown"))
  }

  @Test(arguments: [
    (
      "report \"\\(folder)/r.html\" { 1; report \"\\(folder)/s.html\" { 2 } }",
      "cannot contain another"
    ),
    ("report \"\\(folder)/r.txt\" { 1 }", "is not a valid name of a page"),
    ("report \"\\(folder)/.html\" { 1 }", "is not a valid name of a page"),
    ("report \"\\(folder)/none/r.html\" { 1 }", "cannot be written"),
    ("report \"\\(folder)/r.html\" { let a = 1 }", "nothing was printed"),
    ("report \"\\(folder)/r.html\" { 1; nonsense }", "there is no variable or command"),
    ("report \"\\(folder)/r.html\" { 1; assert 1 == 2 }", "assertion failed"),
    ("[1] | plot bar to \"\\(folder)/r.svg\"", "works on a table"),
    ("read \"\\(folder)/hostile.csv\" | plot bar to \"\\(folder)/r.gif\"", "end it in .svg"),
    (
      "read \"\\(folder)/hostile.csv\" | take 0 | plot bar to \"\\(folder)/r.svg\"",
      "no rows to plot"
    ),
  ])
  func whatCannotBeWrittenLeavesNothing(text: String, message: String) throws {
    let (result, files) = try report(text)
    #expect(result.status != .done)
    #expect(result.messages.contains(message), "\(result.messages)")
    #expect(files.isEmpty, "\(files.keys)")
  }

  @Test func aReportReplacesTheOneBefore() throws {
    let (result, files) = try report(
      #"""
      for n in [1, 2] { report "\(folder)/r.html" { n } }
      read "\(folder)/hostile.csv" | plot scatter to "\(folder)/p.svg"
      """#)
    #expect(result.status == .done, "\(result.messages)")
    #expect(result.output == "1\n2\n")
    #expect(files.keys.sorted() == ["p.svg", "r.html", "r.md"])
    #expect(files["r.html"].map { contents(of: "output", in: $0) } == ["2"])
    #expect(files["p.svg"].flatMap { complaint(ofMarkup: $0) } == nil)
    #expect(files["p.svg"]?.contains("prefers-color-scheme:dark") == true)
  }

  @Test func datesAreThoseOfTheCalendar() throws {
    #expect(utcText(seconds: 0) == "1970-01-01 00:00 UTC")
    #expect(utcText(seconds: 951_782_399) == "2000-02-28 23:59 UTC")
    #expect(utcText(seconds: 951_782_400) == "2000-02-29 00:00 UTC")
    #expect(utcText(seconds: 951_868_800) == "2000-03-01 00:00 UTC")
    #expect(utcText(seconds: 4_107_542_399) == "2100-02-28 23:59 UTC")
    #expect(utcText(seconds: 4_107_542_400) == "2100-03-01 00:00 UTC")
    let wrong = try report(
      "report \"\\(folder)/r.html\" { 1 }", environment: ["SOURCE_DATE_EPOCH": "x"])
    #expect(wrong.result.messages.contains("SOURCE_DATE_EPOCH is 'x'") && wrong.files.isEmpty)
  }

  @Test func textsAreMarkdown() throws {
    func html(_ text: String) -> String { MarkdownText.inlines(text).html }
    #expect(
      html("a *b* **c *d* e** `f*`")
        == "a <em>b</em> <strong>c <em>d</em> e</strong> <code>f*</code>")
    #expect(html("L*H3 and L9H*, 2 * 3 * 4, *") == "L*H3 and L9H*, 2 * 3 * 4, *")
    #expect(html("[a](https://b.c) [d](e) \\*f\\*") == "<a href=\"https://b.c\">a</a> [d](e) *f*")
    #expect(html("``a`b`` `") == "<code>a`b</code> `")
    let text = MarkdownText("\n# A\nb\nc\n\n- d\n- *e*\n1. f\n> g\n```\nh <\n```\n#i")
    #expect(
      text.blocks == [
        .heading(level: 1, [.text("A")]), .paragraph([.text("b c")]),
        .list(isOrdered: false, [[.text("d")], [.emphasis([.text("e")])]]),
        .list(isOrdered: true, [[.text("f")]]), .quote([.text("g")]), .code("h <"),
        .paragraph([.text("#i")]),
      ])
    // What is printed as Markdown reads as the same again.
    for words in ["a *b* `c|d`", "L9H* and <b> & _x_", "\\# a", "``a`b``"] {
      let once = MarkdownText(words)
      #expect(MarkdownText(once.markdown) == once, "\(once.markdown)")
    }
    // However deep, it ends.
    let deep = String(repeating: "*", count: 20_000) + "a"
    #expect(html(deep).count == 20_001)
  }
}
