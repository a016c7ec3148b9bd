import Lang
import Model

// Metrics as a line writes them: (prob(" Italy") + prob(" Italian") - prob(foils)).
extension Session {
  /// - Throws: `Failure`, placed, for what is none.
  func metricExpression(_ expression: Lang.Expression) throws -> MetricExpression {
    try checkStack(at: expression.span)
    return try placing(at: expression.span, in: source) {
      switch expression.kind {
      case .integer(let value): return .number(Double(value))
      case .number(let value, _): return .number(value)
      case .unary(.negate, let operand): return .negated(try metricExpression(operand))
      case .binary(let op, let left, let right):
        guard let operation = MetricExpression.Operation(op) else {
          throw Failure("a metric has no operator `\(op.rawValue)`", help: "it has + - * /")
        }
        return .binary(operation, try metricExpression(left), try metricExpression(right))
      case .name(let name): return try metric(named: name)
      case .call(let name, let arguments): return try metric(calling: name, arguments)
      case .pipeline(let pipeline) where pipeline.isExpression:
        return try metricExpression(expression.unwrapped)
      default: return .number(try metricNumber(try evaluate(expression)))
      }
    }
  }

  /// A number that does not depend on the run.
  private func metricNumber(_ value: Value) throws -> Double {
    guard let number = value.asDouble, number.isFinite else {
      throw Failure(
        "a metric is made of numbers, and this is \(value.kind)",
        help: "tokens stand in prob(…), logit(…), logprob(…) or rank(…)")
    }
    return number
  }

  private func metric(named name: String) throws -> MetricExpression {
    if let word = PromptTokens(rawValue: name) {
      try checkIsNoVariable(metricWord: name)
      throw Failure(
        "`\(word.rawValue)` is tokens, not a number", help: "write logit(\(name)) or prob(\(name))")
    }
    if let metric = Metric(rawValue: name) {
      try checkIsNoVariable(metricWord: name)
      guard metric != .loss else {
        throw Failure(
          "`loss` is of the text, not of the answer",
          help: "`effect of loss`, or -logprob(answer) here")
      }
      return metric.expression(top: Metric.usualTop)
    }
    if let metric = metrics[name] { return metric }
    if let value = lookUp(name) { return .number(try metricNumber(value)) }
    let words =
      Metric.allCases.map(\.rawValue) + PromptTokens.allCases.map(\.rawValue) + metrics.keys
    throw Failure(
      "there is no metric or variable '\(name)'",
      help: suggestion(for: name, among: words + variables).map { "did you mean `\($0)`?" }
        ?? "metrics are \(listed(Metric.allCases.map(\.rawValue)))")
  }

  private func metric(calling name: Name, _ arguments: [Argument]) throws -> MetricExpression {
    let values = try arguments.map { argument -> Lang.Expression in
      guard case .value(let value) = argument.kind else {
        throw Failure("`\(name.text)` takes values only", span: argument.span)
      }
      return value
    }
    if let kind = Score.Kind(rawValue: name.text) {
      let tokens = try values.flatMap(metricTokens)
      guard !tokens.isEmpty else {
        throw Failure(
          "`\(name.text)()` is of no token", help: "\(name.text)(answer), \(name.text)(\" Italy\")",
          span: name.span)
      }
      return .score(kind, of: tokens)
    }
    if let reduction = MetricExpression.Reduction(rawValue: name.text) {
      guard !values.isEmpty else {
        throw Failure(
          "`\(name.text)()` is of nothing", help: "\(name.text)(logit(foils))", span: name.span)
      }
      return .reduction(reduction, try values.map(metricExpression))
    }
    if let function = MetricExpression.Elementary(rawValue: name.text) {
      guard values.count == 1 else {
        throw Failure("`\(name.text)` takes one number", span: name.span)
      }
      return .function(function, try metricExpression(values[0]))
    }
    if name.text == Metric.overlap.rawValue {
      guard values.count == 1, case .integer(let count) = try evaluate(values[0]), count > 0 else {
        throw Failure(
          "`overlap` takes how many of the likeliest tokens are compared", help: "overlap(10)",
          span: name.span)
      }
      return .comparison(.overlap(count))
    }
    if Metric(rawValue: name.text) != nil {
      throw Failure(
        "`\(name.text)` takes no tokens", help: "write it without parentheses", span: name.span)
    }
    let functions =
      Score.Kind.allCases.map(\.rawValue) + MetricExpression.Reduction.allCases.map(\.rawValue)
      + MetricExpression.Elementary.allCases.map(\.rawValue) + [Metric.overlap.rawValue]
    throw Failure(
      "a metric has no function '\(name.text)'",
      help: suggestion(for: name.text, among: functions).map { "did you mean `\($0)`?" }
        ?? "it has \(listed(functions))", span: name.span)
  }

  // MARK: Tokens

  /// The prompt's own, as metrics call them.
  enum PromptTokens: String, CaseIterable {
    case answer, foils

    fileprivate var tokens: MetricExpression.Tokens {
      switch self {
      case .answer: .answers
      case .foils: .foils
      }
    }
  }

  /// `answer`, `foils`, texts, token ids, and lists of them.
  private func metricTokens(_ expression: Lang.Expression) throws -> [MetricExpression.Tokens] {
    try placing(at: expression.span, in: source) {
      if case .name(let name) = expression.kind, let word = PromptTokens(rawValue: name) {
        try checkIsNoVariable(metricWord: name)
        return [word.tokens]
      }
      return try Self.metricTokens(try evaluate(expression))
    }
  }

  private static func metricTokens(_ value: Value) throws -> [MetricExpression.Tokens] {
    switch value {
    case .text(let text): return [.text(text)]
    case .integer(let id): return [.id(id)]
    case .list(let values):
      guard !values.isEmpty else { throw Failure("this list is empty") }
      return try values.flatMap { try metricTokens($0) }
    case let other: throw Failure("expected a token, got \(other.kind)")
    }
  }

  private func checkIsNoVariable(metricWord name: String) throws {
    guard lookUp(name) != nil else { return }
    let what = PromptTokens(rawValue: name) == nil ? "a metric" : "the prompt's own"
    throw Failure(
      "`\(name)` is both \(what) and a variable",
      help: "$\(name) is the variable; rename it to mean \(what)")
  }
}

extension MetricExpression.Operation {
  fileprivate init?(_ op: BinaryOperator) {
    switch op {
    case .add: self = .add
    case .subtract: self = .subtract
    case .multiply: self = .multiply
    case .divide: self = .divide
    default: return nil
    }
  }
}

extension Pipeline {
  /// Whether it is an expression in parentheses.
  fileprivate var isExpression: Bool {
    if stages.count == 1, case .expression = stages[0].kind { true } else { false }
  }
}
