/// How a value is written, whether to a terminal, down a pipe or into a file.
public enum OutputFormat: String, Choice {
  /// For people: aligned, cut to the terminal's width, coloured if the terminal is.
  case table
  /// The same for people without a terminal: ASCII alignment, nothing cut.
  case plain
  case tsv, escaped, csv, json, ndjson, markdown, html, latex
  /// For people: one row per block.
  case record

  /// Everything that depends on the format. Each is declared in its own file.
  var declaration: FormatDeclaration {
    switch self {
    case .table: .table
    case .plain: .plain
    case .tsv: .tsv
    case .escaped: .escaped
    case .csv: .csv
    case .json: .json
    case .ndjson: .ndjson
    case .markdown: .markdown
    case .html: .html
    case .latex: .latex
    case .record: .record
    }
  }

  var summary: String { declaration.summary }

  /// The format that a file's name ends in; nil where it ends in none.
  init?(path: String) {
    let name = path.lastPart.lowercased()
    guard let dot = name.lastIndex(of: ".") else { return nil }
    let ending = String(name[name.index(after: dot)...])
    guard let format = Self.allCases.first(where: { $0.declaration.endings.contains(ending) })
    else { return nil }
    self = format
  }
}

/// What there is to know of an output format.
struct FormatDeclaration: Sendable {
  /// Writes a table.
  typealias Write = @Sendable (Table, RenderSettings, inout ByteSink) throws -> Void
  /// Writes a file: the table, and what its numbers were measured on.
  typealias WriteFile = @Sendable (Table, Provenance, inout ByteSink) throws -> Void
  /// A single value as a line, with its number where results are numbered.
  typealias Line = @Sendable (Value, Int?) -> String

  /// A few words for `help` and completion.
  var summary: String
  /// How the names of its files end, the usual ending first. None: no ending stands for it.
  var endings: [String] = []
  /// Whether a table in it is lines without a beginning and an end, so that one that follows it
  /// would be taken for a part of it.
  var isLines = false
  /// Whether what it writes has styles of `Style`, its own texts made safe already.
  var hasStyles = false
  var write: Write
  /// What `save` writes, where that is more than the table.
  var writeFile: WriteFile?
  /// How a single value is printed.
  var line: Line = { value, _ in value.shortText ?? "" }
}
