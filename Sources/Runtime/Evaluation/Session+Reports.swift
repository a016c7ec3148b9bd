import Lang

// `report FILE { … }`: what is printed in the block becomes a page as well.
extension Session {
  func report(to file: Lang.Expression, _ block: Block) throws {
    guard page == nil else {
      throw Failure(
        "a report cannot contain another", help: "everything that is printed is in the outer one",
        span: file.span)
    }
    let path = try bareText(file)
    try placing(at: file.span, in: source) {
      guard let base = Self.base(ofPage: path) else {
        throw Failure(
          "'\(path)' is not a valid name of a page",
          help: "end it in .html; Markdown is written next to it")
      }
      try checkCanWrite(path, host: host)
      try checkCanWrite(base + ".md", host: host)
    }
    page = Page()
    // Whatever ends the block early, the page goes with it.
    defer { page = nil }
    try run(block.statements)
    guard let page, let base = Self.base(ofPage: path) else { return }
    try placing(at: file.span, in: source) { try write(page, path, base) }
  }

  private func write(_ page: Page, _ path: String, _ base: String) throws {
    guard !page.isEmpty else {
      throw Failure(
        "nothing was printed for this report",
        help: "a bare pipeline prints its value; `let` keeps it and prints nothing")
    }
    let particulars = try particulars(of: page)
    let title = base.lastPart
    try writeFiles(
      [
        NewFile(base + ".md", text: try page.markdown(particulars, title: title)),
        NewFile(path, text: try page.html(particulars, script: source.text, title: title)),
      ], host: host)
  }

  /// The path without its ending; nil where it does not end as a page does.
  private static func base(ofPage path: String) -> String? {
    for ending in [".html", ".htm"] where path.hasSuffix(ending) {
      let base = String(path.dropLast(ending.count))
      return base.isEmpty || base.hasSuffix("/") ? nil : base
    }
    return nil
  }

  /// The statement being run, as a report shows it.
  var line: String { statement.line }

  /// Puts into the page that is being made, if one is, what a line prints.
  func putOnPage(_ value: Value) { page?.add(value, line: statement.line) }

  func putOnPage(_ plot: Plot, origins: [Origin]) throws {
    guard page != nil else { return }
    let drawing = try plot.drawing()
    try page?.add(plot, drawing: drawing, origins: origins, line: statement.line)
  }
}

extension Invocation {
  /// The seed of a draw, 0 if none is given. A report names it.
  func seed() throws -> Int {
    let seed = try integer("seed") ?? 0
    if !session.draws.contains(where: { $0 == (command.name, seed) }) {
      session.draws.append((command.name, seed))
    }
    return seed
  }
}
