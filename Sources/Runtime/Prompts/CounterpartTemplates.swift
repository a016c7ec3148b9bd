import Lang
import Model

/// The template of each fact's counterpart: the one of the line, or the data's column `corrupt`.
struct CounterpartTemplates {
  private var shared: Template?
  private var column: Column?
  private let span: SourceSpan

  init(_ call: Invocation, _ source: FactSource) throws {
    span = call.span(of: "counterpart")
    let isReversed = call.hasFlag("reversed")
    if let expression = call.expression("counterpart") {
      guard !isReversed else {
        throw Failure(
          "reversed prompts have no counterpart", help: "omit one of the two",
          span: expression.span)
      }
      shared = try placing(at: expression.span) {
        try FactTemplates.written(expression, false, call.session)
      }
    } else if !isReversed {
      column = source.table["corrupt"]
    }
  }

  /// Nil where the fact has no counterpart.
  func template(of row: Int) throws -> Template? {
    if let shared { return shared }
    guard let text = column?[row].description, !text.isEmpty else { return nil }
    return try FactTemplates.parsed(text, false)
  }
}

extension FactReader {
  /// Gives the prompt of a row its counterpart.
  ///
  /// - Returns: whether it has one now; else the fact is left out.
  mutating func pair(_ prompt: inout Prompt, _ row: Int, with template: Template) throws -> Bool {
    try require(template.fields)
    var fields: [String: String] = [:]
    for name in template.fields {
      guard let text = text(name, row) else {
        _ = leave(.absent, "row \(row + 1) has no \(name)")
        return false
      }
      fields[name] = text
    }
    let filled = FilledTemplate(template, fields: fields)
    // A column that is the whole text labels nothing in it.
    let labels = filled.labels.filter { $0.range != 0..<filled.text.utf8.count }
    do {
      try prompt.pair(with: try self.prompt(filled.text, labels: labels))
      return true
    } catch let failure as Failure {
      for piece in model.tokenizer.encode(filled.text) { try model.require(token: piece.id) }
      _ = leave(.border, "'\(filled.text)': \(failure.message)")
      return false
    }
  }
}
