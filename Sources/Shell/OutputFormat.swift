/// How values are printed.
enum OutputFormat: String, CaseIterable, Sendable {
  case table, plain, tsv, csv, json, ndjson, markdown

  /// Where nothing was said: for people on a terminal, for programs down a pipe.
  static func fallback(toTerminal: Bool) -> OutputFormat { toTerminal ? .table : .tsv }
}
