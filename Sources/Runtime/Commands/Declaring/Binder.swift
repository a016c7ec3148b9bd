import Lang

/// A command's words, sorted under the parameters that its declaration has.
struct BoundArguments: Sendable {
  /// Under each parameter's name what was written for it; an unbracketed list is taken apart.
  var values: [String: [Lang.Expression]] = [:]
  /// Of parameters that are several keywords: what was written after each of these.
  var valuesAfterKeywords: [String: [Lang.Expression]] = [:]
  /// Under each flag's name the word that was written.
  var flags: [String: Name] = [:]
  var assignments: [(name: Name, value: Lang.Expression)] = []
}

/// Sorts the words after a command's name. What a word means is decided by the declaration alone.
struct Binder {
  let command: Command
  /// The command's name in the source.
  let name: Name
  private let source: SourceText
  private var bound = BoundArguments()
  /// The keyword whose value comes next.
  private var open: Open?
  /// What no keyword leads to, for the positional parameters in their turn.
  private var free: [Lang.Expression] = []

  private struct Open {
    var parameter: Command.Parameter
    var word: String
    var span: SourceSpan
  }

  /// - Parameter source: the text that the name stands in.
  init(_ command: Command, named name: Name, in source: SourceText) {
    self.command = command
    self.name = name
    self.source = source
  }

  /// - Throws: `Failure` for a word too many, an unknown option, or a missing argument.
  mutating func bind(_ arguments: [Argument]) throws -> BoundArguments {
    for argument in arguments { try bind(argument) }
    try close()
    for expression in free { try bindInTurn(expression) }
    for parameter in command.parameters where parameter.isRequired && !has(parameter) {
      throw missing(parameter)
    }
    return bound
  }

  private func has(_ parameter: Command.Parameter) -> Bool {
    switch parameter.form {
    case .assignment: !bound.assignments.isEmpty
    case .flag: bound.flags[parameter.name] != nil
    case .positional, .keyword, .keywords, .arrow: bound.values[parameter.name] != nil
    }
  }

  private mutating func bind(_ argument: Argument) throws {
    switch argument.kind {
    case .value(let expression): try bind(expression)
    case .arrow:
      guard let parameter = command.parameters.first(where: { $0.form == .arrow }) else {
        throw Failure("`\(command.name)` takes no `->`", help: usage, span: argument.span)
      }
      try close()
      open = Open(parameter: parameter, word: "->", span: argument.span)
    case .named(let name, let value):
      if let parameter = command.parameters.first(where: { $0.form == .assignment }),
        !name.isQuoted || parameter.kind == .expression
      {
        bound.assignments.append((name, value))
      } else if name.isQuoted {
        throw Failure(
          "backticks name a column, and `\(command.name)` makes none", help: usage, span: name.span)
      } else {
        try add(value, to: try option(name), after: name.text)
      }
    case .option(let name, let value):
      let parameter = try option(name)
      if let value {
        try add(value, to: parameter, after: name.text)
      } else if parameter.isWord(name.text) {
        try choose(name, for: parameter)
      } else {
        try close()
        open = Open(parameter: parameter, word: name.text, span: argument.span)
      }
    }
  }

  private mutating func bind(_ expression: Lang.Expression) throws {
    if case .name(let text) = expression.kind {
      // `-> first "text"`: a word may stand before what an arrow points at.
      if open == nil || open?.parameter.form == .arrow,
        let parameter = command.parameters.first(where: { $0.isWord(text) })
      {
        return try choose(Name(text: text, span: expression.span), for: parameter)
      }
      if open == nil, let keyword = command.parameters.first(where: { $0.isKeyword(text) }) {
        open = Open(parameter: keyword, word: text, span: expression.span)
        return
      }
    }
    if let open {
      self.open = nil
      return try add(expression, to: open.parameter, after: open.word)
    }
    if let (word, all, rest) = command.everyPosition(in: expression) {
      try bind(word)
      try bind(all)
      return try bind(rest)
    }
    free.append(expression)
  }

  private mutating func bindInTurn(_ expression: Lang.Expression) throws {
    let parameter = command.parameters.first { $0.form == .positional && !has($0) }
    if let parameter { return try add(expression, to: parameter, after: parameter.name) }
    let near: String? =
      if case .name(let text) = expression.kind {
        suggestion(for: text, among: command.parameters.flatMap(\.words))
      } else {
        nil
      }
    throw Failure(
      command.parameters.isEmpty
        ? "`\(command.name)` takes no arguments" : "unexpected argument of `\(command.name)`",
      help: near.map { "did you mean `\($0)`?" } ?? usage, span: expression.span)
  }

  private func option(_ name: Name) throws -> Command.Parameter {
    let options = command.parameters.filter { $0.form != .arrow && $0.form != .assignment }
    func answers(_ parameter: Command.Parameter) -> Bool {
      parameter.words.contains(name.text)
        || parameter.form == .positional && parameter.name == name.text
    }
    if let found = options.first(where: answers) { return found }
    let known = options.flatMap { $0.form == .positional ? [$0.name] + $0.words : $0.words }
    throw Failure(
      "`\(command.name)` has no option '\(name.text)'",
      help: suggestion(for: name.text, among: known).map { "did you mean `\($0)`?" } ?? usage,
      span: name.span)
  }

