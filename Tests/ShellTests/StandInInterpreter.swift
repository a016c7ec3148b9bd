import Lang
import Model
import Runtime

@testable import summand

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A language of a handful of words in the place of the real one, so that the terminal can be
/// tested by itself: its work takes as long as is asked and listens to Ctrl-C or does not, and its
/// completions are known in number and width.
final class StandInInterpreter: Interpreter {
  private let console: Console
  private(set) var promptName = "summand"

  init(surroundings: Surroundings) {
    console = surroundings.console
  }

  func run(_ source: SourceText, interactive: Bool) -> ExitStatus {
    var status = ExitStatus.done
    for line in source.text.split(separator: "\n") where status == .done {
      status = runLine(line)
    }
    return status
  }

  private func runLine(_ line: Substring) -> ExitStatus {
    let words = line.split(separator: " ")
    let number = words.dropFirst().first.flatMap { Int($0) } ?? 1
    switch words.first {
    case "load": promptName = String(words.last?.filter { $0 != "\"" } ?? "")
    case "count": for index in 1...max(1, number) { console.write(Array("\(index)\n".utf8)) }
    case "fail":
      console.report("error: it failed\n")
      return .failed
    case "work": return work(tenths: number * 10, listens: true)
    case "stubborn": return work(tenths: number * 10, listens: false)
    case "#!": break
    default: console.write(Array("[\(line)]\n".utf8))
    }
    return .done
  }

  private func work(tenths: Int, listens: Bool) -> ExitStatus {
    for tenth in 0..<tenths {
      usleep(100_000)
      console.progress(done: tenth, total: tenths, label: "work")
      if listens && Interruption.requested.load(ordering: .relaxed) {
        console.report("interrupted\n")
        return .interrupted
      }
    }
    return .done
  }

  func completeness(of text: String) -> Completeness {
    let isOpen = text.filter { $0 == "(" }.count > text.filter { $0 == ")" }.count
    return isOpen || text.hasSuffix("|")
      ? .incomplete(why: "", indentation: isOpen ? 2 : 0) : .complete
  }

  func complete(line: String, cursor: Int) -> Completion {
    let before = Array(line.utf8.prefix(cursor))
    let start =
      before.lastIndex { [UInt8(ascii: " "), UInt8(ascii: "\n")].contains($0) }.map { $0 + 1 } ?? 0
    let word = String(decoding: before[start...], as: UTF8.self)
    let all: [Candidate] =
      [
        Candidate(text: "count ", summary: "Print the numbers up to N."),
        Candidate(text: "country", summary: "A variable: 60 prompts."),
        Candidate(text: "work ", summary: "Work for N seconds, and listen to Ctrl-C."),
        Candidate(
          text: "stubborn ",
          summary:
            "Work for N seconds, whatever happens in the meantime, and say nothing about it to anybody."
        ),
        Candidate(text: "日本語", summary: "Wide characters."),
      ] + (0..<200).map { Candidate(text: "L\($0 / 10)H\($0 % 10)", summary: "") }
    return Completion(replace: start..<cursor, candidates: all.filter { $0.text.hasPrefix(word) })
  }
}
