import Lang

extension FuzzTarget {
  /// A script, a line at the prompt, a prompt's template, a selector: whatever the text, everything
  /// returns, and what reads as a program reads as the same one when it is printed.
  static func language(_ bytes: [UInt8]) throws {
    let source = SourceText(name: "fuzz", bytes: bytes)
    let result = parse(source)
    for diagnostic in result.diagnostics { try check(diagnostic, in: source) }
    switch completeness(of: source) {
    case .complete: try promise(!result.hasErrors, "a complete text with errors")
    case .incomplete, .invalid: try promise(result.hasErrors, "no error in a text to be refused")
    }
    if !result.hasErrors {
      let printed = Printer.print(result.script)
      let again = parse(SourceText(name: "printed", text: printed))
      try promise(again.diagnostics.isEmpty, "what is printed has errors: \(printed)")
      try promise(Printer.print(again.script) == printed, "printed otherwise: \(printed)")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    do {
      _ = try Template.parse(text).fields
    } catch {
      try check(error, in: SourceText(name: "template", text: text))
    }
    if case .failure(let error) = parseSelector(text) {
      try check(error, in: SourceText(name: "selector", text: text))
    }
  }

  private static func check(_ diagnostic: Diagnostic, in source: SourceText) throws {
    for span in [diagnostic.span] + diagnostic.notes.map(\.span) {
      guard let span else { continue }
      try promise(
        0 <= span.start && span.start <= span.end && span.end <= source.bytes.count,
        "\(span) in \(source.bytes.count) bytes")
    }
    let shown = diagnostic.rendered(in: source)
    try promise(!shown.isEmpty, "nothing to show")
    try promise(shown.utf8.count < 20_000, "\(shown.utf8.count) bytes to show")
    let control = shown.unicodeScalars.first {
      $0 != "\n" && $0.properties.generalCategory == .control
    }
    try promise(control == nil, "a control character is shown: \(shown.debugDescription)")
  }
}
