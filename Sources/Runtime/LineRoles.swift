import Lang

/// What a stretch of a line is, for colours while it is typed.
public enum LineRole: Sendable {
  case command, keyword, text, number, component, comment
  /// A word in a command's place that is none.
  case unknown
  /// A bracket or a quote that is not closed yet.
  case unclosed

  public var style: Style {
    switch self {
    case .command: .name
    case .keyword: .heading
    case .text: .suggestion
    case .number: .positive
    case .component: .warning
    case .comment: .faint
    case .unknown, .unclosed: .error
    }
  }
}

/// A stretch of a line, in UTF-8 offsets.
public struct LineStretch: Sendable, Equatable {
  public var range: Range<Int>
  public var role: LineRole

  public init(range: Range<Int>, role: LineRole) {
    self.range = range
    self.role = role
  }
}

extension Interpreter {
  public var settings: Settings { Settings() }

  public var expectedLine: String? { nil }

  public func stretches(of text: String) -> [LineStretch] { [] }
}

extension Session {
  public func stretches(of text: String) -> [LineStretch] {
    lineStretches(of: text) { [self] name in
      Catalogue.command(named: name) != nil || functions[name] != nil
        || Self.promptEndings.contains(name)
    }
  }
}

/// The stretches that are coloured, in order. Tokens alone tell, in the time of a keystroke.
///
/// - Parameter isCommand: whether a word is a command or a `def`.
func lineStretches(of text: String, isCommand: (String) -> Bool) -> [LineStretch] {
  let source = SourceText(name: "", text: text)
  let tokens = tokens(of: source)
  let unclosed = unclosedOpeners(tokens)
  var stretches: [LineStretch] = []
  var previous: Token.Kind?
  for token in tokens {
    var role = token.kind.role
    if unclosed.contains(token.span.start), token.kind.isOpener {
      role = .unclosed
    } else if token.kind == .identifier {
      if isCommand(source.text(in: token.span)) {
        role = .command
      } else if previous == .pipe, token.span.end < source.bytes.count {
        // A word that is still being typed is not wrong yet.
        role = .unknown
      }
    }
    if let role {
      stretches.append(LineStretch(range: token.span.start..<token.span.end, role: role))
    }
    if !token.isTrivia { previous = token.kind }
  }
  return stretches
}

/// Where brackets and quotes begin that nothing closes.
private func unclosedOpeners(_ tokens: [Token]) -> Set<Int> {
  var open: [Int] = []
  for token in tokens {
    if token.kind.isOpener {
      open.append(token.span.start)
    } else if token.kind.isCloser {
      _ = open.popLast()
    }
  }
  return Set(open)
}

extension Token.Kind {
  fileprivate var isOpener: Bool {
    switch self {
    case .stringStart, .interpolationStart, .leftParenthesis, .leftBracket, .leftBrace,
      .invalid(.unterminatedString), .invalid(.unterminatedColumn):
      true
    default: false
    }
  }

  fileprivate var isCloser: Bool {
    switch self {
    case .stringEnd, .interpolationEnd, .rightParenthesis, .rightBracket, .rightBrace: true
    default: false
    }
  }

  fileprivate var role: LineRole? {
    switch self {
    case .comment: .comment
    case .keyword: .keyword
    case .integer, .number: .number
    case .component: .component
    case .rawString, .stringStart, .stringEnd, .stringText, .stringEscape, .path: .text
    case .shell: .keyword
    case .invalid: .unknown
    default: nil
    }
  }
}
