import TestSupport
import Testing

@testable import Runtime

/// The scripts of `Examples/circuits` on the default model, with few prompts. What they share is run once; the
/// others have a few edges instead.
@Suite struct CircuitScriptTests {
  private static let tasks = ["docstring", "facts", "greater-than", "induction"]

  private func run(_ name: String, prompts: Int, short: Bool, _ others: [String: String] = [:])
    throws
    -> Session
  {
    let path = "Examples/circuits/\(name).summand"
    let arguments = ["prompts": "\(prompts)"].merging(others) { $1 }
    let session = Session(
      host: TestHost(format: .tsv), arguments: arguments.map { (name: $0.key, value: $0.value) })
    // A page has the SHA-256 of the weights, which takes long where nothing is optimised.
    var script = try repositoryText(path).replacing("\nreport args.out {\n", with: "\nif true {\n")
    let steps =
      short
      ? """
      let scores = asked | patch each embed -> heads, heads -> logits from counterpart | attribute of task
      let c = scores | circuit edges 300 greedy
      let kept = asked | take 1 | faithfulness c from counterpart of task
      """
      // Not all edges.
      : try repositoryText("Examples/circuits/steps.summand").replacing(
        "patch each edges",
        with: "patch each embed -> L0.mlp, L0.mlp -> L20..29, L20..23 -> L24..29, L20..29 -> logits"
      )
    script.replace("source \"steps.summand\"", with: steps)
    let result = session.running(script, name: path)
    try #require(result.status == .done, "\(result.messages)")
    #expect(!result.messages.contains("warning:"), "\(result.messages)")
    return session
  }

  private func table(_ name: String, in session: Session) throws -> Table {
    guard case .table(let value)? = session.lookUp(name) else { throw Failure("no table") }
    return value.table
  }

  @Test func everyScriptIsListed() throws {
    let readme = try repositoryText("Examples/circuits/README.md")
    let scripts = try repositoryFiles("Examples/circuits", ending: ".summand")
    // `indirect-objects`, `tracing` and `gpt2` have tests of their own, and `steps` is a part of the others.
    #expect(scripts.count == Self.tasks.count + 4)
    for path in scripts {
      #expect(readme.contains("`\(path.split(separator: "/").last ?? "")`"))
      #expect(try repositoryText(path).hasPrefix("#!/usr/bin/env summand\n"))
    }
  }

  @Test(arguments: tasks)
  func prompts(name: String) throws {
    let session = try run(name, prompts: 2, short: true)
    let set = try session.asPrompts(try #require(session.lookUp("asked")))
    #expect(set.prompts.count == 2)
    for prompt in set.prompts {
      let other = try #require(prompt.counterpart)
      #expect(other.tokens.count == prompt.tokens.count && other.tokens != prompt.tokens)
      #expect(!prompt.answers.isEmpty && !prompt.foils.isEmpty)
    }
    // The model does the task, and does it less where the counterparts' values are.
    let kept = try table("kept", in: session)
    #expect(try kept.numbers("full")[0] > kept.numbers("empty")[0])
  }

  @Test func allSteps() throws {
    let session = try run(
      "indirect-objects", prompts: 4, short: false, ["steps": "1", "random": "1", "edges": "50"])
    let (kept, curve) = (try table("kept", in: session), try table("curve", in: session))
    #expect(try kept.numbers("faithfulness")[0] > kept.numbers("random")[0] + 0.2)
    #expect(curve.rowCount == 3)
    // The head that brings the name is among those without which the circuit falls.
    let parts = try table("parts", in: session)
    let drops = Dictionary(
      uniqueKeysWithValues: zip(try parts.texts("component"), try parts.numbers("drop")))
    #expect(try #require(drops["L23H3"]) > 0.5)
  }

  @Test func tracing() throws {
    let session = try run("tracing", prompts: 1, short: false, ["samples": "1", "window": "3"])
    let (early, late) = (
      try table("at_subject", in: session), try table("at_last", in: session)
    )
    // At first what matters is at the subject, token by token; at the end all of it is at the last token.
    let (first, last) = (try early.numbers("effect"), try late.numbers("effect"))
    let (end, all) = (try #require(first.last), try #require(last.last))
    #expect(all > 0.1 && abs(last[0]) < 0.1 * all)
    #expect(abs(end) < 0.1 * all && first.prefix(12).contains { $0 > 0.1 * all })
    let cut = try table("cut", in: session)
    #expect(try cut.rowCount == 30 && cut.numbers("effect").contains { $0 < -0.05 })
    #expect(try table("of_mlps", in: session).rowCount == 30)
  }
}
