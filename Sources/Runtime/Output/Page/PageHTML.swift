import Lang

// A report as one HTML page: no script, nothing from a network, the same for light and dark.
extension Page {
  func html(_ particulars: [Particular], script: String, title fallback: String) throws -> String {
    let words = title ?? [.text(fallback)]
    let (body, sections) = try bodyHTML()
    let views = blocks.contains { if case .attention = $0 { true } else { false } }
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="Summand \(Version.current)">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
      style-src 'unsafe-inline'; img-src data:">
      <link rel="icon" href="data:,">
      <title>\(escapedForMarkup(words.plain))</title>
      <style>
      \(PageStyle.rules)\(SVGStyle.rules)\(views ? AttentionView.rules : "")</style>
      </head>
      <body>
      <main>
      <header>
      <h1>\(words.html)</h1>
      <dl class="particulars">
      \(particulars.map(\.html).joined())</dl>
      </header>
      \(Self.contents(sections))\(body)<footer>
      <details class="script">
      <summary>The script</summary>
      <pre tabindex="0"><code>\(escapedForMarkup(script))</code></pre>
      </details>
      </footer>
      </main>
      </body>
      </html>

      """
  }

  /// The body, and the headings of its sections, which `contents` points at.
  private func bodyHTML() throws -> (html: String, sections: [String]) {
    var html = ""
    var sections: [String] = []
    for (number, block) in body.enumerated() {
      if case .text(let text) = block {
        for part in text.blocks { html += part.html(&sections) }
      } else if case .attention(let view) = block {
        html += view.html(number)
      } else {
        html += try Self.html(block)
      }
    }
    return (html, sections)
  }

  /// A few sections can be seen without a list of them.
  private static func contents(_ sections: [String]) -> String {
    guard sections.count > 3 else { return "" }
    let items = sections.enumerated().map { index, words in
      "<li><a href=\"#section-\(index + 1)\">\(words)</a></li>\n"
    }
    return "<nav aria-label=\"Contents\">\n<ol>\n\(items.joined())</ol>\n</nav>\n"
  }

  private static func html(_ block: Block) throws -> String {
    switch block {
    case .text, .attention: ""
    case .value(let value, let line):
      "<p class=\"value\">\(code(line)) <output\(dataValue(value.cell))>"
        + "\(escapedForMarkup(value.shortText ?? ""))</output></p>\n"
    case .table(let table, let line):
      "<figure class=\"table\">\n\(caption(line))\(try HTMLTable(table).html)</figure>\n"
    case .plot(let drawing?, let table, let line):
      """
      <figure>
      \(caption(line))<div class="scroll" tabindex="0" role="region" \
      aria-label="\(escapedForMarkup(drawing.name))">
      \(drawing.element)</div>
      <details class="numbers">
      <summary>The numbers</summary>
      \(try HTMLTable(table, rowsShown: Page.mostRows).html)</details>
      </figure>

      """
    case .plot(nil, _, let line):
      "<figure>\n\(caption(line))<p class=\"note\">no rows to plot</p>\n</figure>\n"
    case .warning(let message, let help):
      "<aside class=\"warning\"><strong>Warning</strong> \(escapedForMarkup(escapedText(message)))"
        + (help.map { "<br>\(escapedForMarkup(escapedText($0)))" } ?? "") + "</aside>\n"
    case .note(let text): "<p class=\"note\">\(escapedForMarkup(escapedText(text)))</p>\n"
    }
  }

  private static func caption(_ line: String) -> String {
    "<figcaption>\(code(line))</figcaption>\n"
  }

  private static func code(_ line: String) -> String {
    "<code>\(escapedForMarkup(line))</code>"
  }
}

/// The digits that reproduce a number, as an attribute.
private func dataValue(_ cell: Cell?) -> String {
  guard let cell, cell.number != nil else { return "" }
  return " data-value=\"\(cell.description)\""
}

/// A table for a page that is not ours, with the styles that it needs.
func notebookHTML(_ table: Table, rowsShown: Int) throws -> String {
  """
  <div class="summand"><style>
  .summand table{border-collapse:collapse;font-variant-numeric:tabular-nums}
  .summand th,.summand td{text-align:left!important;white-space:pre;padding:.2em 1em .2em 0}
  .summand th.number,.summand td.number{text-align:right!important}
  .summand .missing{opacity:.6}.summand td.long{white-space:pre-wrap}
  .summand .scroll{overflow-x:auto}
  </style>
  \(try HTMLTable(table, rowsShown: rowsShown).html)</div>

  """
}

/// A table with its first rows in sight and the others to unfold.
private struct HTMLTable {
  private let table: Table
  private let columns: [PeopleColumn]
  /// Longer texts may be broken.
  private static let longest = 40
  private let shown: Int
  private let last: Int

  init(_ table: Table, rowsShown: Int = Page.rowsShown) throws {
    self.table = table
    shown = Runtime.shownRows(of: table.rowCount, at: rowsShown)
    last = max(shown, min(table.rowCount, Page.mostRows))
    columns = try [Int](table.columns.indices).map { [last] index in
      try PeopleColumn(table.columns[index], rows: 0..<last, missing: "–")
    }
  }

  var html: String {
    guard table.rowCount > 0 else { return "<p class=\"note\">no rows</p>\n" }
    var html = rows(0..<shown)
    if shown < last {
      html += """
        <details>
        <summary>\(thousands(last - shown)) more rows</summary>
        \(rows(shown..<last))</details>

        """
    }
    if last < table.rowCount {
      html += "<p class=\"note\">\(thousands(table.rowCount - last)) more rows are not shown</p>\n"
    }
    return html
  }

  private func rows(_ range: Range<Int>) -> String {
    let heads = columns.map { column in
      "<th scope=\"col\"\(column.isRight ? " class=\"number\"" : "")>"
        + "\(escapedForMarkup(column.title))</th>"
    }
    let lines = range.map { row in
      "<tr>" + columns.indices.map { cell(row, $0) }.joined() + "</tr>\n"
    }
    return """
      <div class="scroll" tabindex="0" role="region" aria-label="table">
      <table>
      <thead><tr>\(heads.joined())</tr></thead>
      <tbody>
      \(lines.joined())</tbody>
      </table>
      </div>

      """
  }

  private func cell(_ row: Int, _ index: Int) -> String {
    let column = columns[index]
    let text = column.isText ? column.cells[row] : column.cells[row].trimmingSpaces()
    var styles: [String] = []
    if column.isRight { styles.append("number") }
    switch column.styles[row] {
    case .negative?: styles.append("negative")
    case .faint?: styles.append("missing")
    default: break
    }
    if column.isText, displayWidth(of: text) > Self.longest { styles.append("long") }
    let names = styles.isEmpty ? "" : " class=\"\(styles.joined(separator: " "))\""
    return "<td\(names)\(dataValue(table.columns[index][row]))>\(escapedForMarkup(text))</td>"
  }
}

extension MarkdownText.Block {
  fileprivate func html(_ sections: inout [String]) -> String {
    switch self {
    // The title alone is of the first level.
    case .heading(let level, let words) where level <= 2:
      sections.append(words.html)
      return "<h2 id=\"section-\(sections.count)\">\(words.html)</h2>\n"
    case .heading(let level, let words):
      return "<h\(min(level, 4))>\(words.html)</h\(min(level, 4))>\n"
    case .paragraph(let words): return "<p>\(words.html)</p>\n"
    case .quote(let words): return "<blockquote><p>\(words.html)</p></blockquote>\n"
    case .code(let text):
      return "<pre tabindex=\"0\"><code>\(escapedForMarkup(text))</code></pre>\n"
    case .list(let isOrdered, let items):
      let tag = isOrdered ? "ol" : "ul"
      return "<\(tag)>\n" + items.map { "<li>\($0.html)</li>\n" }.joined() + "</\(tag)>\n"
    }
  }
}

extension [MarkdownText.Inline] {
  var html: String {
    map { inline in
      switch inline {
      case .text(let text): escapedForMarkup(text)
      case .code(let text): "<code>\(escapedForMarkup(text))</code>"
      case .emphasis(let words): "<em>\(words.html)</em>"
      case .strong(let words): "<strong>\(words.html)</strong>"
      case .link(let words, let target):
        "<a href=\"\(escapedForMarkup(target))\">\(words.html)</a>"
      }
    }.joined()
  }
}
