import Lang
import Model

extension Command {
  static let chat = Command(
    name: "chat", group: .inputs,
    summary: "Make a prompt of a conversation, as the model's own chat template writes it.",
    details: """
      Several texts are turns: the user's, the assistant's, the user's and so on. Spans are labelled as \
      in `prompt`. The answer is what the assistant's next turn begins with. The template decides \
      whether there is a BOS token. `date` is a day such as "2026-11-28" for templates that tell the \
      model what day it is; by default that of SOURCE_DATE_EPOCH, or today. A model without a template \
      is an error, and so is a conversation that the template refuses.
      """,
    input: .none,
    parameters: [
      .positional("text", .text, list: true, "what the user says, or turns in their order"),
      .keyword("system", .text, "what the system says before it; default: the template's own"),
      .keyword("date", .text, "the day that the template is told"),
      .arrow("answer", .text, list: true, "the answer, or several"),
      .flag("first", "take the first token of answers and foils of several"),
      .flag("whole", "take all tokens of them, each predicted from the ones before it"),
      .keyword("vs", .text, list: true, "the foils: wrong answers to compare with"),
    ],
    examples: [
      #"chat "Where is {subject:the Colosseum}?" -> "The" vs "It" | rank"#,
      #"chat "Hi", "Hello!", "Where is Rome?" system "Be brief." | generate 5"#,
    ],
    run: makeChat)

  private static func makeChat(_ call: Invocation) throws -> Value {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    let place = call.span(of: "text")
    let turns = try call.turns()
    let answers = try call.answers(of: model)
    let format = try ChatFormat(call, model: model)
    guard !turns.count.isMultiple(of: 2) else {
      throw Failure(
        "the last turn is the assistant's: nothing is left to be said",
        help: "turns alternate: the user's, the assistant's, the user's …", span: place)
    }
    var prompt = try placing(at: place) {
      try Prompt(format.conversation(turns), template: format.template, model: model)
    }
    if !prompt.isWhole {
      call.session.warn(
        "the model's tokenizer has no token for some of this text, and drops it",
        help: "`tokens` shows what is left", at: place)
    }
    answers.put(into: &prompt)
    return .prompts(PromptSet(prompts: [prompt]))
  }
}

extension Invocation {
  /// The texts as turns, the user's first.
  fileprivate func turns() throws -> [Conversation.Turn] {
    let texts = try expressions("text").flatMap { expression in
      try placing(at: expression.span) { try turnTexts(expression) }
    }
    return texts.enumerated().map { index, text in
      Conversation.Turn(
        role: index.isMultiple(of: 2) ? .user : .assistant, text: text.text, labels: text.labels)
    }
  }

  private func turnTexts(_ expression: Lang.Expression) throws
    -> [(text: String, labels: [(label: String, range: Range<Int>)])]
  {
    switch expression.kind {
    case .string: return [try session.labelledText(expression)]
    case .list(let items, _):
      guard !items.isEmpty else { throw emptyList(at: expression.span) }
      return try items.flatMap(turnTexts)
    default:
      guard case .list(let values) = try session.evaluate(expression) else {
        return [try session.labelledText(expression)]
      }
      guard !values.isEmpty else { throw emptyList(at: expression.span) }
      return try values.map { value in
        guard case .text(let text) = value else {
          throw Failure("expected text, got \(value.kind)", span: expression.span)
        }
        return (text, [])
      }
    }
  }
}
