// What the parser says about tokens that cannot stand where they stand, or anywhere.

extension Parser {
  /// What stands here follows nothing that it could follow.
  mutating func failUnexpected() -> Abort {
    switch kind {
    case .invalid(.foreignOperator): return fail(foreignOperator())
    case .invalid(let problem): return fail(lexicalError(problem))
    case .end, .newline: return failExpecting("more")
    default:
      return fail("`\(excerpt(extent))` is not allowed here", at: extent, help: helpForUnexpected())
    }
  }

  private func helpForUnexpected() -> String? {
    let isUnspaced = !current.isAfterSpace && index > 0
    switch kind {
    case .rightParenthesis: return "no `(` is open"
    case .rightBracket: return "no `[` is open"
    case .rightBrace: return "no `{` is open"
    case .leftBrace: return "a block belongs to `if`, `for`, `def` or `report`"
    case .comma: return "write a list in brackets: [a, b]"
    case .assign: return "`=` gives a name: let x = …; to compare, write `==`"
    case .arrow: return "`->` goes between the arguments of a command, with a value after it"
    case .keyword(.else): return "write `} else {`, on the line of the `}`"
    case .keyword: return "`\(currentText)` is a word of the language"
    case .path:
      return "this reads as a file name; to divide, put a space on both sides or on neither"
    case .option: return "only a command takes options"
    case .leftBracket, .at: return isUnspaced ? nil : "remove the space before it"
    case .leftParenthesis:
      return isUnspaced
        ? "only a name can be called: name(…)" : "only a command takes arguments: name (…)"
    case .identifier, .column, .variable, .integer, .number, .component, .rawString, .stringStart:
      return isUnspaced
        ? "put a space before it"
        : "only a command takes arguments; write a list in brackets: [a, b]"
    default: return nil
    }
  }

  /// A value must stand here.
  mutating func failNoValue() -> Abort {
    switch kind {
    case .keyword(.else), .keyword(.in), .keyword(.and), .keyword(.or):
      return fail("a value is missing before `\(currentText)`", at: span)
    case .invalid(.foreignOperator): return fail(foreignOperator())
    case .pipe where newlines == .end && lexemeIsAfterOperator:
      return failExpecting("a value")
    case .shell: return failUnexpected()
    case .star, .slash, .percent, .power, .equal, .notEqual, .less, .lessOrEqual, .greater,
      .greaterOrEqual, .dotDot:
      return fail("a value is missing before `\(currentText)`", at: span)
    case .rightParenthesis, .rightBracket, .rightBrace:
      let isStray = brackets.isEmpty
      return isStray ? failUnexpected() : failExpecting("a value")
    case .leftBrace:
      return fail(
        "a value is missing before `{`", at: span, help: "write a list in brackets: [a, b]")
    case .option, .arrow, .assign, .comma: return failUnexpected()
    case .identifier, .component, .integer: return failUnexpected()
    default:
      return failExpecting("a value")
    }
  }

  private var lexemeIsAfterOperator: Bool {
    index > 0 && lexeme(at: index - 1).kind.continuesLine
  }

  // MARK: Tokens that no program can hold

  func lexicalError(_ problem: Token.Problem) -> Diagnostic {
    let text = currentText
    switch problem {
    case .number: return malformedNumber(text, at: span)
    case .component: return malformedComponent()
    case .unterminatedString:
      return Diagnostic(
        "this string is not closed", at: span,
        help: "put a `'` at its end; a string stays on one line")
    case .unterminatedColumn:
      return Diagnostic(
        "this column's name is not closed", at: span,
        help: "put a ` at its end; write text in \" or '")
    case .foreignOperator: return foreignOperator()
    case .exclamation:
      return Diagnostic(
        "`!` is not allowed here", at: span,
        help: "at the beginning of a stage it hands the rest of the line to sh; `not` negates")
    case .foreignQuotes: return foreignQuotes()
    case .foreignSpace: return foreignSpace(at: span)
    case .control, .character: return foreignCharacter()
    case .encoding: return Diagnostic("this is not UTF-8", at: span)
    }
  }

