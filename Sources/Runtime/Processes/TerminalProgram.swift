/// A program that has the terminal until it ends, as an editor does.
public enum TerminalProgram {
  /// Runs a line of `sh` with one more argument, which needs no quotes.
  ///
  /// - Returns: its status; for a signal 128 more than its number.
  public static func run(_ line: String, argument: String) throws -> Int32 {
    do {
      let child = try Child(
        "/bin/sh", ["-c", "\(line) \"$1\"", "sh", argument], streams: Child.Streams())
      return child.wait().status
    } catch let error as Child.NotStarted {
      throw Failure("cannot start sh: \(error.reason)")
    }
  }
}
