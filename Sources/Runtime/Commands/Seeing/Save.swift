import Lang
import Model

extension Command {
  static let save = Command(
    name: "save", group: .seeing,
    summary: "Write a table to a file, in the format of its ending or of `as`.",
    details: """
      Endings: \(endings.joined(separator: ", ")).
      A JSON file opens with pandas.read_json(file, orient="table"). It also has the provenance: \
      the version, the model and its file's SHA-256, the prompts and the edits. The file is \
      replaced as a whole or not at all.
      """,
    input: .any,
    parameters: [
      .positional("file", .path, "its path"),
      .keyword("as", .choice(OutputFormat.self), "the format; default: that of the ending"),
    ],
    examples: [],
    run: saveTable)

  private static func saveTable(_ call: Invocation) throws -> Value {
    let path = try call.text(required: "file")
    let value: TableValue
    switch call.input {
    case .table(let table): value = table
    case .prompts(let set): value = TableValue(set.listing, origins: [set.origin])
    case let other:
      throw call.failure("`save` needs a table, not \(other.kind)")
    }
    let format = try call.choice("as") ?? format(ofFile: path, call.span(of: "file"))
    let declaration = format.declaration
    let file: NewFile
    if let writeFile = declaration.writeFile {
      let provenance = provenance(
        value, isPartial: call.statement.unfinished != nil, call)
      file = NewFile(path) { try writeFile(value.table, provenance, &$0) }
    } else {
      file = NewFile(path) { try declaration.write(value.table, RenderSettings(), &$0) }
    }
    try placing(at: call.span(of: "file")) { try writeFiles([file], host: call.host) }
    return .nothing
  }

  private static func format(ofFile path: String, _ place: SourceSpan) throws
    -> OutputFormat
  {
    if let format = OutputFormat(path: path) { return format }
    throw Failure(
      "'\(excerpt(path, limit: 80))' has no ending that names a format",
      help: "end it in \(endings.dropLast().joined(separator: ", ")) or \(endings.last ?? ""), or "
        + "add `as FORMAT`: " + OutputFormat.allCases.map(\.rawValue).joined(separator: ", "),
      span: place)
  }

  /// The usual ending of each format that has one.
  private static let endings = OutputFormat.allCases.compactMap(\.declaration.endings.first)
    .map { "." + $0 }

  /// Version, models, prompts, edits; and whether runs are missing that Ctrl-C ended.
  private static func provenance(_ value: TableValue, isPartial: Bool, _ call: Invocation)
    -> Provenance
  {
    var models: [(LanguageModel, [Session.WeightDigest])] = []
    for origin in value.origins where !models.contains(where: { $0.0 === origin.model }) {
      models.append((origin.model, call.session.digests(of: origin.model, at: call.span)))
    }
    var seen: Set<String> = []
    let prompts = value.origins.flatMap(\.prompts).filter { prompt in
      // Two models may take the same ids for different texts.
      seen.insert("\(prompt.tokens) \(prompt.answers.map(\.tokens)) \(prompt.text)").inserted
    }
    var edits: [String] = []
    for edit in value.origins.flatMap(\.edits) where !edits.contains(edit) { edits.append(edit) }
    return Provenance(
      [
        ("summand", .string(call.session.host.version)),
        (
          "model",
          models.count == 1
            ? json(models[0]) : .array(models.map(json))
        ),
        ("prompts", .array(prompts.map(json))),
        ("edits", .array(edits.map(JSONValue.string))),
      ] + (isPartial ? [("partial", .boolean(true))] : []))
  }

  /// A file and its digest; of a split checkpoint a list of them.
  private static func json(_ model: (LanguageModel, [Session.WeightDigest])) -> JSONValue {
    let files = model.1.map { file in
      [
        JSONValue.Member("file", .string(file.name)),
        JSONValue.Member("sha256", file.sha256.map(JSONValue.string) ?? .null),
      ]
    }
    let members =
      files.count == 1
      ? files[0] : [JSONValue.Member("files", .array(files.map { .object($0) }))]
    return .object(
      members + [
        JSONValue.Member("architecture", .string(model.0.configuration.architecture)),
        JSONValue.Member(
          "types",
          .string(
            model.0.tensorTypes.map { "\($0.type.name) × \($0.count)" }.joined(separator: ", "))),
      ])
  }

  private static func json(_ prompt: Prompt) -> JSONValue {
    let chat = prompt.conversation.map { [JSONValue.Member("chat", json($0))] } ?? []
    return .object(
      [
        JSONValue.Member("text", .string(prompt.text)),
        JSONValue.Member("token_ids", .array(prompt.tokens.map(JSONValue.integer))),
        JSONValue.Member("bos", .boolean(prompt.hasBOS)),
        JSONValue.Member(
          "answer",
          prompt.answers.count > 1
            ? .array(prompt.answers.map { .string($0.text) })
            : prompt.answers.first.map { .string($0.text) } ?? .null),
        JSONValue.Member("foils", .array(prompt.foils.map { .string($0.text) })),
      ] + chat)
  }

  /// What was said, and the day that the template was told.
  private static func json(_ conversation: Conversation) -> JSONValue {
    let turns = conversation.turns.map { turn in
      JSONValue.object([
        JSONValue.Member("role", .string(turn.role.rawValue)),
        JSONValue.Member("content", .string(turn.text)),
      ])
    }
    return .object([
      JSONValue.Member("date", .string(conversation.date.text)),
      JSONValue.Member("messages", .array(turns)),
    ])
  }
}