  func malformedNumber(_ text: String, at span: SourceSpan) -> Diagnostic {
    let digits = text.prefix { $0.isNumber || $0 == "." }
    let suffix = String(text.dropFirst(digits.count))
    let help: String
    if digits == "0", suffix.first == "x" || suffix.first == "b" || suffix.first == "o" {
      help = "numbers are decimal here"
    } else if suffix.allSatisfy({ $0.isNumber || $0 == "_" }) {
      help = "write \(text.filter { $0 != "_" })"
    } else if suffix.first == "e" || suffix.first == "E", suffix.dropFirst().isEmpty {
      help = "an exponent needs digits: \(digits)e-3"
    } else if let unit = suggestion(for: suffix, among: NumberSuffix.all) {
      help = "did you mean \(digits)\(unit)?"
    } else {
      help =
        "the units are \(NumberSuffix.all.joined(separator: " ")); a name cannot begin with a "
        + "digit; write file names in quotes"
    }
    return Diagnostic("`\(excerpt(span))` is not a number", at: span, help: help)
  }

  private func malformedComponent() -> Diagnostic {
    switch ComponentScanner.scan(source.bytes, at: span.start) {
    case .malformed(_, let problem):
      Diagnostic(problem.message, at: span, help: problem.help)
    case .none, .component:
      Diagnostic("`\(excerpt(span))` is not a component", at: span)
    }
  }

  func foreignOperator() -> Diagnostic {
    let text = currentText
    let help: String? =
      switch text {
      case "&&", "&": "write `and`"
      case "||": "write `or`; one `|` separates two stages"
      case "===": "write `==`"
      case "<>", "!==": "write `!=`"
      case "=>": "write `->` for an arrow, `>=` to compare"
      case "|>": "write `|`"
      case ":=": "write `let name = …`"
      case "//": "write `/`; a comment begins with `#`"
      case "...", "..<", "..=": "write `..`; both ends are included"
      case "^": "write `**` for a power"
      case "=~": "there is no matching by pattern"
      default: nil
      }
    return Diagnostic("`\(text)` is not an operator here", at: span, help: help)
  }

  private func foreignQuotes() -> Diagnostic {
    let text = currentText
    let isWhole = text.count > 1
    let inner = isWhole ? String(text.dropFirst().dropLast()) : ""
    let name = text.unicodeScalars.first.map(ForeignCharacter.describe) ?? text
    let isSingle = "‘’‚‛‹›＇".contains(text.prefix(1))
    let quote = isSingle ? "'" : "\""
    return Diagnostic(
      "`\(text.prefix(1))` (\(name)) does not quote a string", at: span,
      help: isWhole && inner.count < 60 ? "write \(quote)\(inner)\(quote)" : "write \" or '")
  }

  func foreignSpace(at span: SourceSpan) -> Diagnostic {
    let name = text(span).unicodeScalars.first.map(ForeignCharacter.describe) ?? ""
    return Diagnostic(
      "there is an invisible character here: \(name)", at: span,
      help: "replace it with a space, or delete it")
  }

  private func foreignCharacter() -> Diagnostic {
    guard let scalar = text(span).unicodeScalars.first else {
      return Diagnostic("this character is not allowed here", at: span)
    }
    let name = ForeignCharacter.describe(scalar)
    if scalar.value < 0x20 || scalar.properties.generalCategory == .control {
      return Diagnostic(
        "there is a control character here: \(name)", at: span,
        help:
          "delete it; in a string write \\u{\(String(scalar.value, radix: 16, uppercase: true))}"
      )
    }
    if let replacement = ForeignCharacter.replacement(for: scalar) {
      return Diagnostic(
        "`\(scalar)` (\(name)) is not a sign of the language", at: span,
        help: "write `\(replacement)`"
      )
    }
    let shown = scalar.value < 0x80 ? "`\(scalar)`" : "`\(scalar)` (\(name))"
    return Diagnostic("\(shown) is not allowed here", at: span, help: helpForCharacter(scalar))
  }

  private func helpForCharacter(_ scalar: Unicode.Scalar) -> String? {
    switch scalar {
    case "$": "a variable is $country, or simply country"
    case "\\": "a line that ends with `|` or in an open bracket goes on by itself"
    case "~": "a path begins with ~/"
    case "?", ":": "write prompts and other text in quotes"
    default: "write text in quotes"
    }
  }
}
