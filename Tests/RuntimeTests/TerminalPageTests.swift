import Foundation
import TestSupport
import Testing

@testable import Runtime

/// `docs/terminal.md`: what it says is tested, is.
@Suite struct TerminalPageTests {
  private let page: String

  init() throws { page = try repositoryText("docs/terminal.md") }

  @Test func rowsAreCounted() throws {
    let rows = page.matches(of: /(?m)^\| .+ \| (yes|partly|no) \| .+ \|$/)
    #expect(rows.count == 66)
    func count(_ word: String) -> Int { rows.count { $0.output.1 == word } }
    #expect(page.contains("yes: \(count("yes")), partly: \(count("partly")), no: \(count("no"))."))
    for row in rows where row.output.1 == "yes" {
      #expect(row.output.0.contains("Tests."), "\(row.output.0)")
    }
  }

  @Test func testsExist() throws {
    var suites: [String: String] = [:]
    for folder in ["RuntimeTests", "ShellTests", "LangTests"] {
      let path = packageRoot.appending(path: "Tests/\(folder)").path
      for file in try FileManager.default.contentsOfDirectory(atPath: path)
      where file.hasSuffix(".swift") {
        let text = try repositoryText("Tests/\(folder)/\(file)")
        for suite in text.matches(of: /(?:struct|final class) (\w+Tests)\b/) {
          suites[String(suite.output.1), default: ""] += text
        }
      }
    }
    let named = page.matches(of: /`(\w+Tests)\.(\w+)`/)
    #expect(named.count > 60)
    for name in named {
      let text = suites[String(name.output.1)] ?? ""
      #expect(text.contains("func \(name.output.2)("), "\(name.output.0)")
    }
  }
}
