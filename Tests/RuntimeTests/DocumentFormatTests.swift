import Lang
import TestSupport
import Testing

@testable import Runtime

/// Tables for documents: HTML and LaTeX.
@Suite struct DocumentFormatTests {
  private let table = Table(columns: [
    Column("head_name", .texts(["L1H0 & <b>", #"50% #1 ~\^{}"#])),
    Column("dla", .doubles([1.0 / 3, -2])), Column("rank", .integers([12, nil])),
  ])

  /// Every sign that means something to LaTeX is escaped.
  @Test func latex() {
    let lines = render(table, as: .latex).split(separator: "\n").map(String.init)
    #expect(lines.first == #"\begin{tabular}{lrr}"# && lines.last == #"\end{tabular}"#)
    #expect(lines.filter { $0 == #"\hline"# }.count == 3)
    let rows = lines.filter { $0.hasSuffix(#" \\"#) }.map { line in
      line.dropLast(3).replacing(#"\&"#, with: "and").split(
        separator: "&", omittingEmptySubsequences: false
      ).map { $0.trimmingSpaces() }
    }
    #expect(
      rows == [
        [#"head\_name"#, "dla", "rank"],
        [#"L1H0 and \textless{}b\textgreater{}"#, "0.33333", "12"],
        [
          ##"50\% \#1 \textasciitilde{}\textbackslash{}\textasciicircum{}\{\}"##, "$-$2.00000", "",
        ],
      ])
  }

  /// `\\` at the end of a row takes `*` and `[…]` for its own.
  @Test func rowsThatBeginLikeArguments() {
    let table = Table(columns: [Column("a", .texts(["[1ex]", "*", "say \"[*]\""]))])
    let cells = render(table, as: .latex).split(separator: "\n").map {
      $0.replacing(#"\\"#, with: "").trimmingSpaces()
    }
    #expect(cells[4...6] == ["{[}1ex]", "{*}", #"say {\char34}[*]{\char34}"#])
  }

  @Test func html() {
    let page = render(table, as: .html)
    #expect(complaint(ofMarkup: page) == nil, "\(page)")
    #expect(page.hasPrefix("<table>\n<thead><tr><th scope=\"col\">head_name</th>"))
    #expect(page.contains("<td>L1H0 &amp; &lt;b&gt;</td>"))
    #expect(
      page.contains(
        "<td data-value=\"0.3333333333333333\" style=\"text-align:right\">0.33333</td>"))
    #expect(page.contains("<td style=\"text-align:right\"></td>"))
  }
}
