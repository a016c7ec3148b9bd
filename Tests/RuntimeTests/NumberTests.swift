import TestSupport
import Testing

@testable import Runtime

/// Logits within 2e-4, attributions within 1e-4, attention within 1e-5.
@Suite("What the measures print, against float64 references")
struct NumberTests {
  let shell: PipedSession
  let wanted: ColosseumReference

  init() throws {
    shell = try PipedSession()
    wanted = try ColosseumReference.read()
  }

  @Test func logits() throws {
    let all = try shell.table("colosseum | logits")
    #expect(all.rowCount == 49152)
    // Alike logits share a rank.
    let (ranks, values) = (try all.numbers("rank"), try all.numbers("logit"))
    let wrong = ranks.indices.first { row in
      let isTied = row > 0 && values[row] == values[row - 1]
      return ranks[row] != (isTied ? ranks[row - 1] : Double(row + 1))
    }
    #expect(wrong == nil)
    let best = try all.take(10)
    #expect(try best.numbers("token_id") == wanted.top10Ids.map(Double.init))
    try expectClose(try best.numbers("logit"), wanted.top10Logits, within: 2e-4)
    let foil = try shell.table("colosseum | logits | where token_id == \(wanted.foilId)")
    try expectClose(try foil.numbers("logit"), [wanted.foilLogit], within: 2e-4)
    #expect(try shell.table("colosseum | logits | top 10") == best)
    try expectClose([try all.numbers("prob").sorted().reduce(0, +)], [1], within: 1e-9)
  }

  @Test func rank() throws {
    let row = try shell.table("colosseum | rank")
    #expect(try row.numbers("rank") == [1])
    try expectClose(try row.numbers("logit"), [wanted.answerLogit], within: 2e-4)
    try expectClose(try row.numbers("logprob"), [wanted.answerLogprob], within: 2e-4)
    let foils = try shell.table(
      "colosseum | logits | where token in [\" Spain\", \" France\"]"
    ).numbers("logit")
    let difference = try row.numbers("logit")[0] - foils.reduce(0, +) / 2
    try expectClose(try row.numbers("logit_diff"), [difference], within: 1e-5)
    #expect(try shell.table("colosseum | logit_diff") == row)
  }

  @Test func lens() throws {
    let rows = try shell.table("colosseum | lens")
    #expect(try rows.numbers("layer") == (0...30).map(Double.init))
    try expectClose(try rows.numbers("logit"), wanted.logitLensAnswer, within: 2e-4)
  }

  @Test func attention() throws {
    let rows = try shell.table("colosseum | attention heads")
    try expectClose(
      try rows.numbers("weight"), Array(wanted.attentionLast.joined().joined()), within: 1e-5)
    #expect(try rows.numbers("source").prefix(12) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0])
    #expect(try rows.texts("component")[11] == "L0H1")
  }

  // MARK: Attribution

  @Test func byComponent() throws {
    let (rows, messages) = try shell.run("colosseum | dla")
    let heads = (0..<270).map { "L\($0 / 9)H\($0 % 9)" }
    let names = ["embed"] + heads + (0..<30).map { "L\($0).mlp" }
    let values = [wanted.dlaEmbed] + wanted.dlaHead.joined() + wanted.dlaMlp
    #expect(try rows.texts("component") == names)
    try expectClose(try rows.numbers("dla"), values, within: 1e-4)
    try expectClose(
      [try rows.numbers("dla").reduce(0, +)], [wanted.answerLogit], within: 2e-4)
    #expect(try Self.gap(messages) < 1e-4)
    #expect(try shell.table("colosseum | dla by component") == rows)
  }

  @Test func byHeadAndByLayer() throws {
    let heads = try shell.table("colosseum | dla by head")
    try expectClose(try heads.numbers("dla"), Array(wanted.dlaHead.joined()), within: 1e-4)
    let layers = try shell.table("colosseum | dla by layer")
    let sums = zip(wanted.dlaHead, wanted.dlaMlp).map { $0.reduce(0, +) + $1 }
    try expectClose(try layers.numbers("dla"), sums, within: 1e-4)
  }

  @Test func bySource() throws {
    let rows = try shell.table("colosseum | dla by source")
    try expectClose(
      try rows.numbers("dla"), Array(wanted.dlaHeadSource.joined().joined()), within: 1e-4)
    #expect(try rows.texts("token").prefix(4) == ["Fact", ":", " The", " Col"])
    #expect(try rows.numbers("source").suffix(2) == [9, 10])
    #expect(try shell.table("colosseum | dla by head, source") == rows)
  }

  @Test func bySpan() throws {
    let spans = try shell.table("colosseum | dla by head, span")
    try expectClose(
      try spans.numbers("dla"), Array(wanted.dlaHeadSpan.joined().joined()), within: 1e-4)
    #expect(try spans.texts("span").prefix(3) == ColosseumReference.spanNames[...])

    let totals = try shell.table("colosseum | dla by span")
    #expect(try totals.texts("span") == ColosseumReference.spanNames)
    let sources = try shell.table("colosseum | dla by source")
    let (places, values) = (try sources.numbers("source"), try sources.numbers("dla"))
    let sums = ColosseumReference.spans.map { span in
      zip(places, values).filter { span.contains(Int($0.0)) }.reduce(0) { $0 + $1.1 }
    }
    try expectClose(try totals.numbers("dla"), sums, within: 1e-5)
    let heads = try spans.grouped(by: ["span"], [Aggregate(.sum, "dla")]).table
    try expectClose(try heads.numbers("dla"), sums, within: 1e-5)
  }

