import Lang

/// What a session needs of the process around it. The shell has one; tests have another.
public protocol Host: AnyObject {
  /// Data, for standard output. A pipe gets its bytes, a terminal pictures of what would command
  /// it.
  func write(_ bytes: [UInt8])
  /// Data with styles of `Style`, whose own texts are made safe already.
  func write(styled text: String)
  /// Everything else, for standard error, with styles; data written before comes out before it.
  func report(_ text: String)
  func flush()
  /// Text as it is being made, for a person who watches; nobody else is given it.
  func stream(_ bytes: [UInt8])
  func progress(done: Int, total: Int, label: String)
  func finishProgress()
  /// How values are printed.
  var format: OutputFormat { get }
  var settings: RenderSettings { get }
  /// Whether messages are for people or for programs.
  var messageFormat: MessageFormat { get }
  /// Where files may be written, and that no command may be started; nil: no limits.
  var confinement: Confinement? { get }
  /// How messages are coloured.
  var messageStyle: DiagnosticStyle { get }
  /// Bytes that runs may take for activations and results on their way.
  ///
  /// - Parameter weights: bytes of the loaded models that are yet to be read into memory.
  func memory(besides weights: Int) -> Int
  /// Threads to compute with.
  var threads: Int { get }
  var environment: [String: String] { get }
  /// Any variable of the environment; nil where it is not set.
  func environmentVariable(_ name: String) -> String?
  /// - Throws: `Failure` where there is no such folder.
  func changeDirectory(to path: String) throws
  /// Bytes that runs and values may take from now on.
  func allowMemory(_ bytes: Int)
  /// Runs `body`, which starts a program that the person may type to, and waits for its end.
  func lendTerminal(_ body: () throws -> ProgramEnding) rethrows -> ProgramEnding
  /// What shows a text that is higher than the terminal; nil where there is no terminal, or no pager.
  var pager: Pager? { get }
  /// The file that what is typed and printed goes to as well; nil: none.
  var transcript: String? { get }
  /// - Parameter path: nil: no more.
  /// - Throws: `Failure` where the file cannot be written, or nobody types.
  func transcribe(to path: String?) throws
  /// Adds to the transcript what comes to a person's eyes by another way.
  func transcribe(_ text: String)
  /// The program's version as saved files carry it: with the commit where that is known, as in
  /// "0.2.0+1a2b3c4d5e6f".
  var version: String { get }
  /// What was typed at the prompt, oldest first: seconds since 1970, where they are known, and text.
  var history: [(time: Int?, text: String)] { get }
}

extension Host {
  public func lendTerminal(_ body: () throws -> ProgramEnding) rethrows -> ProgramEnding {
    try body()
  }

  var pager: Pager? { nil }
  var messageFormat: MessageFormat { .text }
  func write(_ text: String) { write(Array(text.utf8)) }
}
