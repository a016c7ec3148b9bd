import Lang
import Model

extension Command {
  static let facts = Command(
    name: "facts", group: .inputs,
    summary: "Make a set of prompts from facts and a template.",
    details: """
      A file (TSV, CSV, JSON or NDJSON) has a column for every {name} of the template, a column \
      `answer`, and optionally `foils`; `|` separates several in a cell. A folder such \
      as Examples/facts has the facts of many relations, their templates, and the attributes R of each relation and S \
      of each subject.
      An answer or foil that begins with a letter or digit gets a leading space. It gets none if \
      its script is written without spaces (Chinese, Thai), or if the prompt ends in a space, an \
      opening bracket or a quote. `exact` keeps answers and foils as written.
      A fact whose answer is several tokens is dropped with a warning; `first` takes the first \
      token of answers and foils instead, `whole` all of their tokens.
      `counterpart` makes another prompt of each fact, for `patch … from counterpart`.
      """,
    input: .none,
    parameters: [
      .positional("file", .path, "the path of a file, or of a folder of relations"),
      .positional(
        "prompt", .text, required: false, "the template, with {columns}; default: the data's own"),
      .keyword(
        "counterpart", .text,
        "the template of each fact's counterpart; default: the column `corrupt`"),
      .keyword("relation", .text, list: true, "only the facts of these relations"),
      .keyword("template", .number, "which of the data's own templates, from 1"),
      .keyword("vs", .choice(FactReader.Foils.self), "use attributes as foils, without the answer"),
      .flag("reversed", "ask for the subject of an answer, by the data's template"),
      .flag("first", "take the first token of answers and foils of several"),
      .flag("whole", "take all tokens of them, each predicted from the ones before it"),
      .flag("exact", "keep answers as written, without adding a space"),
      .flag("chat", "put each prompt to the model as what a user says, by its chat template"),
      .keyword("system", .text, "with `chat`: what the system says before it"),
      .keyword("date", .text, "with `chat`: the day that the template is told"),
    ],
    examples: [
      #"facts "Examples/facts/country.tsv" "Fact: {subject} {relation:is in the country of}" | take 3"#,
      #"facts "Examples/facts" relation landmark_country template 2 | take 3"#,
    ],
    run: makeFacts)

  private static func makeFacts(_ call: Invocation) throws -> Value {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    let (path, file) = (try call.text(required: "file"), call.span(of: "file"))
    var source = try placing(at: file) { try FactSource(path: path) }
    if call.has("relation") {
      let names = try call.names("relation")
      source = try placing(at: call.span(of: "relation")) { try source.keeping(relations: names) }
    }
    let foils = try foils(call)
    if foils == .ofRelation { source.takeAnswersAsAttributes() }
    var reader = FactReader(
      source: source, model: model, addsBOS: call.session.addsBOS(model),
      isReversed: call.hasFlag("reversed"), extent: try call.answerExtent(),
      spacing: AnswerSpacing(isExact: call.hasFlag("exact")))
    reader.foils = foils
    reader.chat = try chat(call, model)
    try placing(at: file) { try reader.require(["answer"]) }
    let templates = try FactTemplates(call, source)
    let counterparts = try CounterpartTemplates(call, source)
    var prompts: [Prompt] = []
    for row in 0..<source.table.rowCount {
      try placing(at: templates.span ?? file) {
        guard var prompt = try reader.prompt(row, try templates.template(of: row)) else { return }
        if let other = try counterparts.template(of: row),
          try !reader.pair(&prompt, row, with: other)
        {
          return
        }
        prompts.append(prompt)
      }
    }
    for warning in reader.warnings { call.warn(warning) }
    call.session.warnOfDoubledBOS(in: prompts, at: call.span)
    guard !prompts.isEmpty else {
      throw call.failure("'\(path)' gives no prompts", help: "it has \(source.table.rowCount) rows")
    }
    for note in [reader.spacingNote, reader.attributeNote].compactMap({ $0 }) {
      call.session.note(note)
    }
    return .prompts(PromptSet(prompts: prompts))
  }

  /// The chat template that prompts go through; nil where they do not.
  private static func chat(_ call: Invocation, _ model: LanguageModel) throws -> ChatFormat? {
    if call.hasFlag("chat") { return try ChatFormat(call, model: model) }
    for keyword in ["system", "date"] where call.expression(keyword) != nil {
      throw Failure("`\(keyword)` goes with `chat`", span: call.span(of: keyword))
    }
    return nil
  }

  /// What `vs` says; nil: what the fact's own column says.
  private static func foils(_ call: Invocation) throws -> FactReader.Foils? {
    guard let foils = try call.choice("vs", FactReader.Foils.self) else { return nil }
    if call.hasFlag("reversed") {
      throw Failure(
        "reversed prompts ask for a subject and have no \(foils.rawValue)", help: "omit `vs`",
        span: call.span(of: "vs"))
    }
    return foils
  }
}

/// The template of each fact: the one of the line, or the data's own.
struct FactTemplates {
  private var shared: Template?
  private var column: Column?
  /// Of the same text, once.
  private let parsed: [String: Template]
  /// Where the line says which.
  let span: SourceSpan?

  init(_ call: Invocation, _ source: FactSource) throws {
    let number = call.expression("template")
    let isReversed = call.hasFlag("reversed")
    if let expression = call.expression("prompt") {
      let template = try placing(at: expression.span) {
        try Self.written(expression, isReversed, call.session)
      }
      guard number == nil, !isReversed || template.fields.contains("answer") else {
        throw call.failure(
          "the prompt is given, and `\(isReversed ? "reversed" : "template")` would be another",
          help: "omit one of them")
      }
      shared = template
      parsed = [:]
      span = expression.span
      return
    }
    span = number?.span
    guard number == nil || !isReversed else {
      throw call.failure("`reversed` is a template of its own: `template` chooses among the others")
    }
    let column = try placing(at: number?.span ?? call.span) {
      try isReversed
        ? Self.reversed(source) : source.templateColumn(try call.integer("template") ?? 1)
    }
    self.column = column
    parsed = try placing(at: call.span(of: "file")) {
      let texts = Set((0..<column.count).map { column[$0].description })
      return try Dictionary(
        uniqueKeysWithValues: texts.sorted().map { ($0, try Self.parsed($0, isReversed)) })
    }
  }

  func template(of row: Int) throws -> Template {
    if let shared { return shared }
    guard let column, let template = parsed[column[row].description] else {
      throw Failure("row \(row + 1) has no template")
    }
    return template
  }

  /// A template that the line does not have as it is: what is wrong is not at a place in the line.
  static func parsed(_ text: String, _ isReversed: Bool) throws -> Template {
    do throws(Diagnostic) {
      let template = try Template.parse(text)
      if !isReversed { try template.refuseAnswer() }
      return template
    } catch {
      throw Failure("the template \(quotedText(text)) is wrong: \(error.message)", help: error.help)
    }
  }

  private static func reversed(_ source: FactSource) throws -> Column {
    if let column = source.table["reversed"] { return column }
    throw Failure(
      "'\(source.path)' has no column `reversed`: it has no prompts that ask the other way",
      help:
        #"give the prompt yourself: … "Fact: {answer} {relation:has a landmark called}" reversed"#)
  }

  static func written(
    _ expression: Lang.Expression, _ isReversed: Bool, _ session: Session
  ) throws -> Template {
    guard case .string(let literal) = expression.kind else {
      return try parsed(try session.bareText(expression), isReversed)
    }
    let template = try session.template(literal)
    if !isReversed { try template.refuseAnswer() }
    return template
  }
}