  /// Takes a word that stands for itself: a flag, or a value of a positional choice.
  private mutating func choose(_ word: Name, for parameter: Command.Parameter) throws {
    guard case .flag = parameter.form else {
      return try add(
        Lang.Expression(kind: .name(word.text), span: word.span), to: parameter,
        after: parameter.name)
    }
    if let earlier = bound.flags[parameter.name] {
      throw Failure("`\(earlier.text)` is already given", help: usage, span: word.span)
    }
    bound.flags[parameter.name] = word
  }

  private mutating func add(
    _ expression: Lang.Expression, to parameter: Command.Parameter, after word: String
  ) throws {
    if let earlier = bound.values[parameter.name]?.first, !parameter.isRepeatable {
      let what =
        parameter.kind.choices == nil || parameter.form != .positional
        ? "`\(parameter.name)`" : "'\(excerpt(source.text(in: earlier.span)))'"
      throw Failure("\(what) is already given", help: usage, span: expression.span)
    }
    if case .flag = parameter.form {
      throw Failure("`\(word)` takes no value", help: usage, span: expression.span)
    }
    var expressions = [expression]
    if case .list(let elements, bracketed: false) = expression.kind {
      guard parameter.isList else {
        throw Failure(
          "`\(command.name)` takes one \(parameter.name), not a list", help: usage,
          span: expression.span)
      }
      expressions = elements
    }
    bound.values[parameter.name, default: []] += expressions
    if case .keywords = parameter.form {
      bound.valuesAfterKeywords[word, default: []] += expressions
    }
  }

  // MARK: What is missing

  private func close() throws {
    guard let open else { return }
    throw Failure(
      "`\(command.name)` needs a value after `\(open.word)`",
      help: helpForBars(after: open.span) ?? usage, span: open.span)
  }

  private func missing(_ parameter: Command.Parameter) -> Failure {
    let what =
      if let choices = parameter.kind.choices, parameter.form == .positional {
        choices.sentence
      } else if parameter.form == .positional {
        "\(parameter.placeholder) (\(parameter.summary))"
      } else {
        "`\(parameter.placeholder)`"
      }
    return Failure(
      "`\(command.name)` needs \(what)", help: helpForBars(after: name.span) ?? usage,
      span: name.span)
  }

  /// What follows may be `|dla|`, an absolute value as mathematics writes it.
  private func helpForBars(after span: SourceSpan) -> String? {
    let rest = source.text(in: SourceSpan(span.end, min(span.end + 80, source.bytes.count)))
    let line = rest.prefix { !$0.isNewline }.drop { $0 == " " }
    guard line.first == "|", let end = line.dropFirst().firstIndex(of: "|") else { return nil }
    let inner = line.dropFirst()[..<end]
    guard let first = inner.first, first != " ", inner.last != " " else { return nil }
    return "an absolute value is abs(\(inner)); `|` separates the stages of a pipeline"
  }

  private var usage: String { "usage: \(command.usage)" }
}

extension Command {
  /// `at * top 10`, which reads like a product: the keyword, all positions, and what follows them.
  fileprivate func everyPosition(in expression: Lang.Expression) -> (
    word: Lang.Expression, all: Lang.Expression, rest: Lang.Expression
  )? {
    switch expression.kind {
    case .binary(.multiply, let left, let right):
      guard case .name(let word) = left.kind,
        parameters.contains(where: { $0.isKeyword(word) && $0.kind == .position })
      else { return nil }
      // The star stands somewhere between the two.
      let span = SourceSpan(left.span.end, right.span.start)
      return (
        left, Lang.Expression(kind: .at(nil, Position(kind: .all, span: span)), span: span), right
      )
    case .list(let items, bracketed: false):
      guard let first = items.first, let (word, all, rest) = everyPosition(in: first) else {
        return nil
      }
      return (
        word, all,
        Lang.Expression(
          kind: .list([rest] + items.dropFirst(), bracketed: false),
          span: rest.span.joined(with: expression.span))
      )
    default: return nil
    }
  }
}

extension Command.Parameter {
  /// Whether a word stands for itself there: a flag's, or a value of a positional choice.
  fileprivate func isWord(_ text: String) -> Bool {
    switch form {
    case .flag, .positional: words.contains(text)
    case .keyword, .keywords, .arrow, .assignment: false
    }
  }

  fileprivate func isKeyword(_ text: String) -> Bool {
    switch form {
    case .keyword, .keywords: words.contains(text)
    case .flag, .positional, .arrow, .assignment: false
    }
  }
}

extension BoundArguments {
  /// The number that is given for a parameter, as a plain number and with nothing else.
  func onlyNumber(_ parameter: String) -> Int? {
    guard flags.isEmpty, assignments.isEmpty, values.count == 1,
      let expressions = values[parameter], expressions.count == 1,
      case .integer(let number) = expressions[0].kind
    else { return nil }
    return number
  }
}
