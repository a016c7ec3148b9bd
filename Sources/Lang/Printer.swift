/// From a tree back to text in one canonical form. What it prints of a tree that `parse` gave reads
/// as the same tree again. Comments are not in the tree, so they are lost.
public enum Printer {
  /// Columns a level.
  public static let indentation = 2

  public static func print(_ script: Script) -> String {
    script.statements.map { print($0) + "\n" }.joined()
  }

  /// `depth` is how many blocks the statement stands in; the first line is not indented.
  public static func print(_ statement: Statement, depth: Int = 0) -> String {
    print(statement, .lines(depth: depth))
  }

  /// How a block is laid out.
  private enum Layout {
    /// One statement per line, nested in this many blocks.
    case lines(depth: Int)
    /// All on one line, where the block is a part of an expression.
    case inline
  }

  private static func print(_ statement: Statement, _ layout: Layout) -> String {
    if Stack.isNearlyFull { return "…" }
    switch statement.kind {
    case .pipeline(let pipeline):
      return print(pipeline)
    case .let(let name, let pipeline):
      return "let \(name.text) = \(print(pipeline))"
    case .def(let definition):
      let parameters = definition.parameters.map { parameter in
        let value = parameter.defaultValue.map { " = " + print($0) }
        return parameter.name.text + (value ?? "")
      }
      let header = "def \(definition.name.text)(\(parameters.joined(separator: ", "))) "
      return header + print(definition.body, layout)
    case .for(let name, let list, let body):
      return "for \(name.text) in \(print(list)) " + print(body, layout)
    case .if(let condition, let then, let otherwise):
      let head = "if \(print(condition)) " + print(then, layout)
      guard let otherwise else { return head }
      return head + " else " + printElse(otherwise, layout)
    case .assert(let condition, let message):
      return "assert " + print(condition) + (message.map { ", " + print($0) } ?? "")
    case .source(let file, let once):
      return "source " + (once ? "once " : "") + print(file)
    case .time(let pipeline):
      return "time " + print(pipeline)
    case .plan(let pipeline):
      return "plan " + print(pipeline)
    case .report(let file, let body):
      return "report \(print(file)) " + print(body, layout)
    }
  }

  private static func printElse(_ block: Block, _ layout: Layout) -> String {
    if block.statements.count == 1, case .if = block.statements[0].kind,
      block.span == block.statements[0].span
    {
      return print(block.statements[0], layout)
    }
    return print(block, layout)
  }

  private static func print(_ block: Block, _ layout: Layout) -> String {
    guard !block.statements.isEmpty else { return "{}" }
    guard case .lines(let depth) = layout else {
      let statements = block.statements.map { statement in
        // A `!` stage takes the rest of its line.
        print(statement, .inline) + (statement.endsInShell ? "\n" : "")
      }
      return "{ " + statements.joined(separator: "; ") + " }"
    }
    let outer = String(repeating: " ", count: depth * indentation)
    let inner = outer + String(repeating: " ", count: indentation)
    let lines = block.statements.map { inner + print($0, depth: depth + 1) + "\n" }
    return "{\n" + lines.joined() + outer + "}"
  }

  // MARK: Pipelines

  public static func print(_ pipeline: Pipeline) -> String {
    pipeline.stages.map(print).joined(separator: " | ")
  }

  public static func print(_ stage: Stage) -> String {
    switch stage.kind {
    case .expression(let expression): print(expression)
    case .command(let name, let arguments):
      ([name.text] + arguments.map(print)).joined(separator: " ")
    case .shell(let command): "!" + command
    }
  }

  public static func print(_ argument: Argument) -> String {
    switch argument.kind {
    case .value(let value): print(value)
    case .named(let name, let value): "\(print(name)) = \(print(value))"
    case .option(let name, nil): "--\(name.text)"
    case .option(let name, let value?): "--\(name.text)=\(print(value))"
    case .arrow: "->"
    }
  }

  // MARK: Expressions

  public static func print(_ expression: Expression) -> String {
    if Stack.isNearlyFull { return "…" }
    switch expression.kind {
    case .integer(let value): return String(value)
    case .number(let value, let unit): return NumberText.text(of: value, unit)
    case .boolean(let value): return String(value)
    case .string(let literal): return print(literal)
    case .name(let name): return name
    case .column(let name): return quoteColumn(name)
    case .variable(let name): return "$" + name
    case .component(let literal): return literal.text
    case .path(let nodes): return nodes.map { print($0, in: .or) }.joined(separator: " -> ")
    case .at(let base, let position):
      return (base.map { print($0, in: .postfix) } ?? "") + "@" + print(position.kind)
    case .list(let items, let isBracketed):
      let text = items.map { print($0) }.joined(separator: ", ")
      return isBracketed ? "[\(text)]" : text
    case .pipeline(let pipeline):
      // A `!` stage takes the rest of its line.
      if case .shell? = pipeline.stages.last?.kind { return "(\(print(pipeline))\n)" }
      return "(\(print(pipeline)))"
    case .member(let base, let name): return print(base, in: .postfix) + "." + print(name)
    case .element(let base, let index): return print(base, in: .postfix) + "[\(print(index))]"
    case .call(let name, let arguments):
      return "\(name.text)(\(arguments.map(print).joined(separator: ", ")))"
    case .unary(.negate, let operand): return "-" + print(operand, in: .power)
    case .unary(.not, let operand): return "not " + print(operand, in: .not)
    case .binary(let binary, let left, let right):
      let own = binary.precedence
      let (leftmost, rightmost): (Parser.Precedence, Parser.Precedence) =
        switch own {
        case .comparison: (own.next, own.next)
        // From the right; a minus may begin the exponent.
        case .power: (.postfix, .unary)
        default: (own, own.next)
        }
      return print(left, in: leftmost) + " \(binary.rawValue) " + print(right, in: rightmost)
    case .range(let first, let last):
      let dots = endsOpen(first) ? " .. " : ".."
      return print(first, in: .sum) + dots + print(last, in: .sum)
    case .conditional(let condition, let then, let otherwise):
      return "if \(print(condition)) \(print(then, .inline)) else "
        + printElse(otherwise, .inline)
    case .each(let name, let list, let body):
      return "for \(name.text) in \(print(list)) \(print(body, .inline))"
    }
  }

