// `L5H1 -> L9H6.q`: what leads from one component to another. An arrow after anything else is a
// command's: `prompt "…" -> " Italy"`, `knockout subject -> last`.

extension Parser {
  /// Words that stand for components. No variable has such a name.
  private static let componentWords: Set = [
    "embed", "pos_embed", "heads", "mlps", "attns", "layers", "logits",
  ]

  /// An expression, or components with arrows between them. The path has a function of its own, so that
  /// nested brackets need no room on the stack for it.
  mutating func parsePathOrExpression() throws(Abort) -> Expression {
    let start = span.start
    return try path(from: try parseExpression(), start)
  }

  private mutating func path(from first: Expression, _ start: Int) throws(Abort) -> Expression {
    guard kind == .arrow, first.isComponent || isComponent(indexAfter(index)) else { return first }
    var nodes = [first]
    var tallest = height
    while kind == .arrow {
      advance()
      skipNewlines()
      guard beginsArgument(index, afterSpace: false) else {
        throw failExpecting("what `->` leads to")
      }
      nodes.append(try parseExpression())
      tallest = max(tallest, height)
    }
    try grow(over: tallest)
    return Expression(kind: .path(nodes), span: spanFrom(start))
  }

  /// Whether the name at `current` begins a path, and is no command before an arrow of its own.
  var isNameBeforePath: Bool {
    let next = indexAfter(index)
    guard lexeme(at: next).kind == .arrow else { return false }
    return isComponent(index) || isComponent(indexAfter(next))
  }

  private func isComponent(_ index: Int) -> Bool {
    let lexeme = lexeme(at: index)
    switch lexeme.kind {
    case .component: return true
    case .identifier: return Self.componentWords.contains(text(lexeme.span))
    default: return false
    }
  }

  /// Whether an expression is surely a component, or a set of them.
  fileprivate static func isComponent(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .component: true
    case .name(let name): componentWords.contains(name)
    case .at(let base?, _): isComponent(base)
    default: false
    }
  }
}

extension Expression {
  fileprivate var isComponent: Bool { Parser.isComponent(self) }
}
