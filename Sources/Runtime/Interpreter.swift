import Lang

/// What the shell needs of a session: to run a source text, and to help with the writing of one.
public protocol Interpreter: AnyObject {
  /// What stands before `> ` at the prompt: the loaded model's name, or "summand".
  var promptName: String { get }
  /// Runs one whole source text (a file, a line or several at the prompt, `-c`): parses it whole
  /// first, prints values to the given output, stops at the first error. Diagnostics go to
  /// standard error, already rendered.
  func run(_ source: SourceText, interactive: Bool) -> ExitStatus
  /// Whether the prompt needs another line.
  func completeness(of text: String) -> Completeness
  /// Candidates for Tab: pure in (line, cursor) and the session.
  func complete(line: String, cursor: Int) -> Completion
  /// What a person has set for the prompt.
  var settings: Settings { get }
  /// The line that a lesson asks for; nil: none is given. It is hinted at while it is typed.
  var expectedLine: String? { get }
  /// What is coloured while it is typed, in order; pure in the text and the session's names.
  func stretches(of text: String) -> [LineStretch]
}

/// What may stand in the place of a part of the line.
public struct Completion: Sendable {
  /// UTF-8 offsets into the line.
  public var replace: Range<Int>
  public var candidates: [Candidate]

  public init(replace: Range<Int>, candidates: [Candidate]) {
    self.replace = replace
    self.candidates = candidates
  }
}

public struct Candidate: Sendable {
  public var text: String
  public var summary: String

  public init(text: String, summary: String) {
    self.text = text
    self.summary = summary
  }
}