  /// As part of an expression that takes operators at least as tight as `minimum`. Trees that were
  /// parsed carry their own parentheses; only trees made otherwise get more.
  private static func print(
    _ expression: Expression, in minimum: Parser.Precedence
  ) -> String {
    let text = print(expression)
    return fits(expression.kind, minimum) ? text : "(\(text))"
  }

  private static func fits(_ kind: Expression.Kind, _ minimum: Parser.Precedence) -> Bool {
    switch kind {
    case .binary(let binary, _, _): return binary.precedence >= minimum
    case .range: return Parser.Precedence.range >= minimum
    case .unary(.not, _): return Parser.Precedence.not >= minimum
    case .unary(.negate, _): return minimum <= .unary
    case .list(_, let isBracketed): return isBracketed
    case .path: return false
    // The smallest one is written with its sign.
    case .integer(let value): return value >= 0 || minimum <= .unary
    case .number(let value, _): return value >= 0
    case .boolean, .string, .name, .column, .variable, .component, .at, .pipeline, .member,
      .element, .call, .conditional, .each:
      return true
    }
  }

  /// Whether `..` directly after this would be read as part of it: `L5..12`, `@3..5`.
  private static func endsOpen(_ expression: Expression) -> Bool {
    switch expression.kind {
    case .component, .at: true
    case .binary(_, _, let right), .range(_, let right): endsOpen(right)
    case .unary(_, let operand): endsOpen(operand)
    default: false
    }
  }

  private static func print(_ position: Position.Kind) -> String {
    switch position {
    case .all: "*"
    case .index(let index): String(index)
    case .range(let first, let last): "\(first)..\(last)"
    case .name(let name): name
    case .text(let text): quote(text)
    case .set(let items): "{" + items.map(print).joined(separator: ", ") + "}"
    case .except(let all, let others): "\(print(all)) except \(print(others))"
    }
  }

  // MARK: Columns

  /// A column's name in backticks, those within it doubled.
  public static func quoteColumn(_ name: String) -> String {
    "`" + name.split(separator: "`", omittingEmptySubsequences: false).joined(separator: "``") + "`"
  }

  private static func print(_ name: Name) -> String {
    name.isQuoted ? quoteColumn(name.text) : name.text
  }

  // MARK: Strings

  private static func print(_ literal: StringLiteral) -> String {
    if literal.isRaw, let text = rawText(of: literal) { return "'\(text)'" }
    let pieces = literal.pieces.map { piece in
      switch piece {
      case .text(let text, _): escape(text)
      case .interpolation(let pipeline): "\\(\(print(pipeline)))"
      }
    }
    return "\"" + pieces.joined() + "\""
  }

  /// Nil if single quotes cannot hold it.
  private static func rawText(of literal: StringLiteral) -> String? {
    guard let whole = literal.plainText else { return nil }
    let isPlain = whole.utf8.allSatisfy { $0 != UInt8(ascii: "'") && !$0.isLineEnd }
    return isPlain ? whole : nil
  }

  /// A text in double quotes, its special characters escaped.
  public static func quote(_ text: String) -> String {
    "\"" + escape(text) + "\""
  }

  private static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": escaped += "\\n"
      case "\r": escaped += "\\r"
      case "\t": escaped += "\\t"
      case "\"": escaped += "\\\""
      case "\\": escaped += "\\\\"
      default:
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator:
          escaped += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
        default:
          escaped.unicodeScalars.append(scalar)
        }
      }
    }
    return escaped
  }
}

extension Statement {
  /// Whether its last stage is a command for `sh`.
  fileprivate var endsInShell: Bool {
    switch kind {
    case .pipeline(let pipeline), .let(_, let pipeline), .time(let pipeline), .plan(let pipeline):
      if case .shell? = pipeline.stages.last?.kind { true } else { false }
    case .def, .for, .if, .assert, .source, .report: false
    }
  }
}

/// Whether a text, as it stands, is read as a name: a word that is none of the language's own and no
/// component.
public func isBareName(_ text: String) -> Bool {
  let tokens = tokens(of: SourceText(name: "name", text: "x \(text)"))
  return tokens.count == 3 && tokens[2].kind == .identifier
}
