import Lang

/// A program that a session works for. It is given values and messages as they are, where a person
/// is given text.
protocol Audience: AnyObject {
  /// - Parameter line: the statement, as a report shows it.
  func show(_ value: Value, line: String) throws
  func show(_ plot: Plot, line: String) throws
  func tell(_ diagnostic: Diagnostic, in source: SourceText?)
  /// What is neither an error nor a warning.
  func tell(note: String)
}
