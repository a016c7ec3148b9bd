import Testing

@testable import Model
@testable import Runtime

/// Numbers that F32 cannot hold are missing, and a statement says so once.
@Suite("Numbers that are infinite or NaN")
struct NotFiniteTests {
  let shell: PipedSession

  init() throws { shell = try PipedSession() }

  private static let warning = "some numbers of the model are infinite or NaN"

  /// An MLP that overflows, and one whose square alone does, which a norm then divides by.
  @Test(
    "every measure shows what is missing",
    arguments: [
      ("rank", ["logit", "prob", "logprob", "rank", "logit_diff"]),
      ("logit_diff", ["logit", "logit_diff"]), ("logits | top 3", ["rank", "logit", "prob"]),
      ("probs", ["rank", "logit", "prob", "logprob"]),
      ("lens | take -3", ["rank", "logit", "prob", "logprob"]),
      ("lens top 2 | take -3", ["rank", "logit", "prob"]), ("dla", ["dla"]),
      ("dla by layer", ["dla"]), ("dla by head, span", ["dla"]),
      ("dla by source | take 40", ["dla"]), ("dla by span of logit_diff", ["dla"]),
      ("effect", ["edited", "effect"]), ("effect of kl", ["edited", "effect"]),
      ("effect of rank", ["edited", "effect"]), ("effect of prob", ["edited", "effect"]),
      ("attention L29H1", ["weight"]), ("activations L29.resid_post@last | take 9", ["value"]),
    ])
  func missing(measure: String, columns: [String]) throws {
    for (factor, place) in [("1e38", "L10.mlp_out"), ("1e22", "L11.ln1.scale")] {
      // Only what comes after a norm is lost by the second.
      if factor == "1e22", measure.hasPrefix("activations") { continue }
      let (table, messages) = try shell.run(
        "colosseum | scale L10.mlp by \(factor) | \(measure)")
      #expect(table.rowCount > 0)
      for column in columns {
        #expect(try table.numbers(column).allSatisfy(\.isNaN), "\(column)")
      }
      #expect(messages.components(separatedBy: Self.warning).count == 2, "\(messages)")
      #expect(messages.contains("the first is at \(place), position 0"), "\(messages)")
      #expect(!messages.contains("parts sum to"))
    }
  }

  @Test func nothingIsGenerated() throws {
    let (table, messages) = try shell.run("colosseum | scale L10.mlp by 1e38 | generate 3")
    #expect(table.rowCount == 0 && messages.contains(Self.warning))
    let known = shell.session.running("colosseum | scale L10.mlp by 1e38 | known")
    #expect(known.status == .failed && known.messages.contains(Self.warning))
  }

  /// Before layer 10 all is well.
  @Test func onlyWhatDependsOnThem() throws {
    let ranks = try shell.table("colosseum | scale L10.mlp by 1e38 | lens").numbers("rank")
    #expect(ranks.prefix(11).allSatisfy { !$0.isNaN } && ranks.dropFirst(11).allSatisfy(\.isNaN))
  }

  @Test func onceAStatement() throws {
    let said = shell.session.running(
      """
      for factor in [1e38, 1e37] { colosseum | scale L10.mlp by factor | rank }
      colosseum | scale L10.mlp by 1e38 | rank | append (colosseum | scale L9.mlp by 1e38 | rank)
      colosseum | rank
      """)
    #expect(said.status == .done)
    #expect(said.messages.components(separatedBy: Self.warning).count == 3, "\(said.messages)")
  }

  @Test func classesWarnOfWhatIsLeftOut() throws {
    let said = shell.session.running(
      """
      let broken = colosseum | scale L10.mlp by 1e38 | dla by head, span
      colosseum | dla by head, span | append broken | classify
      """)
    #expect(said.messages.contains("rows have no value, and are left out"), "\(said.messages)")
  }

  /// In a LayerNorm as in an RMSNorm.
  @Test(arguments: [NormKind.rootMeanSquare, .layer])
  func normsOverflow(kind: NormKind) {
    let norm = Transformer.Norm(
      kind: kind, weight: [1, 1, 1, 1], bias: kind == .layer ? [0, 0, 0, 0] : [])
    var out: [Float] = [0, 0, 0, 0]
    for (x, isFinite) in [([1, 2, 3, 4], true), ([1e30, 2e30, -3e30, 0], false)] {
      let x = x.map(Float.init)
      let scale = norm.scale(of: x, 4, 1e-5, Kernels.current)
      norm.apply(to: x, scale: scale, 4, Kernels.current, into: &out)
      #expect(out.isFinite == isFinite && out.contains(where: \.isNaN) == !isFinite)
    }
  }

  @Test(
    arguments: [
      [1, .nan, 2], [.infinity, 1, 2], [1, 2, -.infinity], [.nan, .nan, .nan],
      [.infinity, -.infinity, .nan],
    ] as [[Float]])
  func distributions(logits: [Float]) throws {
    let distribution = Distribution(logits)
    #expect(!distribution.isFinite && distribution.probability(0).isNaN)
    #expect(logits.indices.allSatisfy { distribution.rank($0) == nil })
    #expect(distribution.divergence(from: Distribution([1, 2, 3])).isNaN)
    #expect(Distribution([1, 2, 3]).divergence(from: distribution).isNaN)
    let order = distribution.largest(3)
    #expect(order.sorted() == [0, 1, 2])
    let isMissing = order.map { distribution.logit($0).isNaN }
    let numbers = isMissing.count { !$0 }
    #expect(isMissing.prefix(numbers).allSatisfy { !$0 }, "numbers first")
    #expect(distribution.largest(0).isEmpty)
  }
}
