import Foundation
import TestSupport
import Testing

@testable import Lang

/// The scripts in Golden carry what they must give. After the line where a statement ends comes its
/// tree, after the line of an error its column and message:
///
///     top 5
///     # expect: (do top 5)
///     a = 3
///     # error: 3: `=` is not allowed here
///
/// With RECORD_GOLDEN set the expectations are written anew, and the test fails so that nobody
/// takes a recording for a pass.
struct GoldenTests {
  static let folder = packageRoot.appending(path: "Tests/LangTests/Golden")

  static var scripts: [String] {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    return (names ?? []).filter { $0.hasSuffix(".summand") }.sorted()
  }

  @Test func thereAreScripts() {
    #expect(Self.scripts.count >= 4)
  }

  @Test(arguments: scripts)
  func matches(_ name: String) throws {
    let url = Self.folder.appendingPathComponent(name)
    let text = try String(contentsOf: url, encoding: .utf8)
    let script = text.components(separatedBy: "\n").filter { !isExpectation($0) }
      .joined(separator: "\n")
    let annotated = annotate(SourceText(name: name, text: script))
    if ProcessInfo.processInfo.environment["RECORD_GOLDEN"] != nil {
      try annotated.write(to: url, atomically: true, encoding: .utf8)
      Issue.record("\(name) was recorded")
    }
    #expect(annotated == text)
  }

  @Test(arguments: scripts)
  func survivesThePrinter(_ name: String) throws {
    let url = Self.folder.appendingPathComponent(name)
    let source = SourceText(name: name, bytes: Array(try Data(contentsOf: url)))
    LexerTests.expectCover(source)
    let result = parse(source)
    // What stands in for a mistake in the tree need not print as it reads.
    guard !result.hasErrors else { return }
    let script = result.script
    #expect(tree(Printer.print(script)) == dump(script))
  }

  /// A script cut anywhere parses to something, and fails in no way that is not a diagnostic.
  @Test(arguments: scripts)
  func survivesBeingCut(_ name: String) throws {
    let url = Self.folder.appendingPathComponent(name)
    let bytes = Array(try Data(contentsOf: url)).prefix(3000)
    for end in stride(from: 0, to: bytes.count, by: 7) {
      let source = SourceText(name: name, bytes: Array(bytes[..<end]))
      let isComplete = completeness(of: source) == .complete
      #expect(isComplete == !parse(source).hasErrors)
    }
  }

  private func isExpectation(_ line: String) -> Bool {
    let line = line.drop { $0 == " " }
    return line.hasPrefix("# expect:") || line.hasPrefix("# error:")
  }

  private func annotate(_ source: SourceText) -> String {
    let result = parse(source)
    var after: [Int: [String]] = [:]
    for statement in result.script.statements {
      let line = source.position(of: max(statement.span.start, statement.span.end - 1)).line
      after[line, default: []].append("# expect: " + dump(statement))
    }
    for diagnostic in result.diagnostics {
      let (line, column) = source.position(of: diagnostic.span?.start ?? 0)
      after[line, default: []].append("# error: \(column): \(diagnostic.message)")
    }
    let lines = source.text.components(separatedBy: "\n").enumerated().flatMap { index, line in
      [line] + (after[index + 1] ?? [])
    }
    return lines.joined(separator: "\n")
  }
}
