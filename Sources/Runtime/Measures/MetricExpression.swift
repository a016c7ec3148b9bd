import Lang
import Model

/// What is computed of a run: of the logits where a token is predicted.
///
/// A score of several tokens is one number for each inside of a reduction (`max(logit(foils))`), and
/// elsewhere the number of their set: the mean logit, the sum of the probabilities, the best rank.
indirect enum MetricExpression: Sendable {
  case number(Double)
  case score(Score.Kind, of: [Tokens])
  case accuracy
  case comparison(LogitComparison)
  case negated(MetricExpression)
  case binary(Operation, MetricExpression, MetricExpression)
  case function(Elementary, MetricExpression)
  case reduction(Reduction, [MetricExpression])

  /// What a score is of.
  enum Tokens: Sendable, Hashable {
    /// The prompt's own.
    case answers, foils
    case text(String)
    case id(Int)
  }

  enum Operation: Sendable { case add, subtract, multiply, divide }

  enum Elementary: String, CaseIterable, Sendable { case abs, sqrt, exp, log }

  enum Reduction: String, CaseIterable, Sendable { case min, max, sum, mean }
}

extension MetricExpression {
  /// Hands over every part of it, itself first.
  func visit(_ body: (MetricExpression) throws -> Void) rethrows {
    try body(self)
    switch self {
    case .number, .score, .accuracy, .comparison: break
    case .negated(let inner), .function(_, let inner): try inner.visit(body)
    case .binary(_, let left, let right):
      try left.visit(body)
      try right.visit(body)
    case .reduction(_, let parts): for part in parts { try part.visit(body) }
    }
  }

  var comparisons: [LogitComparison] {
    var found: [LogitComparison] = []
    visit { if case .comparison(let comparison) = $0 { found.append(comparison) } }
    return found
  }

  /// The tokens that it names.
  var tokens: [Tokens] {
    var found: [Tokens] = []
    visit { part in
      switch part {
      case .score(_, let tokens): found += tokens
      case .accuracy: found.append(.answers)
      default: break
      }
    }
    return found
  }

  /// Whether a prompt must have an answer for it.
  var needsAnswers: Bool { tokens.contains(.answers) }
}

extension MetricExpression.Operation {
  func apply(_ a: Double, _ b: Double) -> Double {
    switch self {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    // A division by zero is missing, as in a column.
    case .divide: b == 0 ? .nan : a / b
    }
  }
}

extension MetricExpression.Elementary {
  func apply(_ x: Double) -> Double {
    switch self {
    case .abs: Swift.abs(x)
    case .sqrt: x.squareRoot()
    case .exp: Numerics.exp(x)
    case .log: Numerics.log(x)
    }
  }
}

extension MetricExpression.Reduction {
  /// Never of nothing. NaN where a number is.
  func apply(_ numbers: [Double]) -> Double {
    let sum = numbers.reduce(0, +)
    switch self {
    case .sum: return sum
    case .mean: return sum / Double(numbers.count)
    case .min: return numbers.contains(where: \.isNaN) ? .nan : numbers.min() ?? .nan
    case .max: return numbers.contains(where: \.isNaN) ? .nan : numbers.max() ?? .nan
    }
  }
}
