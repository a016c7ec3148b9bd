import Lang

extension Invocation {
  /// The output format that a keyword names.
  func format(_ parameter: String) throws -> OutputFormat {
    guard let expression = expression(parameter) else { return host.format }
    let name = try session.choice(expression)
    if let format = OutputFormat(rawValue: name) { return format }
    let known = OutputFormat.allCases.map(\.rawValue)
    throw Failure(
      "there is no format '\(name)'",
      help: suggestion(for: name, among: known).map { "did you mean `\($0)`?" }
        ?? "there are \(known.joined(separator: ", "))", span: expression.span)
  }
}
