import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The parts of the documentation that are made, not written: between `<!-- NAME: made by
/// Scripts/docs -->` and `<!-- end -->`. With `$SUMMAND_RECORD` set, tests write them instead of
/// comparing.
enum MadePart {
  static let isRecorded = ProcessInfo.processInfo.environment["SUMMAND_RECORD"] != nil

  static func mark(_ name: String) -> String { "<!-- \(name): made by Scripts/docs -->" }

  private static let end = "<!-- end -->"

  /// Holds what stands between the marks against `text`, or puts `text` there.
  static func check(_ name: String, in page: String, is text: String) throws {
    let whole = try repositoryText(page)
    let start = try #require(whole.firstRange(of: mark(name)), "\(page) has no '\(mark(name))'")
    let rest = whole[start.upperBound...]
    let stop = try #require(rest.firstRange(of: end), "\(page): '\(mark(name))' has no '\(end)'")
    let expected = "\n\n\(text)\n\n"
    if isRecorded {
      try writeRepositoryText(
        whole[..<start.upperBound] + expected + whole[stop.lowerBound...], to: page)
    } else {
      #expect(
        rest[..<stop.lowerBound] == expected,
        "\(page): '\(name)' is stale; Scripts/docs writes it again")
    }
  }

  /// What stands on a page outside such parts: what somebody wrote.
  static func writtenText(_ page: String) throws -> String {
    try repositoryText(page).replacing(
      /<!-- [^\n]*: made by Scripts\/docs -->(?s:.*?)<!-- end -->/, with: "")
  }
}

func writeRepositoryText(_ text: some StringProtocol, to path: String) throws {
  try Data(text.utf8).write(to: packageRoot.appending(path: path))
}

/// What docs/commands.md shows of the declarations.
enum ReferencePage {
  static let path = "docs/commands.md"

  /// A line a group, with links to its commands.
  static var contents: String {
    let rows = Command.Group.allCases.map { group in
      let links = Catalogue.all.filter { $0.group == group }
        .map { "[\($0.name)](#\($0.name))" }.joined(separator: " ")
      return "| \(group.rawValue) | \(links) |"
    }
    return "| group | commands |\n| --- | --- |\n" + rows.joined(separator: "\n")
  }

  static func head(of command: Command) -> String {
    var text = "\(escaped(command.summary))\n\n    \(command.usage)"
    if !command.parameters.isEmpty {
      let rows = command.parameters.map { parameter in
        "| `\(parameter.heading.replacing("|", with: "\\|"))` | \(meaning(of: parameter)) |"
      }
      text += "\n\n| parameter | meaning |\n| --- | --- |\n" + rows.joined(separator: "\n")
    }
    return text
  }

  /// Its summary, and what its words mean.
  private static func meaning(of parameter: Command.Parameter) -> String {
    let values = parameter.kind.words.filter { !$0.summary.isEmpty }
      .map { "`\($0.name)`: \(escaped($0.summary))" }
    return ([escaped(parameter.summary)] + values).joined(separator: "; ")
  }

  /// A cell of a Markdown table.
  private static func escaped(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("*", with: "\\*").replacing("<", with: "&lt;")
  }
}
