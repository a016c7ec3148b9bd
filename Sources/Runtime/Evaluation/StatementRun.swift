import Lang
import Model

/// What comes up while a statement runs, its blocks and the `def`s that it calls among it. The
/// statement ends with it; nothing of it is left for the next.
final class StatementRun {
  /// What computes the runs that its measures ask for.
  var runner: any Runner = ModelRunner()
  /// The pipeline at work.
  var pipeline: (source: SourceText, span: SourceSpan)?
  /// The source line, as a report shows it above its output.
  var line = ""
  /// What a command found wrong with what it gave: the statement fails once that is shown.
  var failure: Failure?
  /// How many runs of a measure were finished when Ctrl-C ended it.
  var unfinished: (done: Int, of: Int)?
  /// A run of the command at work that gave numbers which are none.
  var notFinite: NotFinite?
  /// Whether such numbers have been warned of.
  var warnedOfNotFinite = false
  /// What the edits of the command at work found of the features that they name.
  var silentFeatures = SilentFeatures()
  /// What has no value in the column that is being computed; nil outside of one. The `def`s that the
  /// column's expression calls count there too.
  var undefinedRows: UndefinedRows?

  /// A run that gave numbers which are none, until the command that asked for it ends.
  struct NotFinite {
    var request: RunRequest
    var model: LanguageModel
  }

  /// The pipeline at work, as a line of its store.
  var pipelineText: String? {
    pipeline.map { source, span in
      let words = source.text(in: span).split(whereSeparator: \.isWhitespace)
      return excerpt(words.joined(separator: " "), limit: 200)
    }
  }

  /// Runs `body` with another runner.
  func running<Found>(by other: any Runner, _ body: () throws -> Found) rethrows -> Found {
    let outer = runner
    runner = other
    defer { runner = outer }
    return try body()
  }

  /// Runs `body`, whose undefined numbers are those of a column.
  ///
  /// - Returns: what it gave, and in how many rows they came up.
  func countingUndefined<Found>(_ body: () throws -> Found) rethrows -> (
    found: Found, undefined: UndefinedRows
  ) {
    let outer = undefinedRows
    undefinedRows = UndefinedRows()
    defer { undefinedRows = outer }
    let found = try body()
    return (found, undefinedRows ?? UndefinedRows())
  }
}
