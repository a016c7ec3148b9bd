import Lang

/// What a `report` block prints, in order, on its way to a page and a Markdown file next to it.
struct Page {
  enum Block {
    /// Markdown, as a script prints it.
    case text(MarkdownText)
    /// A single value, and the line that gave it.
    case value(Value, line: String)
    case table(Table, line: String)
    /// Nil where there was nothing to draw. The table holds the numbers of it.
    case plot(SVGDrawing?, Table, line: String)
    /// What heads read, for readers to choose from; only on the page.
    case attention(AttentionView)
    case warning(String, help: String?)
    /// What a measure says of its own check.
    case note(String)
  }

  private(set) var blocks: [Block] = []
  /// What the tables and plots were measured on.
  private(set) var origins: [Origin] = []

  /// Rows of a table that are seen at once, and those that may be unfolded.
  static let rowsShown = 15
  static let mostRows = 1000

  mutating func add(_ value: Value, line: String) {
    switch value {
    case .nothing, .stream: break
    case .text(let text): blocks.append(.text(MarkdownText(text)))
    case .missing, .boolean, .integer, .number, .selector:
      blocks.append(.value(value, line: line))
    case .table, .prompts, .list, .vector, .map, .circuit, .record:
      guard let table = value.printedTable else { return }
      blocks.append(.table(table.table, line: line))
      origins += table.origins
    }
  }

  mutating func add(_ plot: Plot, drawing: SVGDrawing?, origins: [Origin], line: String) throws {
    blocks.append(.plot(drawing, plot.table, line: line))
    if let view = try plot.attentionView() { blocks.append(.attention(view)) }
    self.origins += origins
  }

  mutating func warn(_ message: String, help: String?) {
    if remarks.contains(message) { return }
    blocks.append(.warning(message, help: help))
  }

  mutating func note(_ text: String) {
    if remarks.contains(text) { return }
    blocks.append(.note(text))
  }

  /// What has been remarked since anything else was printed: a measure in a loop says the same each
  /// time.
  private var remarks: [String] {
    var remarks: [String] = []
    for block in blocks.reversed() {
      switch block {
      case .warning(let text, _), .note(let text): remarks.append(text)
      case .text, .value, .table, .plot, .attention: return remarks
      }
    }
    return remarks
  }

  var isEmpty: Bool {
    blocks.allSatisfy { block in
      switch block {
      case .warning, .note: true
      case .text, .value, .table, .plot, .attention: false
      }
    }
  }

  /// The first heading of the highest level, where the report begins with it.
  var title: [MarkdownText.Inline]? {
    guard case .text(let text)? = blocks.first,
      case .heading(level: 1, let words)? = text.blocks.first
    else { return nil }
    return words
  }

  /// The blocks without the title.
  var body: [Block] {
    guard title != nil, case .text(var text)? = blocks.first else { return blocks }
    text.blocks.removeFirst()
    return [.text(text)] + blocks.dropFirst()
  }
}
