import Lang
import Model

extension Command {
  static let prompt = Command(
    name: "prompt", group: .inputs,
    summary: "Make a prompt of a text, with its answer and the answers to hold it against.",
    details: """
      `{name:text}` labels a span of the text: its tokens can be selected (@name) and grouped by. \
      `{{` and `}}` are braces. The answer and the foils must be one token each; `first "text"` \
      takes the first token of a longer one. A list of numbers is taken as token ids.
      """,
    input: .none,
    parameters: [
      .positional("text", .text, "the text, or a list of token ids"),
      Parameter(name: "answer", form: .arrow, kind: .text, summary: "the answer, with its space"),
      .word("first", ["first"], "take the first token of an answer of several"),
      .keyword("vs", .text, list: true, "the foils: wrong answers to compare with"),
    ],
    examples: [
      #"prompt "Fact: {subject:The Colosseum} {relation:is in the country of}" -> " Italy" vs " Spain", " France""#,
      #"prompt [13486, 42, 378] | tokens"#,
    ],
    run: makePrompt)

  private static func makePrompt(_ call: Invocation) throws -> Value {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    guard let text = call.expression("text") else { return .nothing }
    var prompt = try placing(at: text.span) { try makePrompt(text, model, call.session) }
    if !prompt.isWhole {
      call.session.warn(
        "the model's tokenizer has no token for some of this text, and drops it",
        help: "`tokens` shows what is left", at: text.span)
    }
    call.session.warnOfDoubledBOS(in: [prompt], at: text.span)
    let reader = AnswerReader(model: model, takesFirst: call.word("first") != nil)
    if let answer = call.expression("answer") {
      prompt.answer = try placing(at: answer.span) {
        try reader.target(try call.session.bareText(answer))
      }
    } else if call.word("first") != nil {
      throw call.failure("`first` needs an answer", help: "-> first \"text\"")
    } else if let foil = call.expression("vs") {
      throw Failure(
        "foils need an answer to compare with",
        help: "prompt \"…\" -> \" answer\" vs \" foil\"", span: foil.span)
    }
    prompt.foils = try call.expressions("vs").map { foil in
      try placing(at: foil.span) { try reader.target(try call.session.bareText(foil)) }
    }
    return .prompts(PromptSet(prompts: [prompt]))
  }

  private static func makePrompt(
    _ expression: Lang.Expression, _ model: LanguageModel, _ session: Session
  ) throws -> Prompt {
    guard case .string(let literal) = expression.kind else {
      switch try session.evaluate(expression) {
      case .text(let text):
        return try Prompt(
          text: text, labels: [], model: model, addsBOS: session.addsBOS(model))
      case .list(let values):
        let ids = try values.map { value in
          guard case .integer(let id) = value else {
            throw Failure("a token id is a whole number, not \(value.kind)")
          }
          return id
        }
        return try Prompt(tokens: ids, model: model)
      case let other: throw Failure("a prompt is made of text or token ids, not of \(other.kind)")
      }
    }
    let template = try Template.parse(
      try literal.pieces.map { piece in
        switch piece {
        case .text(let text, let offsets): return .text(text, offsets: offsets)
        case .interpolation(let pipeline):
          return .value(
            try Evaluator(session: session, row: nil).interpolated(pipeline), pipeline.span)
        }
      })
    try template.refuseAnswer()
    if let field = template.fields.first {
      throw Failure(
        "'{\(field)}' stands for a column, and a prompt has none",
        help: "label a span with {\(field):text}, or write {{ and }} for braces")
    }
    let filled = FilledTemplate(template, fields: [:])
    return try Prompt(
      text: filled.text, labels: filled.labels, model: model, addsBOS: session.addsBOS(model))
  }
}

/// Turns the text of an answer into its one token.
struct AnswerReader {
  let model: LanguageModel
  var takesFirst = false

  func target(_ text: String) throws -> Prompt.Target {
    let pieces = model.tokenizer.encode(text, isContinuation: true)
    guard let first = pieces.first else { throw Failure("an answer needs some text") }
    if pieces.count == 1 || takesFirst {
      try model.require(token: first.id)
      return Prompt.Target(
        token: first.id, text: model.tokenizer.text(of: first.id), written: text,
        takesFirst: takesFirst)
    }
    let shown = 8
    let tokens = pieces.prefix(shown).map { quotedText(excerpt(model.tokenizer.text(of: $0.id))) }
    let spaced = model.tokenizer.isWholeToken(" " + text) != nil
    throw Failure(
      "the answer \(quotedText(text)) is \(pieces.count) tokens: "
        + tokens.joined(separator: " ") + (pieces.count > shown ? " …" : ""),
      help: spaced
        ? "with a leading space it is one: \(quotedText(" " + text))"
        : "an answer is one token; `first \(quotedText(text))` takes \(tokens[0])")
  }
}

/// A template with its columns filled in: the text, and where its spans lie in it.
struct FilledTemplate {
  private(set) var text = ""
  private(set) var labels: [(label: String, range: Range<Int>)] = []

  /// - Parameter fields: a text for each of the template's fields.
  init(_ template: Template, fields: [String: String]) {
    append(template.segments, fields)
  }

  private mutating func append(_ segments: [Template.Segment], _ fields: [String: String]) {
    for segment in segments {
      let start = text.utf8.count
      switch segment {
      case .text(let part): text += part
      case .field(let name):
        text += fields[name.text] ?? ""
        // A field is a span of its own, unless it stands in one.
        labels.append((name.text, start..<text.utf8.count))
      case .span(let name, let inner):
        let outer = labels
        append(inner, fields)
        labels = outer + [(name.text, start..<text.utf8.count)]
      }
    }
  }
}
