import ArgumentParser
import Lang
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// `summand check`: what is wrong with scripts, without running them.
struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Report all errors of scripts without running them.",
    usage: "summand check [--messages HOW] FILE ...",
    discussion: """
      No model is needed. Reports what does not parse, unknown commands and variables, and wrong \
      arguments, also of the scripts that `source` reads. Exit status: 0 if nothing is wrong, 3 if \
      something is, 4 if a file cannot be read.
      """)

  @Option(
    name: .customLong("messages"),
    help: ArgumentHelp(
      "How errors are written: text, or json, an object a line.", valueName: "how"))
  var messageFormat = MessageFormat.text

  @ArgumentParser.Argument(
    help: ArgumentHelp("Scripts; `-` for standard input.", valueName: "file"), completion: .file())
  var files: [String]

  /// What it prints goes to standard output: it is what was asked for.
  func status(on terminal: Terminal) -> ExitStatus {
    var status = ExitStatus.done
    var seen: Set<String> = []
    for file in files {
      do {
        let source = try ScriptFile.named(file)
        for finding in ScriptCheck.findings(in: source) {
          if finding.diagnostic.severity == .error { status = max(status, .syntax) }
          let text = text(of: finding, on: terminal)
          // What two scripts read is checked once.
          guard seen.insert(text).inserted else { continue }
          let code = writeAll((text + "\n").utf8, to: STDOUT_FILENO)
          if code != 0 { return Console.failure(toWrite: code) }
        }
      } catch let failure as Failure {
        status = .unreadable
        Main.report(failure, as: messageFormat)
      } catch {
        status = .unreadable
        Main.report(Failure("\(error)"), as: messageFormat)
      }
    }
    return status
  }

  private func text(of finding: ScriptCheck.Finding, on terminal: Terminal) -> String {
    switch messageFormat {
    case .json: finding.diagnostic.json(in: finding.source)
    case .text:
      finding.diagnostic.rendered(
        in: finding.source,
        style: .coloured(terminal.usesColour(on: .output)))
    }
  }
}

private func max(_ one: ExitStatus, _ other: ExitStatus) -> ExitStatus {
  one.rawValue >= other.rawValue ? one : other
}
