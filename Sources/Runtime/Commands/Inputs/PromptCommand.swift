import Lang
import Model

extension Command {
  static let prompt = Command(
    name: "prompt", group: .inputs,
    summary: "Make a prompt from a text, with its answer and foils to compare it with.",
    details: """
      `{name:text}` labels a span: @name selects its tokens. `{{` and `}}` are braces. There \
      may be several answers and foils, separated by commas. Each must be one token; \
      `first "text"` takes the first token of longer texts, `whole "text"` all of their tokens. \
      With `-> next`, the answer at each position that a measure reads is the token that \
      follows. A list of numbers is used as token ids.
      """,
    input: .none,
    parameters: [
      .positional("text", .text, "the text, or a list of token ids"),
      .arrow("answer", .text, list: true, "the answer, with its space, or several"),
      .flag("first", "take the first token of answers and foils of several"),
      .flag("whole", "take all tokens of them, each predicted from the ones before it"),
      .keyword("vs", .text, list: true, "the foils: wrong answers to compare with"),
      .keyword("counterpart", .text, "another prompt, that `patch … from counterpart` takes from"),
    ],
    examples: [
      #"prompt "Fact: {subject:The Colosseum} {relation:is in the country of}" -> " Italy" vs " Spain", " France""#,
      #"prompt "The capital of Burkina Faso is" -> whole " Ouagadougou" | rank"#,
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
    try call.answers(of: model).put(into: &prompt)
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
    guard case .string = expression.kind else {
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
    let (text, labels) = try session.labelledText(expression)
    return try Prompt(
      text: text, labels: labels, model: model, addsBOS: session.addsBOS(model))
  }
}

/// What a line gives as a prompt's answers and foils.
struct GivenAnswers {
  var answers: [Answer] = []
  var foils: [Answer] = []
  var asksForNext = false

  func put(into prompt: inout Prompt) {
    prompt.answers = answers
    prompt.foils = foils
    prompt.asksForNext = asksForNext
  }
}

extension Invocation {
  /// The answers and the foils of a line.
  func answers(of model: LanguageModel) throws -> GivenAnswers {
    let extent = try answerExtent()
    let word = extent == .first ? "first" : "whole"
    let reader = AnswerReader(model: model, extent: extent)
    func read(_ expressions: [Lang.Expression]) throws -> [Answer] {
      for case .name("next") in expressions.lazy.map(\.kind) where session.lookUp("next") == nil {
        throw Failure(
          "`next` is the token that follows, and cannot be one of several answers or a foil",
          help: "-> next alone; quotes make it a text: \" next\"")
      }
      return try session.answerTexts(expressions).map { text, span in
        try placing(at: span) { try reader.answer(text) }
      }.distinct
    }
    let (answers, foils) = (expressions("answer"), expressions("vs"))
    var given = GivenAnswers()
    if answers.isEmpty {
      if extent != .one {
        throw failure("`\(word)` needs an answer", help: "-> \(word) \"text\"")
      }
      if let foil = foils.first {
        throw Failure(
          "foils need an answer to compare with",
          help: "\(name.text) \"…\" -> \" answer\" vs \" foil\"", span: foil.span)
      }
    } else if answers.count == 1, case .name("next") = answers[0].kind {
      try session.checkIsNoVariable("next", at: answers[0].span)
      if extent != .one {
        throw failure(
          "`next` is one token, and `\(word)` is about answers of several", help: "omit it")
      }
      given.asksForNext = true
    } else {
      given.answers = try read(answers)
    }
    given.foils = try read(foils)
    let same = given.foils.first { foil in given.answers.contains { $0.tokens == foil.tokens } }
    if let same {
      guard extent != .first else {
        throw failure(
          "the foil \(quotedText(same.written)) and an answer have the same first token",
          help: "`whole` compares all of their tokens")
      }
      warn(
        "\(quotedText(same.written)) is an answer and a foil, and is compared with itself",
        help: "omit it: foils are wrong answers")
    }
    return given
  }
}
