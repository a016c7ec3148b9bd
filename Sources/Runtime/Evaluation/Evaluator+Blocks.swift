import Lang
import Model

// `if` and `for` as values.
extension Evaluator {
  /// The value of one of two blocks. In a column it is missing where the condition is.
  func conditional(_ condition: Lang.Expression, _ then: Block, _ otherwise: Block) throws -> Value
  {
    guard let value = try branch(condition, then, otherwise) else {
      throw Failure("an `if` that is a value needs an `else`", span: condition.span)
    }
    return value
  }

  /// A list of the block's value for each element. Where the block ends in an `if` without an `else`
  /// whose condition is false, the list has nothing of that element.
  func each(_ name: Name, in list: Lang.Expression, _ body: Block) throws -> Value {
    try session.checkIsFree(name)
    var values: [Value] = []
    try session.forEach(name, in: session.elements(of: list, evaluate: evaluate)) {
      if let value = try value(of: body) { values.append(value) }
      // A part of what was asked for must not go on as the whole.
      try session.checkThatRunsFinished()
    }
    try Self.checkSize(ofList: values)
    return .list(values)
  }

  /// Nil where there is no block to be run.
  private func branch(_ condition: Lang.Expression, _ then: Block, _ otherwise: Block?) throws
    -> Value?
  {
    guard let truth = try truth(condition) else {
      if row != nil { return .missing }
      throw Failure("this is missing, neither true nor false", span: condition.span)
    }
    return try (truth ? then : otherwise).flatMap(value)
  }

  /// The value of a block's last statement; nil where that is an `if` which leads nowhere.
  private func value(of block: Block) throws -> Value? {
    try session.checkStack(at: block.span)
    guard let last = block.statements.last else {
      throw Failure("this block is empty and has no value", span: block.span)
    }
    try session.run(Array(block.statements.dropLast()))
    return try placing(at: last.span, in: session.source) {
      let value = try value(of: last)
      guard case .nothing? = value else { return value }
      throw Failure(
        "this has no value", help: "the last line of a block that is a value gives one",
        span: last.span)
    }
  }

  private func value(of statement: Statement) throws -> Value? {
    switch statement.kind {
    case .pipeline(let pipeline): return try parenthesised(pipeline)
    case .if(let condition, let then, let otherwise):
      return try branch(condition, then, otherwise)
    case .for(let name, let list, let body): return try each(name, in: list, body)
    case .let, .def, .assert, .source, .time, .plan, .report:
      try session.run(statement)
      return Value.nothing
    }
  }
}
