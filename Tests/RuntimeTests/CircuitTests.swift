import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite("Circuits in lines, against torch in float64")
struct CircuitTests {
  private static let families = ["llama3", "qwen3", "gemma2", "gemma3", "gpt2", "gptj"]
  private static let metric = EdgeReference.metric

  /// Removed with its last owner.
  private final class Folder {
    let path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path

    init() throws {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
  }

  private func reference(_ family: String) throws -> (PipedSession, CircuitReference.Model) {
    let shell = try PipedSession(tiny: "families/\(family)")
    let model = try #require(try CircuitReference.read().first { $0.family == family })
    try shell.define(model.definitions)
    return (shell, model)
  }

  @Test("what is outside of a circuit comes from elsewhere", arguments: families)
  func only(family: String) throws {
    let (shell, model) = try reference(family)
    for kept in model.kept {
      try shell.define(kept.definition)
      for (from, wanted) in [
        ("from other", kept.patch), ("zero", kept.zero), ("from b mean", kept.mean),
      ] {
        let found = try shell.table("one | only kept \(from) | effect of \(Self.metric)")
          .numbers("effect")
        #expect(abs(found[0] - wanted) < 2e-5, "\(family) \(from): \(found[0]), \(wanted)")
        #expect(abs(wanted) > 1e-3)
      }
    }
  }

