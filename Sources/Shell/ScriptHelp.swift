import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// `summand SCRIPT --help`: what the script does and takes, rather than what the program takes.
enum ScriptHelp {
  /// - Returns: nil where the words ask for something else.
  static func answer(to arguments: [String]) -> ExitStatus? {
    guard let last = arguments.last, last == "--help" || last == "-h",
      let options = try? Options.parseAsRoot(Array(arguments.dropLast())) as? Options,
      let script = options.script, script != "-"
    else { return nil }
    do {
      let code = writeAll(scriptHelp(of: try ScriptFile.file(script)).utf8, to: STDOUT_FILENO)
      return code == 0 ? .done : Console.failure(toWrite: code)
    } catch let failure as Failure {
      Main.report(failure, as: options.messageFormat)
      return failure.status
    } catch {
      return .unreadable
    }
  }
}
