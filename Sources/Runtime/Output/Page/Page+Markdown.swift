// A report as Markdown: the same texts and tables; a plot is the table of its numbers.
extension Page {
  func markdown(_ particulars: [Particular], title fallback: String) throws -> String {
    var parts = ["# " + (title ?? [.text(fallback)]).markdown]
    parts.append(
      particulars.map { "- \(escapedForMarkdown($0.name)): \($0.markdown)" }
        .joined(separator: "\n"))
    parts += try body.map(Self.markdown)
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n") + "\n"
  }

  private static func markdown(_ block: Block) throws -> String {
    switch block {
    case .text(let text): return text.markdown
    case .attention: return ""
    case .value(let value, let line):
      return "\(codeForMarkdown(line)): \(escapedForMarkdown(value.shortText ?? ""))"
    case .table(let table, let line): return "\(codeForMarkdown(line))\n\n\(try markdown(table))"
    case .plot(let drawing, let table, let line):
      let name = drawing.map { "Plot: \(escapedForMarkdown($0.name)). " } ?? ""
      return "\(name)\(codeForMarkdown(line))\n\n\(try markdown(table))"
    case .warning(let message, let help):
      let more = help.map { "; \(escapedForMarkdown($0))" } ?? ""
      return "> **Warning:** \(escapedForMarkdown(message))\(more)"
    case .note(let text): return "*\(escapedForMarkdown(text))*"
    }
  }

  private static func markdown(_ table: Table) throws -> String {
    guard table.rowCount > 0 else { return "no rows" }
    let shown = shownRows(of: table.rowCount, at: Page.rowsShown)
    let first = try rows(0..<shown, of: table)
    guard shown < table.rowCount else { return first }
    let last = min(table.rowCount, Page.mostRows)
    let left = table.rowCount - last
    return """
      \(first)
      <details><summary>\(thousands(last - shown)) more rows</summary>

      \(try rows(shown..<last, of: table))
      </details>\(left > 0 ? "\n\n\(thousands(left)) more rows are not shown." : "")
      """
  }

  private static func rows(_ range: Range<Int>, of table: Table) throws -> String {
    try render(table.gathered(Array(range)), as: .markdown)
  }
}

extension MarkdownText {
  var markdown: String { blocks.map(Self.markdown).joined(separator: "\n\n") }

  private static func markdown(_ block: Block) -> String {
    switch block {
    // The title alone is of the first level.
    case .heading(let level, let words):
      String(repeating: "#", count: max(2, level)) + " " + words.markdown
    case .paragraph(let words): escapedAtStart(words.markdown)
    case .quote(let words): "> " + words.markdown
    case .code(let text): "```\n\(text)\n```"
    case .list(let isOrdered, let items):
      items.enumerated().map { index, words in
        (isOrdered ? "\(index + 1). " : "- ") + words.markdown
      }.joined(separator: "\n")
    }
  }

  /// A paragraph is none any more where it begins like a heading or a list.
  private static func escapedAtStart(_ text: String) -> String {
    guard let first = text.first, "#-+".contains(first) else { return text }
    return "\\" + text
  }
}

extension [MarkdownText.Inline] {
  var markdown: String {
    map { inline in
      switch inline {
      case .text(let text): escapedForMarkdown(text)
      case .code(let text): codeForMarkdown(text)
      case .emphasis(let words): "*\(words.markdown)*"
      case .strong(let words): "**\(words.markdown)**"
      case .link(let words, let target): "[\(words.markdown)](\(target))"
      }
    }.joined()
  }
}

/// Between as many backticks as it takes.
func codeForMarkdown(_ text: String) -> String {
  let runs = text.split { $0 != "`" }.map(\.count)
  let fence = String(repeating: "`", count: (runs.max() ?? 0) + 1)
  let line = text.split(separator: "\n").joined(separator: " ")
  let space = line.hasPrefix("`") || line.hasSuffix("`") ? " " : ""
  return fence + space + line + space + fence
}
