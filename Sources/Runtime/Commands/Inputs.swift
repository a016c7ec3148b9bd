import Lang
import Model

extension Command {
  static let read = Command(
    name: "read", group: .inputs, summary: "Read a TSV, CSV, JSON or NDJSON file as a table.",
    input: .none, parameters: [.positional("file", .path, "its path")],
    examples: [#"read "Examples/facts/country.tsv" | take 3"#]
  ) { call in
    guard let expression = call.expression("file"), let path = try call.text("file") else {
      return .nothing
    }
    return .table(TableValue(try placing(at: expression.span) { try readTable(path: path) }))
  }

  static let facts = Command(
    name: "facts", group: .inputs,
    summary: "Make a set of prompts of a file of facts and a template.",
    details: """
      The file (TSV, CSV, JSON or NDJSON) has a column for every {name} of the template, `answer`, \
      and perhaps `foils`, several of them separated by `|`. An answer without a leading space gets \
      one. A fact whose answer is several tokens is left out, and said so.
      """,
    input: .none,
    parameters: [
      .positional("file", .path, "its path"),
      .positional(
        "template", .text, required: false, "the prompt, with {columns}; else the file's own"),
    ],
    examples: [
      #"facts "Examples/facts/country.tsv" "Fact: {subject} {relation:is in the country of}" | take 3"#
    ],
    run: makeFacts)

  private static func makeFacts(_ call: Invocation) throws -> Value {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    guard let file = call.expression("file"), let path = try call.text("file") else {
      return .nothing
    }
    let table = try placing(at: file.span) { try readTable(path: path) }
    let reader = FactReader(table: table, path: path, model: model)
    try placing(at: file.span) { try reader.require(["answer"]) }
    let templates = try templates(call, table)
    var prompts: [Prompt] = []
    var left: [String] = []
    for row in 0..<table.rowCount {
      let template = templates.count == 1 ? templates[0] : templates[row]
      try placing(at: call.expression("template")?.span ?? file.span) {
        try reader.require(template.fields)
        switch try reader.prompt(row, template, addsBOS: call.session.addsBOS(model)) {
        case .made(let prompt): prompts.append(prompt)
        case .leftOut(let reason): left.append(reason)
        }
      }
    }
    if !left.isEmpty {
      call.warn(
        "\(left.count) of \(table.rowCount) facts are left out: \(left[0])"
          + (left.count > 1 ? ", and \(left.count - 1) more" : ""))
    }
    call.session.warnOfDoubledBOS(in: prompts, at: call.span)
    guard !prompts.isEmpty else {
      throw call.failure("'\(path)' gives no prompts", help: "it has \(table.rowCount) rows")
    }
    return .prompts(PromptSet(prompts: prompts))
  }

  /// The one of the line, or one a row from the file's `template` column.
  private static func templates(_ call: Invocation, _ table: Table) throws -> [Template] {
    if let expression = call.expression("template") {
      return [
        try placing(at: expression.span) {
          guard case .string(let literal) = expression.kind else {
            return try Template.parse(try call.session.bareText(expression))
          }
          return try Template.parse(
            try literal.pieces.map { piece in
              switch piece {
              case .text(let text, let offsets): return .text(text, offsets: offsets)
              case .interpolation(let pipeline):
                return .value(
                  try Evaluator(session: call.session, row: nil).interpolated(pipeline),
                  pipeline.span)
              }
            })
        }
      ]
    }
    guard let column = table["template"] else {
      throw call.failure(
        "`facts` needs a template, and the file has no column `template`",
        help: #"facts "FILE" "Fact: {subject} is in the country of""#)
    }
    return try (0..<column.count).map { try Template.parse(column[$0].description) }
  }

  static let lint = Command(
    name: "lint", group: .inputs,
    summary:
      "Look for what makes prompts lie: a doubled BOS, special tokens, odd spaces, long answers.",
    input: .prompts, examples: ["colosseum | lint"]
  ) { call in
    let set = try call.promptInput()
    let findings = set.prompts.flatMap(Linter.findings)
    return .table(
      TableValue(
        Table(columns: [
          Column("prompt", .texts(findings.map(\.prompt))),
          Column("position", .integers(findings.map(\.position))),
          Column("token_id", .integers(findings.map(\.token))),
          Column("token", .texts(findings.map(\.text))),
          Column("finding", .texts(findings.map(\.finding))),
        ]), origins: [set.origin]))
  }
}

/// Makes prompts of the rows of a table.
private struct FactReader {
  let table: Table
  let path: String
  let model: LanguageModel

  enum Fact {
    case made(Prompt)
    case leftOut(String)
  }

  func require(_ columns: [String]) throws {
    for column in columns where table[column] == nil {
      throw Failure(
        "'\(path)' has no column `\(column)`",
        help: suggestion(for: column, among: table.columnNames).map { "did you mean {\($0)}?" }
          ?? "its columns are \(table.columnNames.joined(separator: ", "))")
    }
  }

  func prompt(_ row: Int, _ template: Template, addsBOS: Bool) throws -> Fact {
    var fields: [String: String] = [:]
    for name in template.fields { fields[name] = table[name]?[row].description ?? "" }
    if let empty = template.fields.first(where: { fields[$0] == "" }) {
      return .leftOut("row \(row + 1) has no \(empty)")
    }
    guard let answer = text("answer", row) else { return .leftOut("row \(row + 1) has no answer") }
    let filled = FilledTemplate(template, fields: fields)
    var prompt = try Prompt(
      text: filled.text, labels: filled.labels, model: model, addsBOS: addsBOS)
    guard let target = token(answer) else {
      return .leftOut("the answer \(quotedText(answer)) is several tokens")
    }
    prompt.answer = target
    // A foil that is several tokens cannot be compared: the fact stays, the foil goes.
    prompt.foils = (text("foils", row) ?? "").split(separator: "|").compactMap {
      token(String($0.drop { $0 == " " }))
    }
    return .made(prompt)
  }

  private func text(_ column: String, _ row: Int) -> String? {
    guard let cell = table[column]?[row], !cell.isMissing else { return nil }
    return cell.description.isEmpty ? nil : cell.description
  }

  /// The one token of an answer, its leading space supplied.
  private func token(_ text: String) -> Prompt.Target? {
    let spaced = text.hasPrefix(" ") ? text : " " + text
    return model.tokenizer.isWholeToken(spaced).map {
      Prompt.Target(token: $0, text: model.tokenizer.text(of: $0), written: spaced)
    }
  }
}

/// What may be wrong with a prompt though it can be run.
private enum Linter {
  struct Finding {
    var prompt: String
    var position: Int?
    var token: Int?
    var text: String?
    var finding: String
  }

  static func findings(_ prompt: Prompt) -> [Finding] {
    let bos = prompt.model.tokenizer.bos
    var findings: [Finding] = []
    func add(_ finding: String, at position: Int? = nil) {
      findings.append(
        Finding(
          prompt: prompt.name, position: position, token: position.map { prompt.tokens[$0] },
          text: position.map(prompt.tokenText), finding: finding))
    }
    for (position, token) in prompt.tokens.enumerated() {
      if position > 0, token == bos, prompt.tokens[position - 1] == bos {
        add("BOS twice in a row", at: position)
      } else if prompt.model.tokenizer.isSpecial(token), !(prompt.hasBOS && position == 0) {
        add("a special token, taken as such from the text", at: position)
      }
    }
    if !prompt.isWhole { add("the tokenizer has no token for some of the text, and drops it") }
    if prompt.text.hasSuffix(" ") {
      add("ends with a space: the answer's own leading space would be a second", at: prompt.last)
    }
    if prompt.text.hasPrefix(" ") { add("begins with a space", at: prompt.hasBOS ? 1 : 0) }
    if prompt.text.contains("  ") { add("has two spaces in a row") }
    if prompt.model.tokenizer.addsBOS && !prompt.hasBOS {
      add("has no BOS, and the model's files ask for one")
    }
    if let answer = prompt.answer, !answer.text.hasPrefix(" "), !prompt.text.hasSuffix(" ") {
      add("the answer \(quotedText(answer.text)) has no leading space")
    }
    if let answer = prompt.answer, prompt.foils.contains(where: { $0.token == answer.token }) {
      add("the answer is among its own foils")
    }
    return findings
  }
}
