import Lang

extension Invocation {
  /// The metric that a parameter asks for: a word of the choice, a name that `metric` gave, or an
  /// expression in parentheses. Nil where it is not given.
  ///
  /// - Parameter known: the metric of a word.
  func metric<C: Choice>(_ parameter: String, _ type: C.Type, known: (C) -> ChosenMetric) throws
    -> ChosenMetric?
  {
    try metrics(parameter, type, known: known).first
  }

  /// The same of a parameter that takes several.
  func metrics<C: Choice>(_ parameter: String, _: C.Type, known: (C) -> ChosenMetric) throws
    -> [ChosenMetric]
  {
    let declared = command.parameters.first { $0.name == parameter }?.kind.words
    if declared != Choices(C.self).values {
      mistake("reads other choices of '\(parameter)' than it declares")
    }
    let own = session.metrics.keys.sorted().map { Choices.Value(name: $0, summary: "") }
    let choices = Choices(Choices(C.self).values + own)
    return try expressions(parameter).flatMap { expression -> [ChosenMetric] in
      if case .pipeline = expression.kind {
        let metric = try session.metricExpression(expression)
        return [ChosenMetric(name: Lang.Printer.print(expression.unwrapped), metric)]
      }
      return try session.choices(expression, among: choices, isList: false).compactMap { word in
        if let known = C(rawValue: word).map(known) { return known }
        return session.metrics[word].map { ChosenMetric(name: word, $0) }
      }
    }
  }
}
