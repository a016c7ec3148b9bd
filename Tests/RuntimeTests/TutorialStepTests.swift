import Lang
import TestSupport
import Testing

@testable import Runtime

/// What `tutorial` says to type. That it can be typed is held by `TutorialTests` on a terminal.
@Suite struct TutorialStepTests {
  @Test func linesAreThoseOfThePage() throws {
    let page = try repositoryText("docs/tutorial.md")
    let own = try #require(
      TutorialStep.all.firstIndex { if case .ownPrompt = $0.line { true } else { false } })
    for step in TutorialStep.all[..<own] {
      guard case .fixed(let line, _) = step.line else { continue }
      #expect(page.contains(line), "\(line)")
    }
    #expect(own >= 8 && TutorialStep.all.count > own + 4)
  }

  /// Each line does what its own step is about, and no other step's.
  @Test func aStepIsOverWithItsLine() {
    for place in TutorialStep.all.indices {
      var tutorial = Tutorial(place: place)
      tutorial.own = "moon"
      #expect(tutorial.isDone(by: tutorial.line), "\(tutorial.line)")
      #expect(!tutorial.line.contains("mine") || tutorial.isOwnPrompt)
      #expect(!tutorial.line.contains("HEAD"))
      #expect(!tutorial.isDone(by: "1 + 1") && !tutorial.isDone(by: "# " + tutorial.line))
      #expect(parse(SourceText(name: "", text: tutorial.line)).hasErrors == false)
    }
    #expect(Tutorial(place: 2).isDone(by: "tower | logits | top 10"))
    #expect(!Tutorial(place: 2).isDone(by: "tower | rank"))
  }

  @Test func textsFitTheTerminal() {
    for place in TutorialStep.all.indices {
      for width in [40, 80] {
        let tutorial = Tutorial(place: place)
        let text = tutorial.text(width: width, isFirst: true, colour: false)
        let lines = text.split(separator: "\n").filter { !$0.hasSuffix(tutorial.line) }
        #expect(lines.allSatisfy { displayWidth(of: String($0)) <= width }, "\(text)")
        // It and the prompt are on one small screen, with the line to type.
        #expect(
          width < 80 || text.split(separator: "\n", omittingEmptySubsequences: false).count < 22)
      }
    }
  }

  @Test func itIsForThePrompt() {
    let session = Session(host: TestHost())
    let result = session.running("tutorial")
    #expect(result.status == .failed && result.messages.contains("is for the prompt"))
    // Its words mean nothing else, and nothing elsewhere.
    #expect(session.running("next").messages.contains("'next'"))
  }
}
