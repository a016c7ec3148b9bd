import Foundation
import Testing

@testable import Runtime

/// The list of commands and the folder agree, and each command can be explained.
@Suite struct CatalogueTests {
  @Test func everyDeclarationIsListedOnce() throws {
    let declared = try Command.Group.allCases.flatMap { group in
      try repositoryFiles(folder(of: group), ending: ".swift").flatMap { file in
        try repositoryText(file).matches(of: declaration).map { String($0.output.1) }
      }
    }
    let listed = Catalogue.all.map(\.name)
    #expect(declared.sorted() == listed.sorted())
    #expect(Set(listed).count == listed.count)
  }

  /// `logit_diff` of the measures is the only command of `Commands/Measures/LogitDiff.swift`. Where a
  /// type has the file's name already, `Command` follows: `PlotCommand.swift`.
  @Test(arguments: Command.Group.allCases)
  func everyCommandHasAFileInItsGroupsFolder(group: Command.Group) throws {
    let commands = Catalogue.all.filter { $0.group == group }
    let names = commands.map { $0.name.split(separator: "_").map(\.capitalized).joined() }
    let files = try repositoryFiles(folder(of: group), ending: ".swift")
    let plain = files.map { URL(filePath: $0).lastPathComponent }
      .map { $0.replacing(/(Command)?\.swift$/, with: "") }
    #expect(plain.sorted() == names.sorted())
    for file in files {
      #expect(try repositoryText(file).matches(of: declaration).count == 1, "\(file)")
    }
  }

  @Test func commandsAreListedGroupByGroup() {
    let groups = Catalogue.all.map(\.group)
    #expect(groups == Command.Group.allCases.flatMap { group in groups.filter { $0 == group } })
  }

  private var declaration: Regex<(Substring, Substring)> {
    /static let `?\w+`? = Command\(\s*name: "(\w+)"/
  }

  private func folder(of group: Command.Group) -> String {
    "Sources/Runtime/Commands/\("\(group)".capitalized)"
  }

  @Test(arguments: Catalogue.all.map(\.name))
  func everyCommandExplainsItself(name: String) throws {
    let command = try #require(Catalogue.command(named: name))
    #expect(command.summary.hasSuffix("."), "\(command.summary)")
    // An example of these would leave a file behind, or needs transcoders of the model: docs/commands.md has one.
    #expect(
      command.examples.isEmpty
        == ["save", "merge", "store", "session", "tutorial", "graph"].contains(name))
    for example in command.examples { #expect(example.contains(name), "\(example)") }
    for parameter in command.parameters { #expect(!parameter.summary.isEmpty, "\(parameter.name)") }
  }
}
