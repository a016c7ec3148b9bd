import Lang
import Model
import TestSupport
import Testing

@testable import Runtime

/// A model that looks back only: what a measure reads at a position is what it reads at the end of the
/// text up to there, to the bit.
@Suite("Positions that measures read")
struct ReadingTests {
  private let shell: PipedSession

  init() throws {
    shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define(
      """
      let whole = prompt "Fact: {subject:the sea} {relation:is a thing}" -> "b" vs "c", "a"
      let other = prompt "Fact: {subject:the sky} {relation:is a thing}" -> "b" vs "c", "a"
      let short = prompt "Fact: {subject:the sea} {relation:is}" -> "b" vs "c", "a"
      let shorter = prompt "Fact: {subject:the sky} {relation:is}" -> "b" vs "c", "a"
      """)
  }

  /// The position where `short` ends in `whole`.
  private func end() throws -> Int {
    let (short, whole) = (try shell.table("short | tokens"), try shell.table("whole | tokens"))
    let ids = try short.numbers("token_id")
    try #require(try Array(whole.numbers("token_id").prefix(ids.count)) == ids)
    try #require(whole.rowCount > ids.count + 1)
    return ids.count - 1
  }

  @Test(arguments: [
    "logits", "probs", "rank", "logit_diff", "dla", "dla by layer", "dla by head", "dla by source",
    "dla by head, span", "dla by span", "dla by head of logit_diff", "dla by head centred",
    "dla by head on \"b\", \"c\"", "lens", "lens top 3", "attention heads",
    "ablate L0H1@2 | rank", "ablate L0H1@2 | dla by source", "ablate L0H1 | lens",
    "ablate each heads@2 | effect", "ablate each heads@2 | effect of logit",
    "ablate each heads@2 | effect of prob", "ablate each heads@2 | effect of rank",
    "ablate each heads@2 | effect of kl", "scale L1.mlp@1 by 2 | effect of logprob",
  ])
  func likeTheEndOfAShorterText(measure: String) throws {
    let end = try end()
    let wanted = try shell.table("short | \(measure)")
    let found = try shell.table("whole | \(measure) at @\(end)")
    try expectEqual(found, wanted)
    // Among several, next to the columns that say where.
    let keepsPosition = measure.contains("lens") || measure.contains("attention")
    let name = keepsPosition ? "position" : "read_position"
    let several = try shell.table("whole | \(measure) at @{0,\(end)} | where \(name) == \(end)")
    let plain = several.columns.filter { !["read_position", "read_token"].contains($0.name) }
    try expectEqual(Table(columns: plain), wanted)
    if !keepsPosition {
      #expect(several.columnNames.prefix(2) == ["read_position", "read_token"])
      #expect(try Set(several.texts("read_token")) == [" is"])
    }
  }

  @Test("a donor is read at the same place")
  func donors() throws {
    let end = try end()
    for metric in ["logit_diff", "logit", "prob", "kl"] {
      let wanted = try shell.table(
        "short | patch each L*.resid_pre@* from shorter | effect of \(metric)")
      let found = try shell.table(
        "whole | patch each L*.resid_pre@0..\(end) from other | effect of \(metric) at @\(end)")
      try expectEqual(found, wanted)
    }
  }

  @Test("every position by every spelling of all")
  func spellings() throws {
    let wanted = try shell.table("whole | lens top 2 at @*")
    for line in [
      "lens top 2 at *", "lens at * top 2", "lens at @* top 2", "lens --at=@* top 2",
      "lens top 2 at 0..-1 | sort layer, position", "lens top 2 at @subject, @other, relation",
    ] {
      try expectEqual(try shell.table("whole | \(line)"), wanted)
    }
    try expectEqual(
      try shell.table("whole | attention heads at *"), try shell.table("whole | attention heads@*"))
    try expectEqual(
      try shell.table("whole | activations L1.resid_pre at subject"),
      try shell.table("whole | activations L1.resid_pre@subject"))
    try expectEqual(
      try shell.table("(whole | rank at *)"), try shell.table("whole | rank at @*"))
  }

  @Test("the answer `next` is the token that follows")
  func next() throws {
    try shell.define("let sea = prompt \"Fact: the sea is a thing\" -> next")
    let tokens = try shell.table("sea | tokens")
    let rows = try shell.table("sea | rank at @*")
    #expect(try rows.texts("answer") == Array(try tokens.texts("token").dropFirst()))
    #expect(try rows.texts("read_token") == Array(try tokens.texts("token").dropLast()))
    let losses = try shell.table("sea | loss")
    #expect(try rows.numbers("logprob").map { -$0 } == losses.numbers("loss"))
    #expect(try rows.numbers("rank") == losses.numbers("rank"))
    #expect(try losses.numbers("position") == (1..<tokens.rowCount).map(Double.init))
    // Attributions close against the logit of each token.
    let (sums, messages) = try shell.run("sea | dla at @* | group by read_position sum dla")
    try expectClose(try sums.numbers("dla"), try rows.numbers("logit"), within: 1e-4)
    #expect(messages.contains("over \(rows.rowCount) attributions"))
    let lens = try shell.table("sea | lens at @* | where layer == 3")
    #expect(try lens.numbers("logit") == rows.numbers("logit"))
    let effects = try shell.table("sea | ablate L0.mlp | effect of logprob at @*")
    #expect(try effects.numbers("base") == rows.numbers("logprob"))
  }