  @Test func ofOtherTokens() throws {
    let rows = try shell.table(#"colosseum | dla on " Italy", " Spain", " France""#)
    let columns = try ["dla Italy", "dla Spain", "dla France"].map(rows.numbers)
    let answer = try shell.table("colosseum | dla").numbers("dla")
    #expect(columns[0] == answer)

    let mean = try shell.table(#"colosseum | dla on " Italy", " Spain", " France" mean"#)
    let sums = answer.indices.map { (columns[0][$0] + columns[1][$0] + columns[2][$0]) / 3 }
    try expectClose(try mean.numbers("dla"), sums, within: 1e-5)

    let (difference, messages) = try shell.run("colosseum | dla of logit_diff")
    let less = answer.indices.map { columns[0][$0] - (columns[1][$0] + columns[2][$0]) / 2 }
    try expectClose(try difference.numbers("dla"), less, within: 1e-5)
    #expect(try Self.gap(messages) < 1e-4)
    try expectClose(
      [try difference.numbers("dla").reduce(0, +)],
      try shell.table("colosseum | rank").numbers("logit_diff"), within: 1e-4)
  }

  /// Centred is less the mean over the vocabulary, which is the same for every token.
  @Test func centred() throws {
    let (rows, messages) = try shell.run("colosseum | dla centred")
    #expect(try Self.gap(messages) < 1e-4)
    let plain = try shell.table(#"colosseum | dla on " Italy", " Rome""#)
    let less = try shell.table(#"colosseum | dla on " Italy", " Rome" centred"#)
    #expect(try less.numbers("dla Italy") == rows.numbers("dla"))
    func difference(_ table: Table) throws -> [Double] {
      zip(try table.numbers("dla Italy"), try table.numbers("dla Rome")).map(-)
    }
    try expectClose(try difference(less), try difference(plain), within: 1e-5)

    let logits = try shell.table("colosseum | logits").numbers("logit")
    let mean = logits.reduce(0, +) / Double(logits.count)
    try expectClose(
      [try rows.numbers("dla").reduce(0, +)], [wanted.answerLogit - mean], within: 2e-4)
    // Of a difference the mean falls out.
    try expectClose(
      try shell.table("colosseum | dla of logit_diff centred").numbers("dla"),
      try shell.table("colosseum | dla of logit_diff").numbers("dla"), within: 1e-5)
  }

  /// The same against the oracle, whose foils are " France" and " Paris".
  @Test(arguments: ["logit": "", "centred": "centred", "logit_diff": "of logit_diff"])
  func objectives(name: String, words: String) throws {
    let model = try #require(shell.session.model)
    let foils = [4649, 7476].map { "\"\(model.tokenizer.text(of: $0))\"" }
    try shell.define(
      "let asked = prompt \"Fact: The Colosseum is in the country of\" -> \" Italy\" vs "
        + foils.joined(separator: ", "))
    let file = "smollm2.colosseum.safetensors"
    let heads = try shell.table("asked | dla by head \(words)").numbers("dla")
    try expectClose(
      heads, try referenceTensor("dla.\(name).head", of: file), within: 1e-4, name)
    let sources = try shell.table("asked | dla by source \(words)").numbers("dla")
    try expectClose(
      sources, try referenceTensor("dla.\(name).source", of: file), within: 1e-4, name)
    let parts = try shell.table("asked | dla \(words)").numbers("dla")
    try expectClose(
      [parts.reduce(0, +)], try referenceTensor("dla.\(name).whole", of: file), within: 2e-4, name)
  }

  /// An edited run has a scale of its own, and its parts sum to its own logit.
  @Test func anEditedRunSumsToo() throws {
    try shell.define(
      "let edited = colosseum | ablate L23H4@last | ablate L9.attn | ablate L5.mlp@subject")
    let (rows, messages) = try shell.run("edited | dla")
    let logit = try shell.table("edited | rank").numbers("logit")
    #expect(abs(logit[0] - wanted.answerLogit) > 0.1, "the edit changes something")
    try expectClose([try rows.numbers("dla").reduce(0, +)], logit, within: 1e-4)
    #expect(try Self.gap(messages) < 1e-4)

    let heads = try shell.table("edited | dla by head")
    let sources = try shell.table("edited | dla by source")
    let sums = try sources.grouped(by: ["component"], [Aggregate(.sum, "dla")]).table
    #expect(try sums.texts("component") == heads.texts("component"))
    try expectClose(try sums.numbers("dla"), try heads.numbers("dla"), within: 1e-5)
    #expect(try sources.texts("token").filter { $0 == "edited" }.count > 0)
  }

  /// The gap that the sum check states.
  private static func gap(_ messages: String) throws -> Double {
    let text = try #require(
      messages.split(separator: "the gap is ").last?.split(separator: "\n").first)
    return try #require(Double(text))
  }
}
