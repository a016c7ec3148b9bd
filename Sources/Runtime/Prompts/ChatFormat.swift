import Lang
import Model

/// What is said before the user's words, and the template that puts all into a text.
struct ChatFormat {
  let model: LanguageModel
  let template: ChatTemplate
  private let system: Conversation.Turn?
  private let date: ChatDate
  private let isDateGiven: Bool

  /// - Parameter call: of a command with the keywords `system` and `date`.
  init(_ call: Invocation, model: LanguageModel) throws {
    self.model = model
    system = try call.expression("system").map { expression in
      try placing(at: expression.span) {
        let (text, labels) = try call.session.labelledText(expression)
        return Conversation.Turn(role: .system, text: text, labels: labels)
      }
    }
    if let text = try call.text("date") {
      guard let date = ChatDate(text) else {
        throw Failure(
          "expected a day such as \"2026-11-28\", got '\(excerpt(text))'",
          span: call.span(of: "date"))
      }
      (self.date, isDateGiven) = (date, true)
    } else {
      date = try placing(at: call.span) { try call.session.today() }
      isDateGiven = false
    }
    template = try placing(at: call.span) { try model.chatTemplate() }
  }

  func conversation(_ turns: [Conversation.Turn]) -> Conversation {
    Conversation(
      turns: (system.map { [$0] } ?? []) + turns, date: date, isDateGiven: isDateGiven)
  }

  /// How a text ends where the assistant's turn begins.
  func ending() throws -> String {
    let turn = Conversation.Turn(role: .user, text: "a")
    return try conversation([turn]).rendered(by: template).text
  }

  /// The prompt of what the user says.
  func prompt(_ text: String, labels: [(label: String, range: Range<Int>)]) throws -> Prompt {
    let turn = Conversation.Turn(role: .user, text: text, labels: labels)
    return try Prompt(conversation([turn]), template: template, model: model)
  }
}

extension Session {
  /// A text in quotes with its labelled spans, or the text that an expression gives.
  func labelledText(_ expression: Lang.Expression) throws
    -> (text: String, labels: [(label: String, range: Range<Int>)])
  {
    guard case .string(let literal) = expression.kind else {
      switch try evaluate(expression) {
      case .text(let text): return (text, [])
      case let other: throw Failure("expected text, got \(other.kind)", span: expression.span)
      }
    }
    let template = try template(literal)
    try template.refuseAnswer()
    if let field = template.fields.first {
      throw Failure(
        "'{\(field)}' stands for a column, and a prompt has none",
        help: "label a span with {\(field):text}, or write {{ and }} for braces")
    }
    let filled = FilledTemplate(template, fields: [:])
    return (filled.text, filled.labels)
  }

  /// The day that it is here, or that of `SOURCE_DATE_EPOCH`.
  func today() throws -> ChatDate {
    if let seconds = try sourceDate() {
      guard let date = ChatDate(String(utcText(seconds: seconds).prefix(10))) else {
        throw Failure("SOURCE_DATE_EPOCH is in no year of four digits")
      }
      return date
    }
    var (now, parts) = (time(nil), tm())
    guard localtime_r(&now, &parts) != nil,
      let date = ChatDate(
        year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday))
    else {
      throw Failure("the system's clock gives no day", help: #"give one: date "2026-11-28""#)
    }
    return date
  }
}
