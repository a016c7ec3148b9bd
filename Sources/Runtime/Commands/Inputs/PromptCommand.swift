import Lang
import Model

extension Command {
  static let prompt = Command(
    name: "prompt", group: .inputs,
    summary: "Make a prompt from a text, with its answer and foils to compare it with.",
    details: """
      `{name:text}` labels a span: @name selects its tokens. `{{` and `}}` are braces. The \
      answer and each foil must be one token; `first "text"` takes the first token of a longer \
      text. With `-> next`, the answer at each position that a measure reads is the token that \
      follows. A list of numbers is used as token ids.
      """,
    input: .none,
    parameters: [
      .positional("text", .text, "the text, or a list of token ids"),
      .arrow("answer", .text, "the answer, with its space"),
      .flag("first", "take the first token of an answer of several"),
      .keyword("vs", .text, list: true, "the foils: wrong answers to compare with"),
      .keyword("counterpart", .text, "another prompt, that `patch … from counterpart` takes from"),
    ],
    examples: [
      #"prompt "Fact: {subject:The Colosseum} {relation:is in the country of}" -> " Italy" vs " Spain", " France""#,
      #"prompt [13486, 42, 378] | tokens"#,
    ],
    run: makePrompt)

  private static func makePrompt(_ call: Invocation) throws -> Value {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    let text = try call.expression(required: "text")
    var prompt = try placing(at: text.span) { try makePrompt(text, model, call.session) }
    if !prompt.isWhole {
      call.session.warn(
        "the model's tokenizer has no token for some of this text, and drops it",
        help: "`tokens` shows what is left", at: text.span)
    }
    call.session.warnOfDoubledBOS(in: [prompt], at: text.span)
    let reader = AnswerReader(model: model, extent: call.hasFlag("first") ? .first : .one)
    if let answer = call.expression("answer"), case .name("next") = answer.kind {
      try call.session.checkIsNoVariable("next", at: answer.span)
      if call.hasFlag("first") {
        throw call.failure("`next` is one token, and `first` takes one of several", help: "omit it")
      }
      prompt.asksForNext = true
    } else if let answer = call.expression("answer") {
      prompt.answers = [
        try placing(at: answer.span) { try reader.answer(try call.session.bareText(answer)) }
      ]
    } else if call.hasFlag("first") {
      throw call.failure("`first` needs an answer", help: "-> first \"text\"")
    } else if let foil = call.expression("vs") {
      throw Failure(
        "foils need an answer to compare with",
        help: "prompt \"…\" -> \" answer\" vs \" foil\"", span: foil.span)
    }
    prompt.foils = try call.expressions("vs").map { foil in
      try placing(at: foil.span) { try reader.answer(try call.session.bareText(foil)) }
    }
    if let other = call.expression("counterpart") {
      try placing(at: other.span) {
        try prompt.pair(with: try makePrompt(other, model, call.session))
      }
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
    let template = try session.template(literal)
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
