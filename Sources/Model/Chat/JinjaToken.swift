/// A template that cannot be read or rendered: what is wrong, and in which of its lines.
struct JinjaError: Error {
  var message: String
  /// From 1; nil while nobody has said it.
  var line: Int?
  /// Whether the template itself says so, by `raise_exception`.
  var isRefusal = false

  init(_ message: String, line: Int? = nil, isRefusal: Bool = false) {
    self.message = message
    self.line = line
    self.isRefusal = isRefusal
  }
}

/// A piece of a template's source.
struct JinjaToken: Equatable {
  enum Kind: Equatable {
    /// What stands between tags.
    case data(JinjaText)
    case blockBegin, blockEnd, variableBegin, variableEnd
    case name(String)
    case text(JinjaText)
    case integer(Int)
    case double(Double)
    case symbol(JinjaSymbol)
    case end
  }

  var kind: Kind
  /// From 1.
  var line: Int

  /// For messages.
  var description: String {
    switch kind {
    case .data: "text"
    case .blockBegin: "{%"
    case .blockEnd: "%}"
    case .variableBegin: "{{"
    case .variableEnd: "}}"
    case .name(let name): quoted(name)
    case .text(let text): quoted(String(text))
    case .integer(let number): "\(number)"
    case .double(let number): number.pythonText
    case .symbol(let symbol): symbol.rawValue
    case .end: "the end of the template"
    }
  }
}

enum JinjaSymbol: String, CaseIterable {
  case add = "+"
  case subtract = "-"
  case divide = "/"
  case divideWhole = "//"
  case multiply = "*"
  case modulo = "%"
  case power = "**"
  case tilde = "~"
  case openBracket = "["
  case closeBracket = "]"
  case openParenthesis = "("
  case closeParenthesis = ")"
  case openBrace = "{"
  case closeBrace = "}"
  case equal = "=="
  case unequal = "!="
  case greater = ">"
  case greaterOrEqual = ">="
  case less = "<"
  case lessOrEqual = "<="
  case assign = "="
  case dot = "."
  case colon = ":"
  case pipe = "|"
  case comma = ","
  case semicolon = ";"

  /// What closes it, where it is a bracket.
  var closing: JinjaSymbol? {
    switch self {
    case .openBracket: .closeBracket
    case .openParenthesis: .closeParenthesis
    case .openBrace: .closeBrace
    default: nil
    }
  }

  var isClosing: Bool { [.closeBracket, .closeParenthesis, .closeBrace].contains(self) }
}
