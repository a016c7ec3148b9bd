import Lang
import Model

extension Command {
  static let prompts = Command(
    name: "prompts", group: .inputs,
    summary: "Make a set of prompts from a list of texts, or from the column `prompt` of a table.",
    details: """
      A table may also have the columns `answer` and `foils`, several foils separated by `|`, as a \
      file of facts has. Rows that are the same prompt give one. The rows of `generate` give the \
      prompts with what was generated, which the span `generated` covers.
      """,
    input: .any,
    parameters: [
      .positional(
        "value", .value, required: false, "texts, prompts, or a table; default: what is piped in")
    ],
    examples: [
      #"prompts ["The Louvre is in", "The Prado is in"] | logits | top 2"#,
      "country | take 5 | rank | where prob < 0.5 | prompts | tokens | take 3",
      "colosseum | generate 3 | prompts | tokens | take -3",
    ]
  ) { call in
    var value = call.input
    if let written = try call.value("value") {
      guard case .nothing = call.input else {
        throw Failure(
          "`prompts` takes what is piped in or a value, not both", help: "omit one of them",
          span: call.span(of: "value"))
      }
      value = written
    }
    let place = call.has("value") ? call.span(of: "value") : call.span
    return try placing(at: place) {
      switch value {
      case .nothing:
        throw Failure("`prompts` needs texts or a table", help: #"prompts ["text", "text"]"#)
      case .list(let items) where items.isEmpty: throw call.emptyList(at: place)
      case .table(let table):
        if let continued = try table.continuedPrompts() { return .prompts(continued) }
        return .prompts(try call.prompts(of: table.table))
      default: return .prompts(try call.session.asPrompts(value))
      }
    }
  }
}

extension Invocation {
  /// A prompt for each row that is not the same as one before it.
  fileprivate func prompts(of table: Table) throws -> PromptSet {
    let model = try session.requireModel()
    guard let texts = table["prompt"] else {
      throw Failure(
        "this table has no column `prompt`",
        help: "its columns are \(listed(table.columnNames)); `derive prompt = …` makes one")
    }
    let (answers, foils) = (table["answer"], table["foils"])
    let reader = AnswerReader(model: model)
    var seen: Set<[String]> = []
    var prompts: [Prompt] = []
    var missing = 0
    try (0..<texts.count).forEachChecked { row in
      guard !texts[row].isMissing, case let text = texts[row].description, !text.isEmpty else {
        missing += 1
        return
      }
      let answer = answers.flatMap { $0[row].isMissing ? nil : $0[row].description }
      let wrong = foils.map { $0[row].isMissing ? "" : $0[row].description } ?? ""
      guard seen.insert([text, answer ?? "", wrong]).inserted else { return }
      var prompt = try Prompt(
        text: text, labels: [], model: model, addsBOS: session.addsBOS(model))
      if let answer {
        prompt.answers = try textList(answer).map(reader.answer).distinct
        prompt.foils = try textList(wrong).map(reader.answer).distinct
      }
      prompt.row = PromptRow(table: table, number: row)
      prompts.append(prompt)
    }
    if missing > 0 {
      warn("\(missing) of \(texts.count) rows have no prompt, and are left out")
    }
    guard !prompts.isEmpty else { throw Failure("the column `prompt` has no text") }
    if prompts.count + missing < texts.count {
      session.note(
        "prompts: \(thousands(texts.count)) rows are \(thousands(prompts.count)) prompts")
    }
    session.warnOfDoubledBOS(in: prompts, at: span)
    return PromptSet(prompts: prompts)
  }
}
