import Lang

/// Where in a line the cursor stands: the stages before it, and what its own stage has so far.
struct Incoming {
  /// The stages that hand something to the cursor's; nil where it stands in the first.
  var stages: String?
  /// Whether the cursor's stage has nothing but the word at the cursor.
  var isCommand: Bool

  /// - Parameter text: all that stands before the word at the cursor.
  init(before text: String) {
    let source = SourceText(name: "", text: text)
    let tokens = Lang.tokens(of: source)
    let (start, pipe) = Self.pipeline(in: tokens)
    let rest = tokens[(pipe.map { $0 + 1 } ?? start)...].filter { !$0.isSpace }
    isCommand = rest.isEmpty
    stages = pipe.map { pipe in
      source.text(
        in: SourceSpan(tokens[start].span.start, tokens[pipe].span.start))
    }
  }

  /// Where the pipeline begins that the text ends in, and its last `|`.
  private static func pipeline(in tokens: [Token]) -> (start: Int, pipe: Int?) {
    var pipe: Int?
    var depth = 0
    var index = tokens.count
    loop: while index > 0 {
      let token = tokens[index - 1]
      switch token.kind {
      case .rightParenthesis, .rightBracket, .rightBrace, .interpolationEnd: depth += 1
      case .leftParenthesis, .leftBrace, .interpolationStart:
        if depth == 0 { break loop }
        depth -= 1
      // A list has no pipelines but in parentheses: the stage goes on before it.
      case .leftBracket: depth = max(0, depth - 1)
      case .semicolon: if depth == 0 { break loop }
      case .newline: if depth == 0, !isContinued(tokens, at: index - 1) { break loop }
      case .pipe: if depth == 0, pipe == nil { pipe = index - 1 }
      default: break
      }
      index -= 1
    }
    return (beginning(of: tokens, from: index), pipe)
  }

  /// Whether the line break does not end a statement: a `|` stands before or after it.
  private static func isContinued(_ tokens: [Token], at index: Int) -> Bool {
    let before = tokens[..<index].last { !$0.isSpace }
    let after = tokens[(index + 1)...].first { !$0.isSpace }
    return before?.kind == .pipe || after?.kind == .pipe
  }

  /// Past `let NAME =`, `time` and `plan`.
  private static func beginning(of tokens: [Token], from start: Int) -> Int {
    var words = tokens.indices[start...].filter { !tokens[$0].isSpace }[...]
    switch words.first.map({ tokens[$0].kind }) {
    case .keyword(.let)?:
      if words.count > 2, tokens[words[words.startIndex + 2]].kind == .assign {
        words = words.dropFirst(3)
      }
    case .keyword(.time)?, .keyword(.plan)?, .keyword(.assert)?: words = words.dropFirst()
    default: break
    }
    return words.first ?? tokens.count
  }
}

extension Token {
  fileprivate var isSpace: Bool {
    switch kind {
    case .whitespace, .newline, .comment: true
    default: false
    }
  }
}
