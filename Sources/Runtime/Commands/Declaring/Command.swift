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
  var run: @Sendable (Invocation) throws -> Value

  enum Group: String, Sendable, CaseIterable {
    case models, inputs, edits, measures, tables
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
    /// For a keyword, the very word.
    var name: String
    var form: Form
    var kind: Kind
    var isRequired = false
    /// Whether a comma may join several.
    var isList = false
    var summary: String

    enum Form: Sendable, Equatable {
      case positional
      /// `name VALUE`
      case keyword
      /// One of some words, anywhere: `each`, `zero`.
      case word([String])
      /// `-> VALUE`
      case arrow
      /// `NAME = VALUE`
      case assignment
    }

    /// What stands there; only completion and `help` care for more than the accessors say.
    enum Kind: String, Sendable {
      case number, text, path, model, selector, column, condition, expression, tokens, prompts,
        table, value
      case word
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

  static func word(_ name: String, _ words: [String], _ summary: String) -> Self {
    Self(name: name, form: .word(words), kind: .word, summary: summary)
  }

  /// As `help` writes it: `[over PROMPTS]`.
  var usage: String {
    let value = kind.rawValue.uppercased() + (isList ? ", …" : "")
    let text =
      switch form {
      case .positional: name.uppercased() + (isList ? ", …" : "")
      case .keyword: "\(name) \(value)"
      case .word(let words): words.joined(separator: " | ")
      case .arrow: "-> \(value)"
      case .assignment: "NAME = \(value)"
      }
    return isRequired ? text : "[\(text)]"
  }
}

extension Command {
  /// Whether it measures what a model says next.
  var warnsOfSpaces: Bool { group == .measures && name != "tokens" || name == "known" }

  var usage: String { ([name] + parameters.map(\.usage)).joined(separator: " ") }
}
