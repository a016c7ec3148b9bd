/// Writes `table` in `format`, piece by piece; whatever `sink` throws ends it.
func render(
  _ table: Table, as format: OutputFormat, settings: RenderSettings = RenderSettings(),
  into sink: ([UInt8]) throws -> Void
) throws {
  try writing(into: sink) { try format.declaration.write(table, settings, &$0) }
}

/// The whole of it as one text.
func render(
  _ table: Table, as format: OutputFormat, settings: RenderSettings = RenderSettings()
) -> String {
  var result: [UInt8] = []
  // Only an interruption is thrown, and who writes or hands on the text checks for that.
  try? render(table, as: format, settings: settings) { result += $0 }
  return String(decoding: result, as: UTF8.self)
}

/// Runs `body` with a `ByteSink` that hands its pieces to `sink`, to the last one.
func writing(into sink: ([UInt8]) throws -> Void, _ body: (inout ByteSink) throws -> Void) throws {
  try withoutActuallyEscaping(sink) { sink in
    var bytes = ByteSink(sink)
    try body(&bytes)
    try bytes.flush()
  }
}
