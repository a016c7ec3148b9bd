import Lang

extension Session {
  /// The texts of answers or foils as a line has them: quoted texts, bare words, values that are text,
  /// and lists of texts.
  func answerTexts(_ expressions: [Lang.Expression]) throws -> [(text: String, span: SourceSpan)] {
    try expressions.flatMap { expression in
      try placing(at: expression.span) {
        try answerTexts(expression).map { ($0, expression.span) }
      }
    }
  }

  private func answerTexts(_ expression: Lang.Expression) throws -> [String] {
    switch expression.kind {
    case .name(let name):
      guard case .list(let values)? = lookUp(name) else { return [try bareText(expression)] }
      return try texts(of: values)
    case .list, .variable, .pipeline, .element, .call:
      return try texts(of: [try evaluate(expression)])
    case .member(let base, _) where isValue(base):
      return try texts(of: [try evaluate(expression)])
    default: return [try bareText(expression)]
    }
  }

  /// Whether what a member is taken of is a value, and not a word of a text that stands without quotes.
  private func isValue(_ expression: Lang.Expression) -> Bool {
    switch expression.kind {
    case .name(let name): lookUp(name) != nil
    case .variable, .pipeline: true
    default: false
    }
  }

  private func texts(of values: [Value]) throws -> [String] {
    guard !values.isEmpty else { throw Failure("this list of answers is empty") }
    return try values.flatMap { value -> [String] in
      switch value {
      case .text(let text): return [text]
      case .list(let values): return try texts(of: values)
      case let other:
        throw Failure(
          "an answer is text, not \(other.kind)", help: "quotes make a number text: \"42\"")
      }
    }
  }
}

extension Invocation {
  /// `first` or `whole`; neither: an answer is one token.
  func answerExtent() throws -> Answer.Extent {
    switch (hasFlag("first"), hasFlag("whole")) {
    case (true, true):
      throw failure("`first` and `whole` do not go together", help: "omit one of them")
    case (true, false): return .first
    case (false, true): return .whole
    case (false, false): return .one
    }
  }
}
