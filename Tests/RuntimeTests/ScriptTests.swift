import Lang
import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a person types, and what comes of it: every `Scripts/*.summand` says in comments after its
/// lines what they print and how they fail. `GoldenScript` tells how.
///
/// With `$SUMMAND_RECORD` set, what the lines print is written into the scripts, and the tests fail:
/// read the difference before it is believed.
@Suite struct ScriptTests {
  static let folder = "Tests/RuntimeTests/Scripts"

  static var scripts: [String] {
    get throws { try repositoryFiles(folder, ending: ".summand") }
  }

  @Test(arguments: try ScriptTests.scripts)
  func script(path: String) throws {
    var script = GoldenScript(path: path, text: try repositoryText(path))
    let session = try documentedSession()
    if script.hasNoModel { session.models = LoadedModels() }
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    session.set("folder", to: .text(folder.path))

    for index in script.parts.indices {
      let part = script.parts[index]
      let status = session.run(
        SourceText(name: "\(path):\(part.line)", text: part.code), interactive: true)
      guard let host = session.host as? TestHost else { return }
      let (output, messages) = host.take()
      script.parts[index].printed = output
      part.check(status, messages)
      if !GoldenScript.isRecorded {
        #expect(
          isAlike(output, part.expectedOutput),
          "\(path):\(part.line) printed:\n\(output)instead of:\n\(part.expectedOutput)")
      }
    }
    if GoldenScript.isRecorded {
      try Data(script.recorded.utf8).write(to: packageRoot.appending(path: path))
      Issue.record("\(path) was recorded anew")
    }
  }

  /// A script that expects nothing would pass whatever it did.
  @Test(arguments: try ScriptTests.scripts)
  func everyScriptExpectsSomething(path: String) throws {
    let script = GoldenScript(path: path, text: try repositoryText(path))
    #expect(script.parts.contains { !$0.expectations.isEmpty })
  }
}

/// Whether two texts are the same but for decimals, which may differ by what sums in another order
/// do, and for the spaces that align them. `NumberTests` are strict with the numbers themselves.
private func isAlike(_ text: String, _ other: String) -> Bool {
  if text == other { return true }
  let decimal = /-?[0-9]+\.[0-9]+(e[-+]?[0-9]+)?/
  func numbers(_ text: String) -> [Double] {
    text.matches(of: decimal).compactMap { Double($0.output.0) }
  }
  func words(_ text: String) -> [[Substring]] {
    text.replacing(decimal, with: "0.0").split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.split { " -─".contains($0) } }
  }
  return words(text) == words(other)
    && zip(numbers(text), numbers(other)).allSatisfy { abs($0 - $1) < 2e-4 }
}

/// A script cut into parts, each some lines and then what is expected of them. A part ends at an
/// empty line, or where a line of code follows an expectation. All parts are run in one session, as
/// at the prompt: after an error the next part goes on.
///
///     # expect: TEXT    a line of standard output; all of them are given, or there is none
///     # error: TEXT     the part fails, and says so
///     # exit: N         with that status, 1 if nothing is said
///     # warning: TEXT   the part warns; without it there must be no warning
///     # says: TEXT      anything else on standard error
///     # no model        in the first line: nothing is loaded
///
/// Before the first part, the prologue of `documentedSession` was run; `folder` is a place for files.
private struct GoldenScript {
  static let isRecorded = ProcessInfo.processInfo.environment["SUMMAND_RECORD"] != nil

  struct Part {
    let path: String
    /// Of its first line, from 1.
    var line: Int
    var code = ""
    var expectations: [(kind: Expectation, text: String)] = []
    /// What the run wrote to standard output.
    var printed = ""

    func texts(_ kind: Expectation) -> [String] {
      expectations.filter { $0.kind == kind }.map(\.text)
    }

    var expectedOutput: String { texts(.expect).map { $0 + "\n" }.joined() }

    func check(_ status: Runtime.ExitStatus, _ messages: String) {
      let place = "\(path):\(line) said:\n\(messages)"
      let failure = texts(.error).isEmpty ? Runtime.ExitStatus.done : .failed
      let wanted = texts(.exit).first ?? "\(failure.rawValue)"
      #expect("\(status.rawValue)" == wanted, "\(place)")
      for (kind, text) in expectations {
        switch kind {
        case .expect, .exit: break
        case .error:
          #expect(line(of: messages, beginning: "error: ", contains: text), "\(place)")
        case .warning:
          #expect(line(of: messages, beginning: "warning: ", contains: text), "\(place)")
        case .says: #expect(messages.contains(text), "\(place)")
        }
      }
      #expect(messages.contains("warning: ") == !texts(.warning).isEmpty, "\(place)")
    }

    private func line(of messages: String, beginning start: String, contains text: String) -> Bool {
      messages.split(separator: "\n").contains { $0.hasPrefix(start) && $0.contains(text) }
    }
  }

  enum Expectation: String, CaseIterable {
    case expect, error, exit, warning, says

    /// The expectation that a line of a script is.
    static func parse(_ line: Substring) -> (kind: Expectation, text: String)? {
      for kind in allCases where line.hasPrefix("# \(kind.rawValue):") {
        let text = line.dropFirst(kind.rawValue.count + 3)
        return (kind, String(text.hasPrefix(" ") ? text.dropFirst() : text))
      }
      return nil
    }
  }

  let hasNoModel: Bool
  var parts: [Part] = []

  init(path: String, text: String) {
    hasNoModel = text.hasPrefix("# no model\n")
    var part = Part(path: path, line: 1)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if let expectation = Expectation.parse(line) {
        part.expectations.append(expectation)
        continue
      }
      if line.isEmpty || !part.expectations.isEmpty {
        if !part.code.isEmpty { parts.append(part) }
        part = Part(path: path, line: index + 1)
      }
      if !line.isEmpty { part.code += line + "\n" }
    }
    if !part.code.isEmpty { parts.append(part) }
  }

  /// The script with what was printed for what it expects to be.
  var recorded: String {
    parts.map { part in
      let printed = part.printed.split(separator: "\n", omittingEmptySubsequences: false)
      let expected = printed.dropLast().map { $0.isEmpty ? "# expect:\n" : "# expect: \($0)\n" }
      let others = part.expectations.filter { $0.kind != .expect }
        .map { "# \($0.kind.rawValue): \($0.text)\n" }
      return part.code + expected.joined() + others.joined()
    }.joined(separator: "\n")
  }
}
