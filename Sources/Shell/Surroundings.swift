import Runtime

/// What a session is told of the process around it.
struct Surroundings: Sendable {
  /// Where data, messages and progress go.
  var console: Console
  /// What is asked again for every value: a terminal changes its size.
  var terminal: Terminal
  /// A script's `name=value` arguments, in order, each name once.
  var bindings: [(name: String, value: String)]
  var format: OutputFormat
  var messageFormat = MessageFormat.text
  var options = RunOptions()
  /// Nil: files may be written anywhere.
  var confinement: Confinement?
  /// Nil: as many as the machine has.
  var threads: Int?
  var history: History
  /// Where results of runs are kept; nil: nowhere.
  var store: String?
}
