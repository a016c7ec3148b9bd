import Testing

@testable import Runtime

/// The list of commands and the folder agree, and each command can be explained.
@Suite struct CatalogueTests {
  @Test func everyDeclarationIsListedOnce() throws {
    let text = try repositoryFiles("Sources/Runtime/Commands", ending: ".swift")
      .map(repositoryText).joined()
    let declared = text.matches(of: /static let `?\w+`? = Command\(\s*name: "(\w+)"/).map {
      String($0.output.1)
    }
    let listed = Catalogue.all.map(\.name)
    #expect(declared.sorted() == listed.sorted())
    #expect(Set(listed).count == listed.count)
  }

  @Test(arguments: Catalogue.all.map(\.name))
  func everyCommandExplainsItself(name: String) throws {
    let command = try #require(Catalogue.command(named: name))
    #expect(command.summary.hasSuffix("."), "\(command.summary)")
    // An example of `save` would leave a file behind: docs/language.md has one, and removes it.
    #expect(command.examples.isEmpty == (name == "save"))
    for example in command.examples { #expect(example.contains(name), "\(example)") }
    for parameter in command.parameters { #expect(!parameter.summary.isEmpty, "\(parameter.name)") }
  }
}
