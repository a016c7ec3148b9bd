import Lang

/// A command's words, sorted under the parameters that its declaration has.
struct BoundArguments: Sendable {
  /// Under each parameter's name what was written for it; an unbracketed list is taken apart.
  var values: [String: [Lang.Expression]] = [:]
  /// The words that were chosen, with their places.
  var words: [String: Name] = [:]
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
  private var open: (parameter: Command.Parameter, span: SourceSpan)?

  /// - Parameter source: the text that the name stands in.
  init(_ command: Command, named name: Name, in source: SourceText) {
    self.command = command
    self.name = name
    self.source = source
  }

  /// - Throws: `Failure` for a word too many, an unknown option, or a missing argument.
  mutating func bind(_ arguments: [Argument]) throws -> BoundArguments {
    for argument in arguments { try bind(argument) }
    if let open { throw missing(open.parameter, at: open.span) }
    for parameter in command.parameters
    where parameter.isRequired && bound.values[parameter.name] == nil
      && bound.words[parameter.name] == nil && !(parameter.form == .assignment && hasAssignments)
    {
      throw missing(parameter, at: name.span)
    }
    return bound
  }

  private var hasAssignments: Bool { !bound.assignments.isEmpty }

  private mutating func bind(_ argument: Argument) throws {
    switch argument.kind {
    case .value(let expression): try bind(expression)
    case .arrow:
      guard let parameter = command.parameters.first(where: { $0.form == .arrow }) else {
        throw Failure("`\(command.name)` takes no `->`", help: usage, span: argument.span)
      }
      try close(before: argument.span)
      open = (parameter, argument.span)
    case .named(let name, let value):
      if let parameter = command.parameters.first(where: { $0.form == .assignment }),
        !name.isQuoted || parameter.kind == .expression
      {
        bound.assignments.append((name, value))
      } else if name.isQuoted {
        throw Failure(
          "backticks name a column, and `\(command.name)` makes none", help: usage, span: name.span)
      } else {
        try add(value, to: try option(name))
      }
    case .option(let name, let value):
      let parameter = try option(name)
      if let value {
        try add(value, to: parameter)
      } else if case .word(let words) = parameter.form, words.contains(name.text) {
        try choose(name, for: parameter)
      } else {
        try close(before: argument.span)
        open = (parameter, argument.span)
      }
    }
  }

  private mutating func bind(_ expression: Lang.Expression) throws {
    if case .name(let text) = expression.kind {
      let word = Name(text: text, span: expression.span)
      // `-> first "text"`: a word may stand before what an arrow points at.
      if let parameter = wordParameter(text), open == nil || open?.parameter.form == .arrow {
        return try choose(word, for: parameter)
      }
      if open == nil, let keyword = keyword(text) {
        open = (keyword, expression.span)
        return
      }
    }
    if let (parameter, _) = open {
      open = nil
      return try add(expression, to: parameter)
    }
    let free = command.parameters.first {
      $0.form == .positional && bound.values[$0.name] == nil
    }
    guard let free else {
      let words = command.parameters.flatMap(\.words)
      let near: String? =
        if case .name(let text) = expression.kind { suggestion(for: text, among: words) } else {
          nil
        }
      throw Failure(
        "`\(command.name)` does not know what to do with this",
        help: near.map { "did you mean `\($0)`?" } ?? usage, span: expression.span)
    }
    try add(expression, to: free)
  }

  private func wordParameter(_ text: String) -> Command.Parameter? {
    command.parameters.first {
      if case .word(let words) = $0.form { words.contains(text) } else { false }
    }
  }

  private func keyword(_ text: String) -> Command.Parameter? {
    command.parameters.first { $0.form == .keyword && $0.name == text }
  }

  private func option(_ name: Name) throws -> Command.Parameter {
    let options = command.parameters.filter { $0.form != .arrow && $0.form != .assignment }
    if let found = options.first(where: { $0.words.contains(name.text) }) { return found }
    throw Failure(
      "`\(command.name)` has no option '\(name.text)'",
      help: suggestion(for: name.text, among: options.flatMap(\.words)).map {
        "did you mean `\($0)`?"
      }
        ?? usage, span: name.span)
  }

  private mutating func choose(_ word: Name, for parameter: Command.Parameter) throws {
    if let earlier = bound.words[parameter.name] {
      throw Failure(
        "`\(command.name)` was told '\(earlier.text)' already", help: usage, span: word.span)
    }
    bound.words[parameter.name] = word
  }

  private mutating func add(_ expression: Lang.Expression, to parameter: Command.Parameter) throws {
    guard bound.values[parameter.name] == nil || parameter.isRepeatable else {
      throw Failure(
        "`\(command.name)` was given '\(parameter.name)' already", help: usage,
        span: expression.span)
    }
    if case .list(let elements, bracketed: false) = expression.kind {
      guard parameter.isList else {
        throw Failure(
          "`\(command.name)` takes one \(parameter.name), not a list", help: usage,
          span: expression.span)
      }
      bound.values[parameter.name, default: []] += elements
    } else {
      bound.values[parameter.name, default: []].append(expression)
    }
  }

  private func close(before span: SourceSpan) throws {
    if let open { throw missing(open.parameter, at: open.span) }
  }

  private func missing(_ parameter: Command.Parameter, at span: SourceSpan) -> Failure {
    Failure(
      parameter.form == .positional
        ? "`\(command.name)` needs its \(parameter.name): \(parameter.summary)"
        : "`\(command.name)` needs a value after `\(parameter.words.first ?? parameter.name)`",
      help: helpForBars(after: span) ?? usage, span: span)
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

  private var usage: String { "it is written: \(command.usage)" }
}

extension Command.Parameter {
  /// The words that lead to it.
  var words: [String] {
    switch form {
    case .positional, .keyword: [name]
    case .word(let words): words
    case .arrow: ["->"]
    case .assignment: []
    }
  }

  /// A keyword that may come several times: `group by a mean x mean y`.
  var isRepeatable: Bool { form == .keyword && isList }
}
