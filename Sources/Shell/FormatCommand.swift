import ArgumentParser
import Lang
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// `summand fmt`: scripts in the usual layout.
struct FormatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fmt",
    abstract: "Format scripts in place.",
    usage: "summand fmt [--check] FILE ...",
    discussion: """
      Sets indentation and spaces. Comments, the breaks of lines and the meaning stay. `-` formats \
      standard input to standard output. Exit status: 0 if done, 1 if --check found a file that is \
      not formatted, 3 if a file does not parse, 4 if one cannot be read.
      """)

  @Flag(
    name: .customLong("check"),
    help: "Change nothing. List the files that are not formatted, and end with status 1.")
  var isCheck = false

  @ArgumentParser.Argument(
    help: ArgumentHelp("Scripts; `-` for standard input.", valueName: "file"), completion: .file())
  var files: [String]

  func status() -> ExitStatus {
    var status = ExitStatus.done
    for file in files {
      let own: ExitStatus
      do {
        own = try format(file)
      } catch let failure as Failure {
        Main.report(failure, as: .text)
        own = failure.status
      } catch {
        Main.report(Failure("\(error)"), as: .text)
        own = .failed
      }
      if own.rawValue > status.rawValue { status = own }
    }
    return status
  }

  private func format(_ file: String) throws -> ExitStatus {
    let source = try ScriptFile.named(file)
    guard let text = formatted(source) else {
      for diagnostic in Lang.parse(source).diagnostics {
        _ = writeAll((diagnostic.rendered(in: source) + "\n").utf8, to: STDERR_FILENO)
      }
      return .syntax
    }
    let isFormatted = Array(text.utf8) == source.bytes
    if isCheck {
      if isFormatted { return .done }
      return write(file + "\n") ?? .failed
    }
    if file == "-" { return write(text) ?? .done }
    if !isFormatted { try replace(file, with: text) }
    return .done
  }

  /// - Returns: nil if it could be written.
  private func write(_ text: String) -> ExitStatus? {
    let code = writeAll(text.utf8, to: STDOUT_FILENO)
    return code == 0 ? nil : Console.failure(toWrite: code)
  }

  private func replace(_ file: String, with text: String) throws {
    do throws(SystemError) {
      let replacement = try FileReplacement(of: file)
      try replacement.write(Array(text.utf8))
      try replacement.finish()
      try replacement.takePlace()
    } catch {
      throw Failure("'\(file)' cannot be written: \(systemMessage(error.code))")
    }
  }
}
