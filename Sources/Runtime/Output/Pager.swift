/// What shows texts that are higher than the terminal: `$PAGER`.
public struct Pager: Sendable {
  /// A line for `sh`.
  var command: String
  /// The rows of the terminal.
  var rows: Int
  /// A text with styles as a terminal may show it.
  var safe: @Sendable (String) -> String

  public init(command: String, rows: Int, safe: @escaping @Sendable (String) -> String) {
    self.command = command
    self.rows = rows
    self.safe = safe
  }
}

extension Session {
  /// What pages at the prompt; nil elsewhere.
  var pager: Pager? { isInteractive && settings.pager ? host.pager : nil }

  /// Writes a text for people, or opens the pager with it.
  func show(styled text: String) throws {
    // The prompt takes a row.
    if let pager, text.utf8.count(where: { $0 == UInt8(ascii: "\n") }) >= pager.rows {
      host.transcribe(text)
      return try ShellCommand(session: self).show(pager.safe(text), in: pager.command)
    }
    host.write(styled: text)
  }
}
