import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite("The loss of texts")
struct LossTests {
  private static let folder =
    packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/texts").path

  private static func reference(_ name: String, of file: String) throws -> [Double] {
    try referenceTensor(name, ofPath: "\(folder)/\(file).safetensors")
  }

  /// 200 lines of text, code and several scripts, against transformers in float64.
  @Test func ofLines() throws {
    let shell = try PipedSession()
    try shell.define("let lines = texts \"\(Self.folder)/lines.txt\"")
    let losses = try shell.table("lines | loss")
    try expectClose(
      try losses.numbers("loss"), try Self.reference("loss", of: "losses"), within: 1e-4)
    try expectClose(
      try losses.numbers("entropy"), try Self.reference("entropy", of: "losses"), within: 1e-4)
    // Ranks in the thousands may move where logits are nearly equal.
    for (found, wanted) in zip(
      try losses.numbers("rank"), try Self.reference("rank", of: "losses"))
    {
      #expect(abs(found - wanted) <= (wanted / 500).rounded(.down), "\(found), not \(wanted)")
    }
    // What `perplexity` computes of each line, from the same numbers.
    let counts = try Self.reference("tokens", of: "losses").map { Int($0) }
    var left = try losses.numbers("loss")[...]
    let perplexities = counts.map { count in
      defer { left = left.dropFirst(count) }
      return Numerics.exp(left.prefix(count).reduce(0, +) / Double(count))
    }
    let wanted = try Self.reference("perplexity", of: "losses")
    try expectClose(
      zip(perplexities, wanted).map { $0 / $1 }, [Double](repeating: 1, count: 200), within: 1e-5)
    let (some, messages) = try shell.run("lines | take 20 | perplexity")
    #expect(try some.numbers("tokens") == counts.prefix(20).map(Double.init))
    #expect(try some.numbers("perplexity") == Array(perplexities.prefix(20)))
    let all = try losses.numbers("loss").prefix(counts.prefix(20).reduce(0, +))
    let mean = Numerics.exp(all.reduce(0, +) / Double(all.count))
    #expect(messages.contains("over all \(all.count) tokens"), "\(messages)")
    #expect(messages.contains(DecimalText((mean * 1e4).rounded() / 1e4).fixed(decimals: 4)))
  }

  /// Later windows count what no earlier one does.
  @Test func ofWindows() throws {
    let shell = try PipedSession()
    try shell.define(
      "let windows = texts \"\(Self.folder)/windowed.txt\" tokens 24 stride 9")
    let wanted = try Self.reference("loss", of: "windows")
    try expectClose(try shell.table("windows | loss").numbers("loss"), wanted, within: 1e-4)
    let counts = try shell.table("windows | perplexity").numbers("tokens")
    #expect(try counts == Self.reference("tokens", of: "windows"))
    // Every token but the first of the text counts once.
    let text = try shell.table("texts \"\(Self.folder)/windowed.txt\" tokens 9999 | tokens")
    #expect(counts.reduce(0, +) == Double(text.rowCount - 1))
  }

  /// A sweep of the planner's against runs that share nothing, to the bit.
  @Test(arguments: ["heads", "heads@*", "mlps@{1,-2}"])
  func sweepsEqualTheNaiveWay(targets: String) throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let sea = prompt \"Fact: the sea is a thing, and so is the sky.\"")
    let found = try shell.table("sea | ablate each \(targets) | effect of loss")
    let byPosition = try shell.table("sea | ablate each \(targets) | effect of loss at @*")
    let transformer = try #require(shell.session.model).transformer
    let tokens = try shell.table("sea | tokens").numbers("token_id").map { Int($0) }
    let set = try shell.session.asPrompts(
      try #require(shell.session.lookUp("sea")))
    let place = try Selector(parsing: targets)
    let places = try place.places(on: set.model.configuration, for: .editing)
    let positions = try set.prompts[0].positions(place.position ?? .all)
    let edits = places.flatMap { place in
      (targets.contains("@") ? positions.map { [$0] } : [positions]).map { positions in
        place.sites.map {
          Edit(site: $0.site, units: $0.units, positions: positions, change: .zero)
        }
      }
    }
    let requests = ([[]] + edits).map {
      RunRequest(tokens: tokens, edits: $0, logits: .all(Array(0..<tokens.count - 1)))
    }
    let losses = try transformer.runNaively(requests).map { run in
      zip(run.logits, tokens.dropFirst()).map { 0 - Distribution($0).logProbability($1) }
    }
    let means = losses.map { $0.reduce(0, +) / Double($0.count) }
    try #require(found.rowCount == edits.count)
    #expect(try found.numbers("base") == [Double](repeating: means[0], count: edits.count))
    #expect(try found.numbers("edited") == Array(means.dropFirst()))
    #expect(try found.numbers("effect") == means.dropFirst().map { $0 - means[0] })
    #expect(try byPosition.numbers("edited") == losses.dropFirst().flatMap(\.self))
    #expect(means.dropFirst().contains { $0 != means[0] })
  }

  @Test("BOS that is fed gives the first token a loss")
  func bos() throws {
    let shell = try PipedSession()
    let line = "prompt \"The Colosseum is in Rome\" | loss"
    let without = try shell.table(line)
    try shell.define("bos on")
    let with = try shell.table(line)
    #expect(with.rowCount == without.rowCount + 1)
    #expect(try with.texts("token").first == "The")
    #expect(try with.numbers("position").first == 1)
  }

  /// More positions than vocabularies would fit in: 2,000 of 49,152 floats are 390 MB.
  @Test func keepsNoVocabulary() throws {
    let model = try #require(try PipedSession().session.model)
    let tokens = (0..<2000).map { 100 + $0 % 900 }
    let queries = (0..<1999).map { LogitQuery(position: $0, tokens: [tokens[$0 + 1]]) }
    let request = RunRequest(tokens: tokens, logits: .summaries(queries))
    #expect(request.resultBytes(in: model.configuration) < 1 << 20)
  }
}
