/// Something to tell about a text: what is wrong, where, and how to mend it.
public struct Diagnostic: Error, Sendable, Hashable {
  public var severity: Severity
  public var message: String
  public var span: SourceSpan?
  /// How to mend it.
  public var help: String?
  public var notes: [Note]

  public enum Severity: String, Sendable {
    case error, warning
  }

  /// A remark on another place, such as the bracket that was opened there.
  public struct Note: Sendable, Hashable {
    public var message: String
    public var span: SourceSpan?

    public init(_ message: String, at span: SourceSpan? = nil) {
      self.message = shortened(message)
      self.span = span
    }
  }

  public init(
    _ message: String, at span: SourceSpan? = nil, severity: Severity = .error,
    help: String? = nil, notes: [Note] = []
  ) {
    self.severity = severity
    self.message = shortened(message)
    self.span = span
    self.help = help.map(shortened)
    self.notes = notes
  }
}
