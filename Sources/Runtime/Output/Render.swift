/// Writes `table` in `format`, piece by piece; whatever `sink` throws ends it.
public func render(
  _ table: Table, as format: OutputFormat, settings: RenderSettings = RenderSettings(),
  into sink: (String) throws -> Void
) throws {
  try withoutActuallyEscaping(sink) { sink in
    var text = ChunkedText(sink)
    switch format {
    case .table: try renderForPeople(table, settings, into: &text)
    case .plain: try renderPlain(table, into: &text)
    case .tsv: try renderTSV(table, into: &text)
    case .escaped: try renderEscaped(table, into: &text)
    case .csv: try renderCSV(table, into: &text)
    case .json: try renderJSON(table, into: &text)
    case .ndjson: try renderNDJSON(table, into: &text)
    case .markdown: try renderMarkdown(table, into: &text)
    }
    try text.flush()
  }
}

/// The whole of it as one text.
public func render(
  _ table: Table, as format: OutputFormat, settings: RenderSettings = RenderSettings()
) -> String {
  var result = ""
  // Only an interruption is thrown, and who writes or hands on the text checks for that.
  try? render(table, as: format, settings: settings) { result += $0 }
  return result
}
