import Lang

/// A command of the language: everything that binding, completion, `help`, suggestions and the
/// reference page need to know about it.
struct Command: Sendable {
  var name: String
  var group: Group
  /// One sentence.
  var summary: String
  /// More, for `help NAME`; nil where the summary says it all.
  var details: String?
  var input: Input
  var parameters: [Parameter] = []
  /// Lines that run as they stand, after `load smollm2` and the examples' prompt.
  var examples: [String]
  /// Of a command that only prepares what follows it in its pipeline, so that it cannot end one: what
  /// to do instead.
  var needsFollower: String?
  /// The parameter that, given alone and as a plain number, is how many of its input's first rows
  /// the command looks at: the stage before need not make more.
  var rowLimit: String?
  /// Whether variables and `def`s may have its name, and then come first.
  var yieldsToNames = false
  var run: @Sendable (Invocation) throws -> Value

  enum Group: String, Sendable, CaseIterable {
    case models, inputs, edits, measures, weights, tables
    case seeing = "seeing and keeping"
    case scripting
  }

  /// What comes through the pipe.
  enum Input: Sendable {
    /// Nothing: the command begins a pipeline.
    case none
    case prompts
    case table
    /// Anything, or nothing.
    case any
  }

  struct Parameter: Sendable {
    /// What the command reads it by; for a keyword and a flag, the very word.
    var name: String
    var form: Form
    var kind: Kind
    var isRequired = false
    /// Whether a comma may join several.
    var isList = false
    var summary: String

    enum Form: Sendable, Equatable {
      /// A value in its turn. The words of a positional choice may stand anywhere: `bar`, `zero`.
      case positional
      /// `name VALUE`
      case keyword
      /// `mean VALUE sum VALUE …`: each of the choices is a keyword of its own.
      case keywords(Choices)
      /// A word that is there or not, anywhere: `each`. Other spellings of it, if it has any.
      case flag(also: [String])
      /// `-> VALUE`
      case arrow
      /// `NAME = VALUE`
      case assignment
    }

    /// What stands there; only completion and `help` care for more than the accessors say.
    enum Kind: Sendable, Equatable {
      case number, text, path, selector, position, column, condition, expression, prompts, table,
        value
      /// A loaded model.
      case model
      /// A file, a folder or a name of a model to load.
      case loadable
      /// A name that the line makes up.
      case name
      /// The name of a command.
      case command
      /// Prompts, or one of some words.
      case donors(or: Choices)
      /// A metric: one of some words, a name that `metric` gave, or an expression in parentheses.
      case metric(or: Choices)
      /// Tokens, or one of some words.
      case tokens(or: Choices)
      case oneOf(Choices)
      /// Of a flag, which has no value.
      case flag
    }
  }
}

extension Command.Parameter.Kind {
  static func choice<C: Choice>(_ type: C.Type) -> Self { .oneOf(Choices(type)) }

  static func metric<C: Choice>(or type: C.Type) -> Self { .metric(or: Choices(type)) }

  static func tokens<C: Choice>(or type: C.Type) -> Self { .tokens(or: Choices(type)) }

  static func donors<C: Choice>(or type: C.Type) -> Self { .donors(or: Choices(type)) }

  /// The closed set that it is of.
  var choices: Choices? { if case .oneOf(let choices) = self { choices } else { nil } }

  /// Words that have a meaning of their own there.
  var words: [Choices.Value] {
    switch self {
    case .oneOf(let choices), .tokens(or: let choices), .donors(or: let choices),
      .metric(or: let choices):
      choices.values
    case .number, .text, .path, .selector, .position, .column, .condition, .expression, .prompts,
      .table, .value, .model, .loadable, .name, .command, .flag:
      []
    }
  }

