import Model
import TestSupport
import Testing

@testable import Runtime

/// `help sites`, `help search`.
@Suite struct HelpTests {
  /// What somebody who knows nothing types.
  @Test func firstStepsAreFound() throws {
    let session = Session(host: TestHost())
    #expect(HelpText.overview.contains("\n\n  prompt \"The Louvre is in the city of\" -> "))
    let found = HelpText.search("important heads", in: session)
    #expect(found.hasPrefix("nothing in the help has 'important heads', but this has 'heads':\n"))
    #expect(found.contains("\n  dla "))
    #expect(HelpText.search("qzx wvy", in: session) == "nothing in the help has 'qzx wvy'\n")
    #expect(session.running("clear").messages.contains("Ctrl-L clears the screen"))
  }

  @Test func sitesOfTheModel() throws {
    let session = Session(host: TestHost())
    let all = session.running("help sites").output
    for site in Activation.allCases { #expect(all.contains(site.hookName(layer: 5)), "\(site)") }
    let path = Fixtures.path("tiny-gqa.F32.gguf")
    let result = session.running("load \"\(path)\"; help sites")
    #expect(result.status == .done)
    let sites = try #require(session.model).configuration.activations
    #expect(!sites.contains(.posEmbed))
    for site in Activation.allCases {
      let isListed = result.output.contains("  \(site.hookName(layer: 5)) ")
      #expect(isListed == sites.contains(site), "\(site)")
    }
    #expect(result.output.contains("L5KV1.k") && result.output.contains("L5H3.pattern"))
  }

  @Test(arguments: [
    ("mean", "ablate"), ("bootstrap interval", "group"), ("value weighted", "z"),
    ("colour", "set colour"), ("run_with_cache", "activations"), ("UPPER", "upper(…)"),
  ])
  func searchFinds(words: String, name: String) {
    let found = Session(host: TestHost()).running("help search \"\(words)\"").output
    let names = found.split(separator: "\n").map { $0.drop { $0 == " " } }
    #expect(names.contains { $0.hasPrefix(name) }, "\(found)")
  }

  @Test func searchFindsNothing() {
    let session = Session(host: TestHost())
    #expect(session.running("help search \"xyzzy\"").output == "nothing in the help has 'xyzzy'\n")
    #expect(session.running("help dla search \"x\"").status == .failed)
  }

  /// Nothing is lost, and what is longer than the terminal is an example or one word.
  @Test(arguments: [60, 80, 200]) func linesFitTheTerminal(width: Int) {
    let texts = Catalogue.all.map(HelpText.page) + [HelpText.overview, HelpText.sites(of: nil)]
    for text in texts {
      let fitted = HelpText.fitted(text, to: width)
      #expect(
        fitted.split(whereSeparator: \.isWhitespace) == text.split(whereSeparator: \.isWhitespace))
      let lines = text.split(separator: "\n")
      for line in fitted.split(separator: "\n") where line.count > width {
        let isExample = line.hasPrefix("  ") && lines.contains(line)
        #expect(isExample || line.split(separator: " ").count == 1, "\(line)")
      }
    }
  }
}
