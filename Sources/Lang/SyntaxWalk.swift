/// A part of a tree, as `forEachNode` passes it.
public enum SyntaxNode {
  case statement(Statement)
  /// A pipeline, and whether it is in parentheses or a text rather than a statement.
  case pipeline(Pipeline, isInner: Bool)
  case expression(Expression)
}

extension Script {
  /// Passes every statement, pipeline and expression to `body`, outer ones first, in the order of
  /// the text.
  public func forEachNode(_ body: (SyntaxNode) -> Void) {
    withoutActuallyEscaping(body) { body in
      let walk = SyntaxWalk(body: body)
      for statement in statements { walk.visit(statement) }
    }
  }
}

private struct SyntaxWalk {
  let body: (SyntaxNode) -> Void

  func visit(_ statement: Statement) {
    body(.statement(statement))
    switch statement.kind {
    case .pipeline(let pipeline), .let(_, let pipeline), .time(let pipeline), .plan(let pipeline):
      visit(pipeline, isInner: false)
    case .def(let definition):
      for parameter in definition.parameters { parameter.defaultValue.map(visit) }
      visit(definition.body)
    case .for(_, let list, let block):
      visit(list)
      visit(block)
    case .if(let condition, let then, let otherwise):
      visit(condition)
      visit(then)
      otherwise.map(visit)
    case .assert(let condition, let message):
      visit(condition)
      message.map(visit)
    case .source(let file, _): visit(file)
    case .report(let file, let block):
      visit(file)
      visit(block)
    }
  }

  func visit(_ block: Block) {
    for statement in block.statements { visit(statement) }
  }

  func visit(_ pipeline: Pipeline, isInner: Bool) {
    body(.pipeline(pipeline, isInner: isInner))
    for stage in pipeline.stages {
      switch stage.kind {
      case .expression(let expression): visit(expression)
      case .command(_, let arguments): arguments.forEach(visit)
      case .shell: break
      }
    }
  }

  func visit(_ argument: Argument) {
    switch argument.kind {
    case .value(let value), .named(_, let value), .option(_, let value?): visit(value)
    case .option(_, nil), .arrow: break
    }
  }

  func visit(_ expression: Expression) {
    if Stack.isLow { return }
    body(.expression(expression))
    switch expression.kind {
    case .integer, .number, .boolean, .name, .column, .variable, .component: break
    case .string(let literal):
      for case .interpolation(let pipeline) in literal.pieces { visit(pipeline, isInner: true) }
    case .at(let base, _): base.map(visit)
    case .list(let elements, _), .path(let elements): elements.forEach(visit)
    case .pipeline(let pipeline): visit(pipeline, isInner: true)
    case .member(let base, _): visit(base)
    case .element(let base, let index):
      visit(base)
      visit(index)
    case .call(_, let arguments): arguments.forEach(visit)
    case .unary(_, let operand): visit(operand)
    case .binary(_, let left, let right), .range(let left, let right):
      visit(left)
      visit(right)
    case .conditional(let condition, let then, let otherwise):
      visit(condition)
      visit(then)
      visit(otherwise)
    case .each(_, let list, let block):
      visit(list)
      visit(block)
    }
  }
}