  /// In a usage line.
  fileprivate var usage: String {
    switch self {
    case .number: "NUMBER"
    case .text: "TEXT"
    case .path: "PATH"
    case .selector: "SELECTOR"
    case .position: "POSITION"
    case .column: "COLUMN"
    case .condition: "CONDITION"
    case .expression: "EXPRESSION"
    case .prompts: "PROMPTS"
    case .table: "TABLE"
    case .value: "VALUE"
    case .model, .loadable: "MODEL"
    case .name: "NAME"
    case .command: "COMMAND"
    case .donors(or: let choices): (["PROMPTS"] + choices.names).joined(separator: " | ")
    case .tokens: "TOKENS"
    case .oneOf(let choices): choices.names.joined(separator: " | ")
    case .metric(or: let choices): (choices.names + ["(EXPRESSION)"]).joined(separator: " | ")
    case .flag: ""
    }
  }
}

extension Command.Parameter {
  static func positional(
    _ name: String, _ kind: Kind, required: Bool = true, list: Bool = false, _ summary: String
  ) -> Self {
    Self(
      name: name, form: .positional, kind: kind, isRequired: required, isList: list,
      summary: summary)
  }

  static func keyword(
    _ name: String, _ kind: Kind, required: Bool = false, list: Bool = false, _ summary: String
  ) -> Self {
    Self(
      name: name, form: .keyword, kind: kind, isRequired: required, isList: list, summary: summary)
  }

  /// Each value of a choice as a keyword of its own, which may come several times.
  static func keywords<C: Choice>(_ name: String, _: C.Type, _ kind: Kind, _ summary: String)
    -> Self
  {
    Self(
      name: name, form: .keywords(Choices(C.self)), kind: kind, isList: true, summary: summary)
  }

  static func flag(_ name: String, also spellings: [String] = [], _ summary: String) -> Self {
    Self(name: name, form: .flag(also: spellings), kind: .flag, summary: summary)
  }

  static func arrow(
    _ name: String, _ kind: Kind, required: Bool = false, list: Bool = false, _ summary: String
  ) -> Self {
    Self(
      name: name, form: .arrow, kind: kind, isRequired: required, isList: list, summary: summary)
  }

  static func assignment(_ name: String, _ kind: Kind, required: Bool = false, _ summary: String)
    -> Self
  {
    Self(name: name, form: .assignment, kind: kind, isRequired: required, summary: summary)
  }

  /// As `help` writes it: `[over PROMPTS]`.
  var usage: String { isRequired ? placeholder : "[\(placeholder)]" }

  /// The same without the brackets of what is optional.
  var placeholder: String {
    let more = isList ? ", …" : ""
    switch form {
    case .positional: return (kind.choices == nil ? name.uppercased() : kind.usage) + more
    case .keyword: return "\(name) \(kind.usage)\(more)"
    case .keywords: return "\(name.uppercased()) \(kind.usage)\(more)"
    case .flag: return words.joined(separator: " | ")
    case .arrow: return "-> \(kind.usage)\(more)"
    case .assignment: return "NAME = \(kind.usage)"
    }
  }

  /// What it is listed by.
  var heading: String {
    switch form {
    case .positional: kind.choices == nil ? name : kind.usage
    case .keyword, .keywords, .flag: words.joined(separator: " | ")
    case .arrow: "->"
    case .assignment: placeholder
    }
  }

  /// The words that lead to it, or are it.
  var words: [String] {
    switch form {
    case .positional: kind.choices?.names ?? []
    case .keyword: [name]
    case .keywords(let choices): choices.names
    case .flag(let others): [name] + others
    case .arrow: ["->"]
    case .assignment: []
    }
  }

  /// A keyword that may come several times: `group by a mean x mean y`.
  var isRepeatable: Bool {
    switch form {
    case .keyword, .keywords: isList
    case .positional, .flag, .arrow, .assignment: false
    }
  }
}

extension Command {
  /// Whether it measures what a model says next.
  var warnsOfSpaces: Bool {
    switch name {
    case "tokens", "loss", "perplexity": false
    case "known": true
    default: group == .measures
    }
  }

  var usage: String { ([name] + parameters.map(\.usage)).joined(separator: " ") }
}
