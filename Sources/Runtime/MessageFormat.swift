import Lang

/// How messages are written on standard error: `--messages`.
public enum MessageFormat: String, CaseIterable, Sendable {
  /// For people.
  case text
  /// For programs: an object a line.
  case json

  /// What is neither an error nor a warning.
  static func json(note text: String) -> String {
    JSONValue.object([
      .init("severity", .string("note")), .init("message", .string(text)),
    ]).text
  }
}

extension Diagnostic {
  /// On one line: severity, message, help, notes, and where its place is known the file, and lines
  /// and columns from 1. `end_column` is that after the last character.
  public func json(in source: SourceText?) -> String {
    var members: [JSONValue.Member] = [
      .init("severity", .string(severity.rawValue)), .init("message", .string(message)),
    ]
    if let help { members.append(.init("help", .string(help))) }
    if let source, let span {
      let (start, end) = (source.position(of: span.start), source.position(of: span.end))
      members += [
        .init("file", .string(source.name)), .init("line", .integer(start.line)),
        .init("column", .integer(start.column)), .init("end_line", .integer(end.line)),
        .init("end_column", .integer(end.column)),
      ]
    }
    if !notes.isEmpty {
      members.append(.init("notes", .array(notes.map { .string($0.message) })))
    }
    return JSONValue.object(members).text
  }
}
