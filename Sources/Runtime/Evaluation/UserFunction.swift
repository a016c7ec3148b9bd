import Lang

/// A `def`: its tree and the text that it stands in.
struct UserFunction {
  let definition: Definition
  let source: SourceText

  /// The values of the parameters. What comes through a pipe is the first argument.
  func bind(
    _ arguments: [Argument], input: Value, name: Name, in session: Session,
    evaluate: (Lang.Expression) throws -> Value
  ) throws -> [String: Value] {
    let parameters = definition.parameters
    var values: [String: Value] = [:]
    var positional: [Value] = []
    if case .nothing = input {} else { positional.append(input) }
    for argument in arguments {
      switch argument.kind {
      case .value(let expression):
        if case .list(let elements, bracketed: false) = expression.kind {
          positional += try elements.map(evaluate)
        } else {
          positional.append(try evaluate(expression))
        }
      case .named(let name, let expression), .option(let name, let expression?):
        guard !name.isQuoted, parameters.contains(where: { $0.name.text == name.text }) else {
          throw unknown(name)
        }
        values[name.text] = try evaluate(expression)
      case .option(let name, nil):
        throw Failure("write \(name.text)=VALUE", span: argument.span)
      case .arrow:
        throw Failure("`\(definition.name.text)` takes no `->`", span: argument.span)
      }
    }
    guard positional.count <= parameters.count else {
      throw Failure(
        "`\(definition.name.text)` takes \(parameters.count) values, and was given "
          + "\(positional.count)", help: usage, span: name.span)
    }
    for (parameter, value) in zip(parameters, positional) {
      guard values[parameter.name.text] == nil else {
        throw Failure("'\(parameter.name.text)' was given twice", help: usage, span: name.span)
      }
      values[parameter.name.text] = value
    }
    for parameter in parameters where values[parameter.name.text] == nil {
      guard let fallback = parameter.defaultValue else {
        throw Failure(
          "`\(definition.name.text)` needs '\(parameter.name.text)'", help: usage, span: name.span)
      }
      values[parameter.name.text] = try session.calling(name) {
        try session.evaluate(fallback, in: source, seeing: values)
      }
    }
    return values
  }

  private var usage: String { definition.usage }

  private func unknown(_ name: Name) -> Failure {
    let names = definition.parameters.map(\.name.text)
    return Failure(
      "`\(definition.name.text)` has no parameter '\(name.text)'",
      help: suggestion(for: name.text, among: names).map { "did you mean \($0)?" } ?? usage,
      span: name.span)
  }
}

extension Definition {
  /// For the help of an error.
  var usage: String { "usage: \(name.text)(\(listed(parameters.map(\.name.text))))" }
}
