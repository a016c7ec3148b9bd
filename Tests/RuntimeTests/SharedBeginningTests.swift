import Testing

@testable import Runtime

/// Prompts of a set that begin alike are computed together up to where they part.
@Suite("Measures of prompts that begin alike")
struct SharedBeginningTests {
  let experiment: Experiment

  init() throws {
    experiment = try Experiment.tiny()
    try experiment.define("let few = all | take 5 | few_shot 2 from all seed 2")
  }

  @Test(
    "say what they say of each prompt alone",
    arguments: [
      "rank", "rank at @*", "logits", "lens at *", "activations L1.resid_post@*",
      "activations L2.k@shots", "attention L1H1", "dla by source", "dla by head at @*",
      "loss", "gradient L1.resid_post@last, L2.k@shots of prob", "gradient L1.ln2.scale of loss",
      "ablate each L*H*@last | attribute",
      "ablate L0.mlp@shots | ablate each L2H* | attribute of loss",
      "generate 4", "ablate L1H1 | rank", "ablate L0.mlp@shots | rank",
      "ablate L1H{0,1}@subject | rank",
      "ablate each L*H*@* | effect", "ablate each L2H*@last | effect",
      "knockout @shots -> last | rank",
      "scale L1.mlp by 1.5 | dla by source", "freeze mlps | ablate each L0H*@* | effect",
    ])
  func alone(measure: String) throws {
    let together = lines(of: "few | \(measure)")
    let alone = lines(of: "for one in few { one | \(measure) }")
    #expect(together == alone && together.count >= 5)
  }

  /// A donor that is edited, though to no effect, is not known to be the same anywhere.
  @Test(
    "a patch of what is the same in both has the effects that it has where that is not known",
    arguments: [
      "patch each L*.resid_pre@* from donor | effect", "patch each heads@* from donor | effect",
      "ablate L1H1@1 | patch each L{0,2}.resid_pre@* from donor | effect",
      "patch each L2.mlp@* from donor | ablate L0.mlp@2 | effect", "patch L1H0@* from donor | rank",
      "patch L1.resid_pre@* from donor | dla by source", "patch L0.resid_pre@* from donor | effect",
      "patch each L0.resid_pre@* from donor | effect",
      "patch L2H1@{2,last} from donor | dla by source",
      "patch each L1.resid_mid@last from donor | effect",
    ])
  func knownToBeSame(edits: String) throws {
    try experiment.define("let one = prompt \"Fact: The Wall is in the country of\" -> \" C\"")
    try experiment.define("let other = prompt \"Fact: The Wall is of the country in\" -> \" C\"")
    func found(from donor: String) -> [Substring] {
      lines(of: "one | " + edits.replacing("donor", with: donor))
    }
    let known = found(from: "other")
    #expect(known.count >= 1)
    #expect(known == found(from: "(other | scale L0H0 by 1)"))
  }

  /// Without the head of each table, and without the column that only sets of several prompts have.
  private func lines(of line: String) -> [Substring] {
    let result = experiment.session.running(line)
    #expect(result.status == .done, "\(result.messages)")
    // A token may be a line's end.
    let lines = result.output.split(separator: "\n").map { line in
      line.hasPrefix("\"prompt\"\t") || line.hasPrefix("\"Fact: ")
        ? line.drop { $0 != "\t" }.dropFirst() : line
    }
    return lines.filter { $0 != lines.first }
  }
}
