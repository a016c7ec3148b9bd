extension Parser {
  /// What follows `@`, from the `@` on.
  mutating func parsePosition() throws(Abort) -> Position {
    let sign = span
    advance()
    guard !current.isAfterSpace else {
      throw fail(
        "a position must follow `@` directly", at: sign, help: Self.positionHelp)
    }
    let start = span.start
    if kind == .leftBrace {
      let kind = try parsePositionSet()
      return Position(kind: kind, span: spanFrom(start))
    }
    let kind = try parseOnePosition()
    return Position(kind: kind, span: spanFrom(start))
  }

  /// Whether a `*` stands for all positions, as after `at`: no operand follows that it could multiply.
  var isEveryPosition: Bool {
    guard kind == .star, isInArguments, current.isAfterSpace, index > 0 else { return false }
    let before = lexeme(at: index - 1)
    return before.kind == .identifier && text(before.span) == "at"
      && !beginsArgument(indexAfter(index), afterSpace: false)
  }

  private static let positionHelp =
    "for instance: @last @subject @3 @-1 @3..5 @\"Colosseum\" @{0,last} @*"

  private mutating func parsePositionSet() throws(Abort) -> Position.Kind {
    let opening = span
    var items: [Position.Kind] = []
    try inside(opening, newlines: .skipped) { (parser) throws(Abort) in
      while parser.kind != .rightBrace {
        items.append(try parser.parseOnePosition())
        if parser.kind != .rightBrace, !parser.take(.comma) {
          throw parser.failExpecting("`,` or `}`")
        }
      }
    }
    advance()
    guard !items.isEmpty else {
      throw fail(
        "this set of positions is empty", at: spanFrom(opening.start), help: Self.positionHelp)
    }
    return .set(items)
  }

  private mutating func parseOnePosition() throws(Abort) -> Position.Kind {
    switch kind {
    case .star:
      advance()
      return .all
    case .identifier:
      let name = currentText
      advance()
      return .name(name)
    case .integer, .minus:
      return try parsePositionNumbers()
    case .rawString, .stringStart:
      let start = span.start
      let pieces = try parseString().pieces
      switch pieces.first {
      case .text(let text, _) where pieces.count == 1: return .text(text)
      case nil:
        throw fail("an empty text covers no token", at: spanFrom(start))
      default:
        throw fail("a position's text cannot have `\\( )`", at: spanFrom(start))
      }
    case .number, .invalid(.number):
      throw fail("a position is a whole number", at: span, help: Self.positionHelp)
    case .leftBrace:
      throw fail("a set of positions cannot contain a set", at: span)
    default:
      throw failExpecting("a position", help: Self.positionHelp)
    }
  }

  private mutating func parsePositionNumbers() throws(Abort) -> Position.Kind {
    let start = span.start
    let first = try parsePositionNumber()
    guard kind == .dotDot, !current.isAfterSpace, !isBeforeSpace(index) else {
      return .index(first)
    }
    advance()
    guard kind == .integer || kind == .minus else {
      throw fail(
        "both ends of a range of positions are numbers", at: span,
        help: "the last position is -1: @3..-1")
    }
    let last = try parsePositionNumber()
    if (first < 0) == (last < 0), first > last {
      report(
        Diagnostic(
          "this range of positions runs backwards", at: spanFrom(start),
          help: "write @\(last)..\(first)"))
    }
    return .range(first, last)
  }

  private mutating func parsePositionNumber() throws(Abort) -> Int {
    let isNegative = kind == .minus
    if isNegative {
      advance()
      guard kind == .integer, !current.isAfterSpace else {
        throw failExpecting("a number", help: Self.positionHelp)
      }
    }
    guard let value = Int(currentText) else {
      throw fail("this number is too large for a position", at: span)
    }
    advance()
    return isNegative ? -value : value
  }
}
