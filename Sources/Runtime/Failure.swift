import Lang
import Model
import Synchronization

/// What the process answers when it ends. The numbers are part of the interface.
public enum ExitStatus: Int32, Sendable {
  case done = 0
  /// Failed while running: a name or a column that does not exist among them.
  case failed = 1
  /// Bad usage of the command line.
  case usage = 2
  /// Did not parse.
  case syntax = 3
  /// A model or a file could not be loaded.
  case unreadable = 4
  /// An `assert` did not hold, or a check of `verify`.
  case assertion = 5
  /// SIGHUP: the terminal hung up.
  case hungUp = 129
  /// Ctrl-C.
  case interrupted = 130
  /// The reader of the pipe went away.
  case brokenPipe = 141
  /// SIGTERM.
  case terminated = 143

  /// Whether nothing may run after it.
  var endsAll: Bool {
    switch self {
    case .hungUp, .interrupted, .brokenPipe, .terminated: true
    case .done, .failed, .usage, .syntax, .unreadable, .assertion: false
    }
  }

  /// That of work which was told to stop.
  static var stopped: ExitStatus {
    switch Interruption.ending.load(ordering: .relaxed) {
    case 0: .interrupted
    case SIGHUP: .hungUp
    default: .terminated
    }
  }
}

/// The one error of the runtime: what went wrong, how to mend it, and, once it has passed the
/// expression that caused it, where.
public struct Failure: Error, Sendable {
  public var message: String
  public var help: String?
  public var status: ExitStatus
  public var span: SourceSpan?
  /// The text that `span` is a part of.
  public var source: SourceText?
  /// By what it came to be there: calls of `def`s and `source`, the innermost first. Nil where the
  /// message itself tells of them.
  public var callers: [String]? = []

  public init(
    _ message: String, help: String? = nil, status: ExitStatus = .failed, span: SourceSpan? = nil,
    source: SourceText? = nil
  ) {
    self.message = shortened(message)
    self.help = help.map(shortened)
    self.status = status
    self.span = span
    self.source = source
  }

  /// The model's errors in the runtime's terms.
  init(_ error: ModelError) {
    self.init(error.message, help: error.help, status: error.kind == .file ? .unreadable : .failed)
  }

  init(_ diagnostic: Diagnostic) {
    self.init(diagnostic.message, help: diagnostic.help, span: diagnostic.span)
  }

  /// Memory ran out while something was made whose size nobody could tell beforehand.
  static var memoryExhausted: Failure {
    Failure(
      "out of memory: this process is close to its limit",
      help:
        "ask for less: fewer prompts, `top N`, `select`; or allow more (ulimit -v, the container)")
  }

  /// What is reported of it.
  var diagnostic: Diagnostic {
    let shown = 3
    var chain = callers ?? []
    if chain.count > 2 * shown {
      chain.replaceSubrange(
        shown..<chain.count - shown, with: ["\(chain.count - 2 * shown) more calls"])
    }
    return Diagnostic(
      message, at: span, help: help, notes: chain.map { Diagnostic.Note($0) })
  }

  /// The same failure, placed at `span` unless it already knows a narrower place.
  public func placed(at span: SourceSpan, in source: SourceText? = nil) -> Failure {
    var placed = self
    placed.span = self.span ?? span
    placed.source = self.source ?? source
    return placed
  }
}

/// Runs `body`; whatever it throws comes out as a `Failure` placed at `span`.
func placing<T>(at span: SourceSpan, in source: SourceText? = nil, _ body: () throws -> T) throws
  -> T
{
  do {
    return try body()
  } catch let failure as Failure {
    throw failure.placed(at: span, in: source)
  } catch let error as ModelError {
    throw Failure(error).placed(at: span, in: source)
  } catch let diagnostic as Diagnostic {
    throw Failure(diagnostic).placed(at: span, in: source)
  } catch is Memory.Exhausted {
    throw Failure.memoryExhausted.placed(at: span, in: source)
  }
}
