import Testing

@testable import summand

/// Command lines that are read without the parser: they must mean what it makes of them.
struct SimpleOptionsTests {
  @Test(arguments: [
    [], ["a.summand"], ["-c", "1 + 2"], ["-c", "-1"], ["-c", "--help"], ["-c", ""],
    ["--model", "smollm2", "-c", "1", "n=3", "s="], ["--format", "json", "a.summand", "n=3"],
    ["a.summand", "--threads", "2", "n=a b"], ["-c", "1", "--model", "m", "--format", "tsv"],
    ["--threads", "1024", "é.summand", "é"], ["name=value"], ["-c", "args.help"],
  ])
  func areWhatTheParserReads(arguments: [String]) throws {
    guard let parsed = try? Options.parseAsRoot(arguments) as? Options else {
      return #expect(Options(simple: arguments) == nil)
    }
    let simple = try #require(Options(simple: arguments))
    #expect(Self.values(of: simple) == Self.values(of: parsed))
  }

  @Test(arguments: [
    ["-"], ["--help"], ["help"], ["check", "a"], ["serve"], ["a.summand", "fmt"], ["--model"],
    ["--model", "-c", "1"], ["--model", ""], ["--model=m"], ["--threads", "0"],
    ["--threads", "+2"],
    ["--threads", "1025"], ["--format", "nonsense"], ["-c"], ["-c", "1", "-c", "2"],
    ["--memory", "1GB"], ["--no-init"], ["-i"], ["--version"], ["--", "a.summand"], [""],
    ["-c", "1", "n"], ["-c", "1", "n=1", "n=2"], ["--generate-completion-script", "zsh"],
  ])
  func othersAreLeftToTheParser(arguments: [String]) { #expect(Options(simple: arguments) == nil) }

  private static func values(of options: Options) -> [String] {
    Mirror(reflecting: options).children.map { "\($0.label ?? ""): \($0.value)" }
  }
}
