import Lang
import Model

extension Command {
  static let plot = Command(
    name: "plot", group: .seeing,
    summary: "Draw a table: bars, a heatmap, lines, points, or tokens and what heads make of them.",
    details: """
      bar: labels and the measure. heatmap: what `pivot` made, or row, column and measure. line and \
      scatter: two numeric columns, by a third. attention: tables of `attention` and `dla by source`. \
      Columns are chosen by what is there, or named. With `to` an SVG file is written, else the \
      terminal is drawn on.
      """,
    input: .table,
    parameters: [
      Parameter(
        name: "kind", form: .word(Plot.Kind.allCases.map(\.rawValue)), kind: .word,
        isRequired: true, summary: "the kind of plot"),
      .positional("columns", .column, required: false, list: true, "which columns to draw"),
      .keyword("by", .column, "one series a value of this column"),
      .keyword("title", .text, "what stands above it"),
      .keyword("to", .path, "an SVG file, in the place of the terminal"),
    ],
    examples: [
      "colosseum | dla by head | top 5 | plot bar",
      "colosseum | dla by head | pivot layer head | plot heatmap",
    ]
  ) { call in
    let input = try call.tableInput()
    guard let kind = call.word("kind").flatMap(Plot.Kind.init) else { return .nothing }
    let plot = Plot(
      kind: kind, table: input.table, columns: try call.columns("columns"),
      by: try call.column("by"), title: try call.text("title"),
      prompts: input.origins.flatMap(\.prompts))
    try placing(at: call.span) { try plot.checkColumns() }
    if let expression = call.expression("to"), let path = try call.text("to") {
      let drawing = try placing(at: call.span) { try plot.drawing() }
      try placing(at: expression.span) { try write(drawing, to: path, host: call.host) }
    } else {
      try placing(at: call.span) {
        call.host.write(styled: try plot.text(call.host.settings))
        try call.session.putOnPage(plot, origins: input.origins)
      }
    }
    return .nothing
  }

  private static func write(_ drawing: SVGDrawing?, to path: String, host: any Host) throws {
    guard path.hasSuffix(".svg") else {
      let ending = path.split(separator: "/").last.flatMap { name in
        name.lastIndex(of: ".").map { name[$0...] }
      }
      throw Failure(
        ending.map { "plots are written as .svg, not \(excerpt(String($0), limit: 80))" }
          ?? "plots are written as .svg, and '\(excerpt(path, limit: 80))' has no ending",
        help: "end it in .svg; `rsvg-convert -f pdf` and browsers convert such files"
      )
    }
    guard let drawing else { throw Failure("there are no rows to plot") }
    try writeFiles([(path, drawing.document)], host: host)
  }

  static let show = Command(
    name: "show", group: .seeing, summary: "Print a value in another format.", input: .any,
    parameters: [
      .keyword(
        "as", .word, required: true,
        OutputFormat.allCases.map(\.rawValue).joined(separator: ", "))
    ],
    examples: ["colosseum | tokens | take 2 | show as csv"]
  ) { call in
    try Printer(call.session, format: try call.format("as")).print(call.input)
    call.session.putOnPage(call.input)
    return .nothing
  }

  static let save = Command(
    name: "save", group: .seeing,
    summary: "Write a table to a file; the format is its ending's, or that of `as`.",
    details: """
      .tsv, .csv, .json, .ndjson, .md, .txt. A JSON file opens with pandas.read_json(file, \
      orient="table"), and has next to the data what they were measured on: the version, the model \
      and its file's SHA-256, the prompts, the edits. The file is replaced whole or not at all.
      """,
    input: .any,
    parameters: [
      .positional("file", .path, "its path"), .keyword("as", .word, "the format"),
    ],
    examples: [],
    run: saveTable)

  private static func saveTable(_ call: Invocation) throws -> Value {
    guard let expression = call.expression("file"), let path = try call.text("file") else {
      return .nothing
    }
    let value: TableValue
    switch call.input {
    case .table(let table): value = table
    case .prompts(let set): value = TableValue(set.listing, origins: [set.origin])
    case let other:
      throw call.failure("`save` needs a table, not \(other.kind)")
    }
    let format = try call.has("as") ? call.format("as") : format(ofFile: path, expression)
    let text =
      try format == .json
      ? renderDocument(
        value.table,
        provenance(value, isPartial: call.session.unfinished != nil, call))
      : render(value.table, as: format, settings: RenderSettings())
    try placing(at: expression.span) { try writeFiles([(path, text)], host: call.host) }
    return .nothing
  }

  private static func format(ofFile path: String, _ expression: Lang.Expression) throws
    -> OutputFormat
  {
    let ending = path.split(separator: "/").last?.split(separator: ".").last.map(String.init)
    switch ending {
    case "tsv": return .tsv
    case "csv": return .csv
    case "json": return .json
    case "ndjson", "jsonl": return .ndjson
    case "md", "markdown": return .markdown
    case "txt": return .plain
    default:
      throw Failure(
        "'\(excerpt(path, limit: 80))' does not say its format",
        help: "end it in .tsv, .csv, .json, .ndjson, .md or .txt, or add `as FORMAT`: "
          + OutputFormat.allCases.map(\.rawValue).joined(separator: ", "),
        span: expression.span)
    }
  }

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
      seen.insert("\(prompt.tokens) \(prompt.answer?.token ?? -1) \(prompt.text)").inserted
    }
    var edits: [String] = []
    for edit in value.origins.flatMap(\.edits) where !edits.contains(edit) { edits.append(edit) }
    return Provenance(
      [
        ("summand", .string(Version.current)),
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
    .object([
      JSONValue.Member("text", .string(prompt.text)),
      JSONValue.Member("token_ids", .array(prompt.tokens.map(JSONValue.integer))),
      JSONValue.Member("bos", .boolean(prompt.hasBOS)),
      JSONValue.Member("answer", prompt.answer.map { .string($0.text) } ?? .null),
      JSONValue.Member("foils", .array(prompt.foils.map { .string($0.text) })),
    ])
  }
}

extension Invocation {
  /// The output format that a keyword names.
  fileprivate func format(_ parameter: String) throws -> OutputFormat {
    guard let expression = expression(parameter) else { return host.format }
    let name = try session.choice(expression)
    if let format = OutputFormat(rawValue: name) { return format }
    let known = OutputFormat.allCases.map(\.rawValue)
    throw Failure(
      "there is no format '\(name)'",
      help: suggestion(for: name, among: known).map { "did you mean `\($0)`?" }
        ?? "there are \(known.joined(separator: ", "))", span: expression.span)
  }
}
