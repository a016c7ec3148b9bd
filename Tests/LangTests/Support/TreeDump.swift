@testable import Lang

/// A tree as text without any span: what two trees are compared by.
func dump(_ script: Script) -> String {
  script.statements.map(dump).joined(separator: "\n")
}

func dump(_ statement: Statement) -> String {
  switch statement.kind {
  case .pipeline(let pipeline): dump(pipeline)
  case .let(let name, let pipeline): node("let", name.text, dump(pipeline))
  case .def(let definition):
    node(
      "def", definition.name.text, "(" + definition.parameters.map(dump).spaced + ")",
      dump(definition.body))
  case .for(let name, let list, let body): node("for", name.text, dump(list), dump(body))
  case .if(let condition, let then, let otherwise):
    node("if", dump(condition), dump(then), otherwise.map(dump) ?? "")
  case .assert(let condition, let message):
    node("assert", dump(condition), message.map(dump) ?? "")
  case .source(let file, let once): node(once ? "source-once" : "source", dump(file))
  case .time(let pipeline): node("time", dump(pipeline))
  case .plan(let pipeline): node("plan", dump(pipeline))
  case .report(let file, let body): node("report", dump(file), dump(body))
  }
}

private func dump(_ parameter: Parameter) -> String {
  guard let value = parameter.defaultValue else { return parameter.name.text }
  return node("=", parameter.name.text, dump(value))
}

private func dump(_ block: Block) -> String {
  "{" + block.statements.map(dump).joined(separator: "; ") + "}"
}

func dump(_ pipeline: Pipeline) -> String {
  pipeline.stages.count == 1
    ? dump(pipeline.stages[0]) : node("|", pipeline.stages.map(dump).spaced)
}

private func dump(_ stage: Stage) -> String {
  switch stage.kind {
  case .expression(let expression): dump(expression)
  case .command(let name, let arguments): node("do", name.text, arguments.map(dump).spaced)
  case .shell(let command): node("sh", Printer.quote(command))
  }
}

private func dump(_ argument: Argument) -> String {
  switch argument.kind {
  case .value(let value): dump(value)
  case .named(let name, let value): node("=", dump(name), dump(value))
  case .option(let name, let value): node("--" + name.text, value.map(dump) ?? "")
  case .arrow: "->"
  }
}

func dump(_ expression: Expression) -> String {
  switch expression.kind {
  case .integer(let value): String(value)
  case .number(let value, let unit): dump(value, unit)
  case .boolean(let value): node(String(value))
  case .string(let literal): dump(literal)
  case .name(let name): name
  case .column(let name): "`\(name)`"
  case .variable(let name): "$" + name
  case .component(let literal): dump(literal)
  case .at(let base, let position): node("@", base.map(dump) ?? "", dump(position.kind))
  case .path(let nodes): node("->", nodes.map(dump).spaced)
  case .list(let items, bracketed: true): "[" + items.map(dump).spaced + "]"
  case .list(let items, bracketed: false): node(",", items.map(dump).spaced)
  case .pipeline(let pipeline): node("()", dump(pipeline))
  case .member(let base, let name): node(".", dump(base), dump(name))
  case .element(let base, let index): node("[]", dump(base), dump(index))
  case .call(let name, let arguments): node("call", name.text, arguments.map(dump).spaced)
  case .unary(let sign, let operand): node(sign.rawValue, dump(operand))
  case .binary(let sign, let left, let right): node(sign.rawValue, dump(left), dump(right))
  case .range(let first, let last): node("..", dump(first), dump(last))
  case .conditional(let condition, let then, let otherwise):
    node("if", dump(condition), dump(then), dump(otherwise))
  case .each(let name, let list, let body): node("for", name.text, dump(list), dump(body))
  }
}

private func dump(_ name: Name) -> String { name.isQuoted ? "`\(name.text)`" : name.text }

private func dump(_ value: Double, _ unit: Unit) -> String {
  switch unit {
  case .none: value.description
  case .percent: node("%", value.description)
  case .bytes(let suffix), .seconds(let suffix): node(suffix, value.description)
  }
}

private func dump(_ literal: StringLiteral) -> String {
  let pieces = literal.pieces.map { piece in
    switch piece {
    case .text(let text, _): Printer.quote(text)
    case .interpolation(let pipeline): node("\\", dump(pipeline))
    }
  }
  if literal.isRaw { return node("raw", pieces.spaced) }
  return literal.pieces.count == 1 ? pieces[0] : node("str", pieces.spaced)
}

private func dump(_ literal: ComponentLiteral) -> String {
  let layers = literal.layers.map { "L" + dump($0) } ?? "hook"
  let part =
    switch literal.part {
    case .whole: ""
    case .heads(let indices): "H" + dump(indices)
    case .neurons(let indices): "N" + dump(indices)
    case .keyValueHeads(let indices): "KV" + dump(indices)
    case .features(let indices): "F" + dump(indices)
    }
  let dictionary = literal.dictionary.map { $0 + "." } ?? ""
  return "<" + dictionary + layers + part + literal.path.map { "." + $0 }.joined() + ">"
}

private func dump(_ indices: Indices) -> String {
  switch indices {
  case .all: "*"
  case .some(let ranges):
    ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }
}

private func dump(_ position: Position.Kind) -> String {
  switch position {
  case .all: "*"
  case .index(let index): String(index)
  case .range(let first, let last): node("..", String(first), String(last))
  case .name(let name): name
  case .text(let text): Printer.quote(text)
  case .set(let items): "{" + items.map(dump).spaced + "}"
  case .except(let all, let others): "(except " + [dump(all), dump(others)].spaced + ")"
  }
}

private func node(_ parts: String...) -> String {
  "(" + parts.filter { !$0.isEmpty }.spaced + ")"
}

extension [String] {
  fileprivate var spaced: String { joined(separator: " ") }
}
