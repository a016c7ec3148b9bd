/// How a session runs scripts.
public struct RunOptions: Sendable {
  /// Whether the next statement runs after one that failed: `--keep-going`.
  public var keepsGoing = false
  /// Whether each statement is printed on standard error before it runs: `--echo`.
  public var echoes = false
  /// Whether notes, which are neither warnings nor errors, are left out: `--quiet`.
  public var isQuiet = false

  public init() {}
}
