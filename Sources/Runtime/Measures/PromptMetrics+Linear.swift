import Lang

/// Σ c_i · logit_i over the completions of a prompt, and what is added.
private struct LinearForm {
  var coefficients: [Int: Double] = [:]
  var constant = 0.0

  func scaled(by factor: Double) -> LinearForm {
    LinearForm(coefficients: coefficients.mapValues { $0 * factor }, constant: constant * factor)
  }

  static func + (a: LinearForm, b: LinearForm) -> LinearForm {
    LinearForm(
      coefficients: a.coefficients.merging(b.coefficients, uniquingKeysWith: +),
      constant: a.constant + b.constant)
  }

  var isConstant: Bool { coefficients.isEmpty }
}

extension PromptMetrics {
  /// What each completion's logit is multiplied by, where the first metric is such a sum.
  ///
  /// - Throws: `Failure` for one that is not linear in the logits.
  func logitWeights() throws -> [(tokens: [Int], weight: Float)] {
    let form = try linear(expressions[0])
    guard !form.constant.isNaN, !form.coefficients.values.contains(where: \.isNaN) else {
      throw Failure("this metric has a number in it that is missing")
    }
    guard !form.isConstant else {
      throw Failure(
        "nothing in it depends on a logit", help: "write logit(answer), logit(\" token\") …")
    }
    guard form.constant == 0 else {
      throw Failure(
        "no component adds the \(form.constant) in it", help: "omit it: the parts must sum")
    }
    return form.coefficients.sorted { $0.key < $1.key }.map {
      (completions[$0.key], Float($0.value))
    }
  }

  private func linear(_ expression: MetricExpression) throws -> LinearForm {
    switch expression {
    case .number(let value): return LinearForm(constant: value)
    case .score(.logit, let tokens):
      let forms = logits(of: tokens)
      return forms.reduce(LinearForm(), +).scaled(by: 1 / Double(forms.count))
    case .score(let kind, _): throw notLinear("\(kind.rawValue)(…)")
    case .accuracy: throw notLinear("accuracy")
    case .comparison: throw notLinear("a comparison with the base")
    case .negated(let inner): return try linear(inner).scaled(by: -1)
    case .binary(let op, let left, let right):
      return try combine(op, try linear(left), try linear(right))
    case .function(let function, let inner):
      let form = try linear(inner)
      guard form.isConstant else { throw notLinear("\(function.rawValue)(…)") }
      return LinearForm(constant: function.apply(form.constant))
    case .reduction(let reduction, let parts):
      let forms = try parts.flatMap(linearForms)
      switch reduction {
      case .sum: return forms.reduce(LinearForm(), +)
      case .mean: return forms.reduce(LinearForm(), +).scaled(by: 1 / Double(forms.count))
      case .min, .max:
        guard forms.allSatisfy(\.isConstant) else { throw notLinear("\(reduction.rawValue)(…)") }
        return LinearForm(constant: reduction.apply(forms.map(\.constant)))
      }
    }
  }

  /// One for each token.
  private func linearForms(_ expression: MetricExpression) throws -> [LinearForm] {
    switch expression {
    case .score(.logit, let tokens): return logits(of: tokens)
    case .negated(let inner): return try linearForms(inner).map { $0.scaled(by: -1) }
    case .binary(let op, let left, let right):
      let (a, b) = (try linearForms(left), try linearForms(right))
      return try (0..<max(a.count, b.count)).map {
        try combine(op, a.count == 1 ? a[0] : a[$0], b.count == 1 ? b[0] : b[$0])
      }
    case .function(let function, let inner):
      return try linearForms(inner).map { form in
        guard form.isConstant else { throw notLinear("\(function.rawValue)(…)") }
        return LinearForm(constant: function.apply(form.constant))
      }
    case .number, .score, .accuracy, .comparison, .reduction: return [try linear(expression)]
    }
  }

  private func logits(of tokens: [MetricExpression.Tokens]) -> [LinearForm] {
    places(of: tokens).map { LinearForm(coefficients: [$0: 1]) }
  }

  private func combine(
    _ op: MetricExpression.Operation, _ a: LinearForm, _ b: LinearForm
  ) throws -> LinearForm {
    switch op {
    case .add: return a + b
    case .subtract: return a + b.scaled(by: -1)
    case .multiply where b.isConstant: return a.scaled(by: b.constant)
    case .multiply where a.isConstant: return b.scaled(by: a.constant)
    case .divide where b.isConstant && b.constant == 0: throw Failure("this metric divides by zero")
    case .divide where b.isConstant: return a.scaled(by: 1 / b.constant)
    case .multiply: throw notLinear("a product of logits")
    case .divide: throw notLinear("a division by logits")
    }
  }

  private func notLinear(_ what: String) -> Failure {
    Failure(
      "this metric is not linear in the logits: \(what)",
      help: "attribution divides sums of logits, such as logit(answer) - mean(logit(foils))")
  }
}
