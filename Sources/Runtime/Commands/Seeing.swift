import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Command {
  static let plot = Command(
    name: "plot", group: .seeing,
    summary: "Draw a table in the terminal: bars, a heatmap, lines or points.",
    details: """
      bar: labels and the measure. heatmap: what `pivot` made, or row, column and measure. line and \
      scatter: two numeric columns, by a third. Columns are chosen by what is there, or named.
      """,
    input: .table,
    parameters: [
      Parameter(
        name: "kind", form: .word(["bar", "heatmap", "line", "scatter"]), kind: .word,
        isRequired: true, summary: "the kind of plot"),
      .positional("columns", .column, required: false, list: true, "which columns to draw"),
      .keyword("by", .column, "one series a value of this column"),
    ],
    examples: [
      "colosseum | dla by head | top 5 | plot bar",
      "colosseum | dla by head | pivot layer head | plot heatmap",
    ]
  ) { call in
    let table = try call.tableInput().table
    let settings = call.host.settings
    let columns = try call.columns("columns")
    let by = try call.column("by")
    func column(_ i: Int) -> String? { columns.indices.contains(i) ? columns[i] : nil }
    let drawing = try placing(at: call.span) {
      switch call.word("kind") {
      case "bar":
        try plotBar(
          table, label: Array(columns.dropLast()), value: columns.last, settings: settings)
      case "heatmap":
        try plotHeatmap(
          table, row: column(0), column: column(1), value: column(2), settings: settings)
      case "line":
        try plotLine(
          table, x: column(0), y: Array(columns.dropFirst()), by: by, settings: settings)
      default:
        try plotScatter(table, x: column(0), y: column(1), by: by, settings: settings)
      }
    }
    call.host.write(drawing)
    return .nothing
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
    try Printer(host: call.host, format: try call.format("as")).print(call.input)
    return .nothing
  }

  static let save = Command(
    name: "save", group: .seeing,
    summary: "Write a table to a file; the format is its ending's, or that of `as`.",
    details: """
      .tsv, .csv, .json, .ndjson, .md, .txt. A JSON file carries beside the rows what they were \
      measured on: the version, the model and its file's SHA-256, the prompts, the edits. The file \
      is replaced whole or not at all.
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
        provenance(value, isPartial: call.session.unfinished != nil))
      : render(value.table, as: format, settings: RenderSettings())
    try placing(at: expression.span) {
      do {
        try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
      } catch {
        throw Failure("'\(path)' cannot be written", help: "is the folder there, and yours?")
      }
    }
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
        "'\(path)' does not say its format",
        help: "end it in .tsv, .csv, .json, .ndjson, .md or .txt, or say `as FORMAT`",
        span: expression.span)
    }
  }

  /// Version, models, prompts, edits; and whether runs are missing that Ctrl-C ended.
  private static func provenance(_ value: TableValue, isPartial: Bool) throws -> Provenance {
    var models: [(LanguageModel, String)] = []
    for origin in value.origins where !models.contains(where: { $0.0 === origin.model }) {
      models.append((origin.model, try SHA256.hexDigest(ofFile: origin.model.weightsPath)))
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

  private static func json(_ model: (LanguageModel, String)) -> JSONValue {
    .object([
      JSONValue.Member(
        "file", .string(model.0.weightsPath.split(separator: "/").last.map(String.init) ?? "")),
      JSONValue.Member("sha256", .string(model.1)),
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
    let name = session.source.text(in: expression.span)
    if let format = OutputFormat(rawValue: name) { return format }
    let known = OutputFormat.allCases.map(\.rawValue)
    throw Failure(
      "there is no format '\(name)'",
      help: suggestion(for: name, among: known).map { "did you mean `\($0)`?" }
        ?? "there are \(known.joined(separator: ", "))", span: expression.span)
  }
}
