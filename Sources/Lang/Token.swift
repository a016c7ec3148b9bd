/// A stretch of source text of one kind. The tokens of a text, white space and comments among them,
/// cover every byte of it exactly once, in order.
public struct Token: Sendable, Hashable {
  public var kind: Kind
  public var span: SourceSpan

  public enum Kind: Sendable, Hashable {
    case whitespace, newline, comment

    case identifier
    /// `` `dla Paris` ``, both backticks in it: a column, whatever its name.
    case column
    /// `$name`, the sign in it: a variable, whatever columns there are.
    case variable
    case keyword(Keyword)
    case integer
    /// With a fraction, an exponent, `%` or a unit.
    case number
    /// `L9H8.z`, `blocks.9.attn.hook_z`.
    case component
    /// An unquoted path: `./x.gguf`, `~/x`, `/x`, and a file's name that no expression could be.
    case path
    /// `--name`
    case option
    /// `!` and the rest of the line.
    case shell
    /// `'…'`, both quotes in it.
    case rawString
    /// The quotes of a `"…"`, and what lies between them.
    case stringStart, stringEnd, stringText, stringEscape
    /// `\(` and its `)`; ordinary tokens lie between them.
    case interpolationStart, interpolationEnd

    case leftParenthesis, rightParenthesis, leftBracket, rightBracket, leftBrace, rightBrace
    case comma, semicolon, pipe, at, dot, dotDot, assign, arrow
    case plus, minus, star, slash, percent, power
    case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

    case invalid(Problem)
    /// After the last byte. Only the parser sees it.
    case end
  }

  /// The words of the language. Those that begin a statement are keywords only there: elsewhere
  /// `source` is an ordinary name, a column's for instance.
  public enum Keyword: String, Sendable, CaseIterable {
    case `let`, def, `for`, `if`, assert, source, time, plan, report
    case `else`, `in`, and, or, not, `true`, `false`

    init?(_ bytes: ArraySlice<UInt8>) {
      // Most words are told apart by their length alone.
      guard (2...6).contains(bytes.count) else { return nil }
      self.init(rawValue: String(decoding: bytes, as: UTF8.self))
    }

    var beginsStatement: Bool {
      switch self {
      case .let, .def, .for, .if, .assert, .source, .time, .plan, .report: true
      case .else, .in, .and, .or, .not, .true, .false: false
      }
    }
  }

  /// Why a token cannot be part of any program.
  public enum Problem: Sendable, Hashable {
    /// A number with letters that are not a unit.
    case number
    /// What begins like a component and goes on differently.
    case component
    case unterminatedString
    case unterminatedColumn
    /// `&&`, `||`, `<>` and other operators from elsewhere.
    case foreignOperator
    /// A `!` that does not begin a stage.
    case exclamation
    /// “…”, ‘…’, «…»
    case foreignQuotes
    /// A space that is not U+0020, or a character of no width.
    case foreignSpace
    case control
    case encoding
    case character
  }

  /// White space, comments: what the parser does not see.
  public var isTrivia: Bool { kind == .whitespace || kind == .comment }
}

/// All tokens of a text. Never fails: what no program can hold is `.invalid`.
public func tokens(of source: SourceText) -> [Token] {
  var lexer = Lexer(source)
  return lexer.run()
}
