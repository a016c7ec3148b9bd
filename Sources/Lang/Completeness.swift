/// Whether what was typed so far can be run, or asks for another line.
public enum Completeness: Sendable, Hashable {
  case complete
  /// `why` says what is open; `indentation` is the columns that the next line is indented by.
  case incomplete(why: String, indentation: Int)
  /// There is an error that no further line can mend.
  case invalid
}

public func completeness(of source: SourceText) -> Completeness {
  guard source.encodingError() == nil else { return .invalid }
  var parser = Parser(source)
  _ = parser.parseStatements(inBlock: false)
  // Only what is wrong at the end of the text is recorded as unfinished, and only if all before it
  // was in order.
  if let unfinished = parser.unfinished {
    return .incomplete(
      why: unfinished.why, indentation: unfinished.levels * Printer.indentation)
  }
  return parser.diagnostics.contains { $0.severity == .error } ? .invalid : .complete
}