  /// At every layer the answer's tokens are read where they are predicted.
  @Test("the lens of an answer of several tokens sums over them")
  func lensOfWholeAnswers() throws {
    try shell.define(
      """
      let long = prompt "Fact: the sea is a" -> whole " thing"
      let follow = prompt "Fact: the sea is a thing" -> next
      let set = prompt "Fact: the sea is a" -> "b", "c", "e"
      """)
    let (long, text) = (try shell.table("long | tokens"), try shell.table("follow | tokens"))
    try #require(
      try Array(text.numbers("token_id").prefix(long.rowCount)) == long.numbers("token_id"))
    let count = text.rowCount - long.rowCount
    try #require(count > 1)
    let lens = try shell.table("long | lens")
    let parts = try shell.table("follow | lens at @\(long.rowCount - 1)..\(text.rowCount - 2)")
    #expect(lens.rowCount == 4 && parts.rowCount == 4 * count)
    for layer in 0..<4 {
      let rows = layer * count..<(layer + 1) * count
      func numbers(_ name: String) throws -> [Double] { try Array(parts.numbers(name)[rows]) }
      try expectClose(
        [try lens.numbers("logprob")[layer], try lens.numbers("logit")[layer]],
        [try numbers("logprob").reduce(0, +), try numbers("logit").reduce(0, +)], within: 1e-4)
      #expect(try lens.numbers("rank")[layer] == numbers("rank").max())
    }
    // The last layer's is the model's own, of sets of answers too.
    for name in ["long", "set"] {
      let last = try shell.table("\(name) | lens | take -1")
      let rank = try shell.table("\(name) | rank")
      for column in ["logit", "prob", "logprob", "rank"] {
        #expect(try last.numbers(column) == rank.numbers(column), "\(name) \(column)")
      }
      #expect(try last.texts("token") == rank.texts("answer"))
    }
  }

  @Test("prompts are read together as one by one, whatever is read of each")
  func lensOfMany() throws {
    try shell.define("let many = [whole, other, short, shorter, whole]")
    for measure in ["lens", "lens top 3", "lens top 200 at @*", "lens at @{0,last}"] {
      let all = try shell.table("many | \(measure)")
      let one = try ["whole", "other", "short", "shorter", "whole"].map {
        try shell.table("\($0) | \(measure)")
      }
      for column in ["layer", "position", "rank", "token_id", "logit", "logprob"] {
        #expect(try all.numbers(column) == one.flatMap { try $0.numbers(column) }, "\(measure)")
      }
    }
    let batches = try shell.table("plan many | lens").numbers("batches")
    #expect(batches == [1])
  }

  @Test(arguments: [
    ("whole | rank at @99", "there is no position 99"),
    ("whole | rank at @nothing", "there is no span 'nothing'"),
    ("whole | rank at L0H0", "`rank at` takes a position, not 'L0H0'"),
    ("whole | rank at \"xyz\"", "does not occur in"),
    ("whole | rank at []", "this list is empty"),
    ("whole | attention L0H0@last at @0", "`at` and `@` both give positions"),
    ("prompt \"a b\" -> next | rank", "no token follows the last position"),
    ("prompt \"a b\" -> next | rank", "read other positions: rank at @*"),
    ("prompt \"a b\" -> next | known", "looks at one answer after the prompt"),
    ("prompt \"a b\" -> first next", "`next` is one token"),
    ("prompt \"a b\" | rank at @*", "needs an answer"),
    ("prompt [5] | loss", "is a single token: no token follows"),
    ("whole | patch L0.resid_pre@last from (prompt \"a b c\") | effect at @*", "its donor at"),
  ])
  func errors(line: String, error: String) throws {
    let (status, _, messages) = shell.session.running(line)
    #expect(status == .failed)
    #expect(messages.contains(error), "\(messages)")
    #expect(messages.contains(" --> test:1:"), "\(messages)")
  }

  @Test func planned() throws {
    let host = try #require(shell.session.host as? TestHost)
    for line in [
      "whole | rank at @*", "whole | dla by source at @*", "whole | loss", "whole | lens at @*",
      "whole | ablate each heads@* | effect of loss", "whole | ablate each heads | effect at @*",
    ] {
      let plan = try shell.table("plan \(line)")
      host.forgetProgress()
      _ = try shell.table(line)
      #expect(try plan.numbers("rows").last == Double(host.rowsRun), "\(line)")
      #expect(try plan.numbers("flops").last ?? 0 > 0)
    }
  }
}

/// Whether two tables have the same columns and cells, to the last digit.
func expectEqual(
  _ found: Table, _ wanted: Table, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  try #require(found.columnNames == wanted.columnNames, sourceLocation: sourceLocation)
  try #require(found.rowCount == wanted.rowCount, sourceLocation: sourceLocation)
  try #require(wanted.rowCount > 0, sourceLocation: sourceLocation)
  for column in wanted.columns {
    let other = try found.column(column.name)
    let worst = (0..<wanted.rowCount).first { column[$0].description != other[$0].description }
    #expect(
      worst == nil,
      "\(column.name), row \(worst ?? 0): \(other[worst ?? 0]), not \(column[worst ?? 0])",
      sourceLocation: sourceLocation)
  }
}
