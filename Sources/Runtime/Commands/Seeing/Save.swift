import Lang
import Model

extension Command {
  static let save = Command(
    name: "save", group: .seeing,
    summary: "Write a table to a file, in the format of its ending or of `as`.",
    details: """
      Endings: \(endings.joined(separator: ", ")).
      A JSON file opens with pandas.read_json(file, orient="table"). Arrays (.npz, .npy, \
      .safetensors) hold the floating-point columns as `values`, and all others as the index of \
      its rows. JSON, Parquet and arrays also have the provenance: the version, the model and its \
      file's SHA-256, the prompts and the edits. The file is replaced as a whole or not at all.
      """,
    input: .any,
    parameters: [
      .positional("file", .path, "its path"),
      .keyword("as", .choice(FileFormat.self), "the format; default: that of the ending"),
    ],
    examples: [],
    run: saveTable)

  private static func saveTable(_ call: Invocation) throws -> Value {
    let path = try call.text(required: "file")
    let format = try call.choice("as") ?? format(ofFile: path, call.span(of: "file"))
    // A result that is computed as it is written may take hours: what would fail at its end, now.
    if case .stream = call.input {
      try placing(at: call.span(of: "file")) { try checkCanWrite(path) }
    }
    let files = try placing(at: call.span(of: "file")) {
      switch format.content {
      case .text(let format): [try textFile(path, format, call)]
      case .parquet: [try parquetFile(path, call)]
      case .array(let format): try format.files(path, try document(call))
      }
    }
    try placing(at: call.span(of: "file")) { try writeFiles(files, host: call.host) }
    return .nothing
  }

  private static func textFile(_ path: String, _ format: OutputFormat, _ call: Invocation) throws
    -> NewFile
  {
    let (value, declaration) = (try table(call), format.declaration)
    guard let writeFile = declaration.writeFile else {
      return NewFile(path) { try declaration.write(value.table, RenderSettings(), &$0) }
    }
    let provenance = provenance(value.origins, call)
    return NewFile(path) { try writeFile(value.table, provenance, &$0) }
  }

  private static func parquetFile(_ path: String, _ call: Invocation) throws -> NewFile {
    guard case .stream(let stream) = call.input else {
      let value = try table(call)
      let provenance = provenance(value.origins, call)
      return NewFile(path) { sink in
        var writer = try ParquetWriter(columnsOf: value.table, into: &sink)
        try writer.append(value.table, into: &sink)
        try writer.finish(provenance, into: &sink)
      }
    }
    let provenance = provenance(stream.origins, call)
    return NewFile(path) { sink in
      // A part ends with a prompt's row of numbers, so it is somewhat larger.
      let rows = ParquetWriter.rowsPerGroup / 2
      var part = try stream.part(rows: rows)
      var writer = try ParquetWriter(columnsOf: part, into: &sink)
      while part.rowCount > 0 {
        try writer.append(part, into: &sink)
        part = try stream.part(rows: rows)
      }
      try writer.finish(provenance, into: &sink)
    }
  }

  /// The input as an array with its index.
  private static func document(_ call: Invocation) throws -> ArrayDocument {
    var document: ArrayDocument?
    let origins: [Origin]
    if case .stream(let stream) = call.input {
      origins = stream.origins
      document = try stream.array(IndexedPrompts(origins))
    } else {
      origins = try table(call).origins
    }
    var found = try document ?? ArrayDocument(table(call).table, prompts: IndexedPrompts(origins))
    found.provenance = provenance(origins, call)
    return found
  }

  private static func table(_ call: Invocation) throws -> TableValue {
    switch call.input {
    case .table(let table): return table
    case .stream(let stream): return try stream.table()
    case .prompts(let set): return TableValue(set.listing, origins: [set.origin])
    case let other: throw call.failure("`save` needs a table, not \(other.kind)")
    }
  }

  private static func format(ofFile path: String, _ place: SourceSpan) throws -> FileFormat {
    if let format = FileFormat(path: path) { return format }
    throw Failure(
      "'\(excerpt(path, limit: 80))' has no ending that names a format",
      help: "end it in \(endings.dropLast().joined(separator: ", ")) or \(endings.last ?? ""), or "
        + "add `as FORMAT`: " + FileFormat.allCases.map(\.rawValue).joined(separator: ", "),
      span: place)
  }

  /// The usual ending of each format that has one.
  private static let endings = FileFormat.allCases.compactMap(\.endings.first).map { "." + $0 }

  /// Version, models, prompts, edits; and whether runs are missing that Ctrl-C ended.
  private static func provenance(_ origins: [Origin], _ call: Invocation) -> Provenance {
    let isPartial = call.statement.unfinished != nil
    var models: [(LanguageModel, [Session.WeightDigest])] = []
    for origin in origins where !models.contains(where: { $0.0 === origin.model }) {
      models.append((origin.model, call.session.digests(of: origin.model, at: call.span)))
    }
    let prompts = IndexedPrompts(origins).prompts
    var edits: [String] = []
    for edit in origins.flatMap(\.edits) where !edits.contains(edit) { edits.append(edit) }
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