  @Test("circuits of all sizes, and their faithfulness", arguments: families)
  func faithfulness(family: String) throws {
    let (shell, model) = try reference(family)
    try shell.define("let scores = a | patch each edges from b | attribute of \(Self.metric)")
    let sizes = model.sizes.map { "\($0)" }.joined(separator: ", ")
    for curve in model.curves {
      let (found, said) = try shell.run(
        "a | faithfulness scores from b of \(Self.metric) sizes \(sizes) \(curve.way) \(curve.sign)"
      )
      #expect(try found.numbers("edges") == curve.edges.map(Double.init))
      try expectClose(try found.numbers("faithfulness"), curve.faithfulness, within: 2e-4, family)
      try expectClose(
        [try #require(found.numbers("cpr").last), try #require(found.numbers("cmd").last)],
        [curve.cpr, curve.cmd], within: 2e-4, family)
      #expect(try found.numbers("full").allSatisfy { abs($0 - model.full) < 1e-5 })
      #expect(try found.numbers("empty").allSatisfy { abs($0 - model.empty) < 2e-5 })
      #expect(said.contains("CPR") && said.contains("CMD"))
      let tenth = try shell.table(
        "(scores | circuit edges 10% \(curve.way) \(curve.sign)) | select component")
      #expect(try tenth.texts("component") == curve.tenth)
    }
  }

  @Test("paths, and paths through MLPs", arguments: families)
  func paths(family: String) throws {
    let (shell, model) = try reference(family)
    #expect(model.paths.count >= 4)
    for (option, wanted) in [
      ("", model.paths.map(\.held)), (" through mlps", model.paths.map(\.through)),
    ] {
      let paths = model.paths.map(\.path)
      let found = try shell.table(
        "one | patch each \(paths.joined(separator: ", ")) from other\(option) "
          + "| effect of \(Self.metric)")
      #expect(try found.texts("component") == paths)
      try expectClose(try found.numbers("effect"), wanted, within: 1e-5, family + option)
      let single = try shell.table(
        "one | patch \(paths[0]) from other\(option) | effect of \(Self.metric)")
      #expect(try single.numbers("effect")[0] == found.numbers("effect")[0])
    }
  }

  @Test func manyPathsAtOnce() throws {
    let (shell, _) = try reference("gemma2")
    let found = try shell.table(
      "one | patch each L0H* -> L1H{1,2}.v -> logits from other | effect of \(Self.metric)")
    #expect(found.rowCount == 8)
    for row in [0, 5] {
      let path = try found.texts("component")[row]
      let alone = try shell.table("one | patch \(path) from other | effect of \(Self.metric)")
      #expect(try alone.numbers("effect")[0] == found.numbers("effect")[row])
    }
    // A path of one edge is the edge.
    let edge = try shell.table("one | patch L0H1 -> logits from other | effect of \(Self.metric)")
    let held = try shell.table(
      "one | patch L1.mlp -> logits from other through mlps | effect of \(Self.metric)")
    let plain = try shell.table(
      "one | patch L1.mlp -> logits from other | effect of \(Self.metric)")
    #expect(try edge.numbers("effect")[0] != 0)
    try expectClose(try held.numbers("effect"), try plain.numbers("effect"), within: 1e-6)
    // What is planned are the runs of both hops.
    let plan = try shell.table(
      "plan one | patch each L0H* -> L1H1.q -> logits from other | effect of \(Self.metric)")
    #expect(try plan.texts("step").contains("values"))
  }

  // MARK: - Identities

  @Test(arguments: families)
  func allEdgesChangeNothing(family: String) throws {
    let (shell, _) = try reference(family)
    try shell.define(
      "let scores = a | patch each edges from b | attribute of \(Self.metric); "
        + "let all = scores | circuit edges 100%; let few = scores | circuit edges 3 signed ranked")
    let kept = try shell.table("a | only all from b | effect of \(Self.metric)")
    #expect(try kept.numbers("effect").allSatisfy { $0 == 0 })
    // `few` has no path, and so no edge: the donor's run.
    let empty = try shell.table("a | only few from b | effect of \(Self.metric)")
    if try shell.table("few").texts("value")[1].hasPrefix("0 ") {
      try expectClose(
        try empty.numbers("recovered"), [1, 1], within: 1e-3)
    }
    let one = try shell.table("a | faithfulness all from b of \(Self.metric)")
    #expect(try one.numbers("faithfulness") == [1])
  }

  /// What a circuit's only missing edge changes is what patching it changes.
  @Test func oneEdgeMissing() throws {
    let (shell, _) = try reference("gemma3")
    try shell.define(
      """
      let scores = one | patch each edges from other | attribute of \(Self.metric)
      let rest = scores | where component != "L0H1 -> L1H1.k" | circuit
      """)
    let patched = try shell.table(
      "one | patch L0H1 -> L1H1.k from other | effect of \(Self.metric)")
    let kept = try shell.table("one | only rest from other | effect of \(Self.metric)")
    let (wanted, found) = (try patched.numbers("effect")[0], try kept.numbers("effect")[0])
    #expect(wanted != 0 && abs(wanted - found) < 1e-6)
    // Edits within a circuit go on from it.
    let swept = try shell.table(
      "one | only rest from other | patch each L0H1 -> L1H1.k, L0H1 -> L1H1.q from other | effect of "
        + Self.metric)
    #expect(try swept.numbers("effect")[0] == 0 && swept.numbers("effect")[1] != 0)
  }

  @Test func resampledDonorsAreDrawn() throws {
    let (shell, _) = try reference("llama3")
    try shell.define(
      "let c = one | patch each L* -> logits from other | attribute of \(Self.metric) | circuit")
    let drawn = try shell.table(
      "one | only c from [other] resample seed 3 | effect of \(Self.metric)")
    let given = try shell.table("one | only c from other | effect of \(Self.metric)")
    #expect(try drawn.numbers("effect") == given.numbers("effect"))
  }

  // MARK: - Values

  @Test func whatACircuitHas() throws {
    let (shell, _) = try reference("llama3")
    try shell.define(
      "let scores = a | patch each edges from b | attribute of \(Self.metric); "
        + "let c = scores | circuit edges 40 greedy")
    let listing = try shell.table("c")
    #expect(try listing.texts("property") == ["model", "edges", "components", "chosen"])
    #expect(try listing.texts("value")[3] == "greedy absolute, 40 edges before pruning")
    let names = try shell.table("c.edges").texts("value")
    #expect(try shell.table("c | select component").texts("component") == names)
    let nodes = Set(try shell.table("c.nodes").texts("value"))
    #expect(!nodes.isEmpty && !nodes.contains("embed"))
    // Its edges are edges of a line, and its table makes it again.
    #expect(
      try shell.table("one | patch each (c.edges) from other | effect of \(Self.metric)").rowCount
        == names.count)
    #expect(try shell.table("(c | circuit).edges").texts("value") == names)
    #expect(try shell.table("(c | circuit edges 40 greedy).edges").texts("value") == names)
    // The mean over prompts before is the mean over prompts here.
    let averaged = try shell.table(
      "(scores | group by component, writer, reader mean estimate | circuit edges 40 greedy).edges")
    #expect(try averaged.texts("value") == names)
  }

