/// Reads one selector that stands alone, in a table's column for instance: `L29H1`,
/// `L9.mlp@subject`, `heads@last`, `unembed.bias`, `blocks.9.attn.hook_z`.
public func parseSelector(_ text: String) -> Result<Expression, Diagnostic> {
  let result = parse(SourceText(name: "selector", text: text))
  if let diagnostic = result.diagnostics.first { return .failure(diagnostic) }
  guard result.script.statements.count == 1, let statement = result.script.statements.first,
    case .pipeline(let pipeline) = statement.kind, pipeline.stages.count == 1,
    case .expression(let expression)? = pipeline.stages.first?.kind, isSelector(expression)
  else {
    return .failure(
      Diagnostic(
        "`\(excerpt(text))` is not a component, a site or a position",
        at: SourceSpan(0, text.utf8.count), help: "for instance: L29H1, L9.mlp@subject, heads@last")
    )
  }
  return .success(expression)
}

private func isSelector(_ expression: Expression) -> Bool {
  switch expression.kind {
  case .component, .name, .at(nil, _): true
  case .path(let nodes): nodes.allSatisfy(isSelector)
  case .member(let base, _), .at(let base?, _): isSelector(base)
  default: false
  }
}