  @Test func componentsAreChosenByTheirOwnScores() throws {
    let (shell, _) = try reference("qwen3")
    try shell.define(
      "let scores = one | patch each edges from other | attribute of \(Self.metric); "
        + "let own = one | patch each L*.mlp, embed from other | attribute of \(Self.metric)")
    // All edges of a writer together are its own estimate.
    let mlps = try shell.table("(own | circuit nodes 2).nodes").texts("value")
    #expect(Set(mlps).isSubset(of: ["L0.mlp", "L1.mlp"]))
    let chosen = try shell.table("(scores | circuit nodes 4) | select writer, reader")
    #expect(chosen.rowCount > 4)
  }

  @Test func filesOfOtherTools() throws {
    let (shell, _) = try reference("gemma2")
    let folder = try Folder()
    let (json, dot) = (folder.path + "/c.json", folder.path + "/c.dot")
    try shell.define(
      "let scores = a | patch each edges from b | attribute of \(Self.metric); "
        + "let c = scores | circuit edges 30 signed greedy")
    try shell.define("c | save \"\(json)\"; c | save \"\(dot)\"")
    let graph = try shell.table("read \"\(json)\"")
    #expect(graph.rowCount == (try shell.table("scores").rowCount) / 2)
    let names = try shell.table("c.edges").texts("value")
    #expect(
      try shell.table("(read \"\(json)\" | where in_graph | circuit).edges").texts("value") == names
    )
    #expect(
      try shell.table("(read \"\(json)\" | circuit edges 30 signed greedy).edges").texts("value")
        == names)
    let text = try String(contentsOfFile: json, encoding: .utf8)
    #expect(text.contains("\"input->m0\"") && text.contains("<q>\": {\"score\": "))
    #expect(text.contains("\"parallel_attn_mlp\": false"))
    let drawn = try String(contentsOfFile: dot, encoding: .utf8)
    #expect(drawn.hasPrefix("digraph circuit {") && drawn.contains("penwidth="))
    #expect(drawn.split(separator: "\n").count { $0.contains("->") } == names.count)
    #expect(
      shell.session.running("c | save \"\(json)\" key \"a\"").messages
        .contains("`key` names the tensor of a vector"))
    try shell.define("c | save \"\(folder.path)/c.csv\"")
    #expect(try shell.table("read \"\(folder.path)/c.csv\"").texts("component") == names)
  }

  @Test func drawn() throws {
    let (shell, _) = try reference("gpt2")
    let folder = try Folder()
    try shell.define(
      "let c = a | patch each edges from b | attribute of \(Self.metric) | circuit edges 60 greedy")
    try shell.define("c | plot circuit title \"all of it\" to \"\(folder.path)/c.svg\"")
    let svg = try String(contentsOfFile: folder.path + "/c.svg", encoding: .utf8)
    let edges = try shell.table("c.edges").rowCount
    #expect(svg.components(separatedBy: "stroke-opacity").count == edges + 1)
    #expect(svg.contains(">embed</text>") && svg.contains(">logits</text>"))
    #expect(svg.contains("all of it"))
    let said = shell.session.running("c | plot circuit").output
    #expect(said.contains("logits") && said.contains("L0.mlp"))
    #expect(
      shell.session.running("a | logits | plot circuit").messages
        .contains("draws edges"))
  }

  // MARK: - Uncertainty and controls

  @Test func resamplesOfPrompts() throws {
    let (shell, _) = try reference("llama3")
    try shell.define(
      "let scores = a | patch each edges from b | attribute of \(Self.metric); "
        + "let c = scores | circuit edges 20% resamples 50 seed 2")
    let shares = try shell.table("c | select chosen").numbers("chosen")
    #expect(shares.allSatisfy { (0...1).contains($0) } && shares.contains { $0 > 0.2 })
    #expect(
      try shell.table("scores | circuit edges 20% resamples 50 seed 2 | select chosen")
        .numbers("chosen") == shares)
    let said = shell.session.running(
      "one | patch each edges from other | attribute of \(Self.metric) | circuit edges 5 resamples 9"
    )
    #expect(said.messages.contains("several prompts"))
  }

  @Test func intervalsAndRandomCircuits() throws {
    let (shell, _) = try reference("llama3")
    try shell.define("let scores = a | patch each edges from b | attribute of \(Self.metric)")
    let line = "a | faithfulness scores from b of \(Self.metric) sizes 20%, 100% random 3 seed 4"
    let found = try shell.table(line)
    let (low, value, high) = (
      try found.numbers("low"), try found.numbers("faithfulness"), try found.numbers("high")
    )
    // Two prompts: the interval goes from one's own value to the other's.
    #expect(low[0] <= value[0] && value[0] <= high[0] && low[0] < high[0])
    #expect(value[1] == 1 && low[1] == 1 && high[1] == 1)
    let random = try found.numbers("random")
    #expect(random[1] == 1 && random[0] != value[0])
    #expect(try shell.table(line).numbers("random") == random)
  }

  @Test func partsOfACircuit() throws {
    let (shell, _) = try reference("llama3")
    try shell.define(
      "let c = a | patch each edges from b | attribute of \(Self.metric) | circuit edges 30% greedy; "
        + "let all = a | patch each edges from b | attribute of \(Self.metric) | circuit")
    let complete = try shell.table(
      "a | faithfulness c from b of \(Self.metric) completeness subsets 3")
    #expect(try complete.rowCount == 4 && complete.numbers("removed")[0] == 0)
    let whole = try shell.table("a | faithfulness c from b of \(Self.metric)")
    #expect(
      try complete.numbers("gap")[0]
        == abs(whole.numbers("circuit")[0] - whole.numbers("full")[0]))
    // The whole model lacks nothing.
    let none = try shell.table(
      "a | faithfulness all from b of \(Self.metric) completeness subsets 3")
    #expect(try none.numbers("gap").allSatisfy { $0 == 0 })
    let minimal = try shell.table("a | faithfulness c from b of \(Self.metric) minimality")
    #expect(try minimal.texts("component") == shell.table("c.nodes").texts("value"))
    let name = try minimal.texts("component")[0]
    let less = try shell.table(
      "a | only (c | where writer != \"\(name)\" | circuit) from b | effect of \(Self.metric) "
        + "| group by metric mean edited")
    let without = try minimal.numbers("without")[0]
    #expect(abs(try less.numbers(less.columnNames[1])[0] - without) < 1e-9)
  }

  @Test func planned() throws {
    let (shell, _) = try reference("llama3")
    try shell.define("let scores = a | patch each edges from b | attribute of \(Self.metric)")
    let plan = try shell.table(
      "plan a | faithfulness scores from b of \(Self.metric) sizes 5%, 50%")
    // Of each prompt: itself, an empty circuit, and two.
    #expect(try plan.numbers("runs").contains(8))
  }

  // MARK: - Errors

  @Test(arguments: [
    ("one | only 3 from other", "expected a circuit or a table of edges"),
    ("one | only c", "needs prompts that what is outside comes from"),
    ("one | only c zero from other", "takes nothing from other prompts"),
    ("one | only c from other seed 1", "`seed` goes with `resample`"),
    ("one | only c from [other, other, other]", "3 donors"),
    ("one | only c from other | only c from other", "keep a circuit already"),
    ("one | only c from (prompt [1, 2])", "tokens"),
    ("one | only c from other | logits | circuit", "neither `writer` and `reader`"),
    ("scores | circuit edges 0", "this model has"),
    ("scores | circuit edges 1000000", "this model has"),
    ("scores | circuit edges 5 nodes 5", "omit one"),
    ("scores | circuit greedy", "nothing is chosen"),
    ("scores | circuit nodes 2 greedy", "`greedy` chooses edges"),
    ("scores | circuit edges 5 seed 3", "`seed` goes with `resamples`"),
    ("nodes | circuit edges 5", "scores components"),
    ("one | patch each L0H1 -> L1KV0.k from other | attribute of (logit(33)) | circuit", "L1KV0.k"),
    (
      "one | patch each L0 -> logits@last from other | attribute of (logit(33)) | circuit",
      "`position`"
    ),
    ("a | faithfulness 3 from b of (logit(33))", "expected a circuit or a table of scores"),
    ("a | faithfulness c from b of (logit(33)) sizes 1%", "a circuit is given"),
    ("a | faithfulness scores from b of (logit(33)) sizes 300%", "a share of all edges"),
    ("a | faithfulness scores from b of (logit(33)) sizes 0.01%", "less than one"),
    ("a | faithfulness c from b subsets 3", "`subsets` goes with"),
    ("a | faithfulness c from b", "needs an answer"),
    ("one | only c from other | generate 2", "nothing can be generated"),
    ("one | patch L0H1 -> L1KV0.k -> logits from other", "leads to several heads"),
    ("one | patch L0H1 -> logits -> logits from other", "come last"),
    ("one | patch L0H1 from other through mlps", "`through` goes with edges"),
    ("one | ablate L0H2 | patch L0H1 -> L1H2.q -> logits from other", "in the prompt's own run"),
    ("one | patch L0H1 -> L1H2.q -> logits from other | ablate L0H2", "in the prompt's own run"),
    ("c | plot bar nothing", "nothing"),
    ("c.nothing", "there is no column"),
  ])
  func refused(line: String, error: String) throws {
    let (shell, _) = try reference("llama3")
    try shell.define(
      "let scores = one | patch each edges from other | attribute of (logit(33)); "
        + "let c = scores | circuit edges 60 greedy; "
        + "let nodes = one | patch each mlps from other | attribute of (logit(33))")
    let measured =
      line.hasPrefix("one | patch") && !line.contains("| circuit")
      || line.hasPrefix("one | ablate")
      || line.hasPrefix("one | only") && !line.contains("| logits")
        && !line.contains("| dla") && !line.contains("| generate")
    let result = shell.session.running(
      line + (measured ? " | effect of (logit(33))" : ""))
    #expect(result.status == .failed)
    #expect(result.messages.contains(error), "\(result.messages)")
  }

  @Test func circuitsOfAnotherModelAreRefused() throws {
    let (shell, _) = try reference("llama3")
    try shell.define(
      "let c = one | patch each edges from other | attribute of (logit(33)) | circuit edges 20 greedy; "
        + "let scores = one | patch each edges from other | attribute of (logit(33))")
    try shell.define(
      "load Tests/ModelTests/Fixtures/families/qwen3 as second; let q = prompt [1, 2]")
    for line in [
      "q | only c from q | rank of (logit(3))", "q | faithfulness scores from q of (logit(3))",
    ] {
      let result = shell.session.running(line)
      #expect(result.status == .failed)
      #expect(
        result.messages.contains("of 'families/llama3'")
          && result.messages.contains("'second' is run"),
        "\(result.messages)")
    }
  }

  @Test func noPathIsWarnedOf() throws {
    let (shell, _) = try reference("llama3")
    let result = try shell.run(
      "one | patch each L0H1 -> L1H2.q from other | attribute of (logit(33)) | circuit edges 1")
    #expect(result.messages.contains("no path from embed to logits"))
    let equal = try shell.run(
      "let scores = one | patch each edges from one | attribute of (logit(33)); "
        + "one | faithfulness scores from one of (logit(33)) sizes 50%")
    #expect(equal.messages.contains("nothing to be faithful to"))
  }
}
