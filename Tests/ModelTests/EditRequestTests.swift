import Testing

@testable import Model

@Suite("Runs that cannot be are refused")
struct EditRequestTests {
  private static let tokens = [5, 300, 17]

  /// Expects an error about the request that names all of `parts`.
  private func expectRefused(
    _ requests: [RunRequest], _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    for run in [transformer.run, transformer.runNaively] as [([RunRequest]) throws -> [RunResult]] {
      do {
        _ = try run(requests)
        Issue.record("run, instead of \(parts)", sourceLocation: sourceLocation)
      } catch let error as ModelError {
        #expect(error.kind == .request, sourceLocation: sourceLocation)
        let text = error.message + "\n" + (error.help ?? "")
        for part in parts {
          #expect(text.contains(part), "in: \(text)", sourceLocation: sourceLocation)
        }
      }
    }
  }

  private func edited(_ edit: Edit) -> [RunRequest] {
    [RunRequest(tokens: Self.tokens, edits: [edit])]
  }

  @Test func tokens() throws {
    try expectRefused([RunRequest(tokens: [])], "no tokens")
    try expectRefused([RunRequest(tokens: [1, 320])], "320", "0 to 319")
    try expectRefused([RunRequest(tokens: [-1])], "-1")
    try expectRefused([RunRequest(tokens: [.max, .min])], "\(Int.max)")
  }

  /// Learned positions end with the model's context; RoPE goes on.
  @Test func tokensBeyondTheContext() throws {
    let learned = try TestModels.tiny("families/gpt2").transformer
    let context = learned.configuration.context
    #expect(throws: ModelError.self) {
      try learned.run([RunRequest(tokens: [Int](repeating: 1, count: context + 1))])
    }
    let rotary = try TestModels.tiny("tiny-gqa").transformer
    let beyond = RunRequest(
      tokens: [Int](repeating: 1, count: rotary.configuration.context + 1),
      logits: .tokens([1], position: rotary.configuration.context))
    #expect(try rotary.run([beyond])[0].logits[0][0].isFinite)
  }

  @Test func logits() throws {
    for position in [-1, 3, .max, .min] {
      try expectRefused(
        [RunRequest(tokens: Self.tokens, logits: .all([0, position]))], "\(position)", "0 to 2")
      try expectRefused(
        [RunRequest(tokens: Self.tokens, logits: .tokens([1], position: position))], "\(position)")
    }
    try expectRefused(
      [RunRequest(tokens: Self.tokens, logits: .tokens([1, 320], position: 0))], "token 320")
    try expectRefused(
      [RunRequest(tokens: Self.tokens, logits: .tokens([-1], position: 0))], "token -1")
  }

  @Test func captures() throws {
    for (layer, position) in [(3, 0), (-1, 0), (.max, 0), (0, 3), (0, -1)] {
      let site = Site(.z, layer: layer)
      try expectRefused(
        [RunRequest(tokens: Self.tokens, captures: [site: .some([position])])], "there is no")
    }
    try expectRefused(
      [RunRequest(tokens: Self.tokens, captures: [Site(.z, layer: 3): .all])], "layer 3", "0 to 2")
  }

  @Test(arguments: Activation.ofLlama)
  func places(_ activation: Activation) throws {
    let site = Site(activation, layer: 1)
    for position in [-1, 3, .max, .min] {
      try expectRefused(
        edited(Edit(site: site, positions: [0, position], change: .zero)), "position \(position)")
    }
    try expectRefused(
      edited(Edit(site: site, positions: [1, 1], change: .zero)), "twice", site.hookName)
    let units = try TestModels.tiny("tiny-gqa").configuration.unitCount(site)
    for unit in [-1, units, .max] {
      try expectRefused(
        edited(Edit(site: site, units: [unit], positions: [1], change: .zero)), "\(unit)",
        site.hookName)
    }
    try expectRefused(
      edited(Edit(site: site, units: [0, 0], positions: [1], change: .zero)), "twice")
    if activation.isInLayer {
      for layer in [-1, 3, .max] {
        try expectRefused(
          edited(Edit(site: Site(activation, layer: layer), positions: [1], change: .zero)),
          "layer \(layer)", "0 to 2")
      }
    }
  }

  @Test(arguments: Activation.ofLlama)
  func replacements(_ activation: Activation) throws {
    let site = Site(activation, layer: 1)
    let configuration = try TestModels.tiny("tiny-gqa").configuration
    let width = configuration.unitWidth(activation, sources: 3)
    let units = configuration.unitCount(site)
    func replace(_ rows: [Int], units: [Int]? = nil) -> [RunRequest] {
      edited(
        Edit(
          site: site, units: units, positions: [2],
          change: .replace(rows.map { [Float](repeating: 1, count: $0) })))
    }
    try expectRefused(replace([]), "0 vectors", "1 positions")
    try expectRefused(replace([units * width, units * width]), "2 vectors")
    for count in [0, units * width - 1, units * width + 1] {
      try expectRefused(replace([count]), "\(count) numbers", "\(units * width)")
    }
    if units > 1 { try expectRefused(replace([units * width], units: [0]), "\(width) are needed") }
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    _ = try transformer.run(replace([units * width]))
    _ = try transformer.run(replace([width], units: [units - 1]))
  }

  @Test("a factor, a vector and a cut that cannot be")
  func changes() throws {
    func change(_ activation: Activation, _ change: Edit.Change, at positions: [Int] = [2])
      -> [RunRequest]
    {
      edited(Edit(site: Site(activation, layer: 1), positions: positions, change: change))
    }
    try expectRefused(change(.mlpOut, .scale(.infinity)), "multiply by inf")
    for zero in [Edit.Change.zero, .scale(0), .scale(-0.0), .replace([[0]])] {
      try expectRefused(change(.ln1Scale, zero), "blocks.1.ln1.hook_scale", "cannot be zero")
    }
    try expectRefused(change(.mlpOut, .add([1, 2])), "adds 2 numbers")
    try expectRefused(change(.pattern, .add([1, 2])), "as wide as its position")
    try expectRefused(change(.pattern, .cut(sources: [0])), "not at", "attn_scores")
    try expectRefused(change(.attnScores, .cut(sources: [3])), "no position 3")
    try expectRefused(change(.attnScores, .cut(sources: [2]), at: [0, 1]), "only looks back")
    try expectRefused(change(.attnScores, .cut(sources: [])), "cuts nothing")
    try expectRefused(
      change(.attnScores, .cut(sources: [0, 1, 2])), "L1H0 at position 2", "no source left")
    var two = edited(
      Edit(site: Site(.attnScores, layer: 1), positions: [1], change: .cut(sources: [0])))
    for i in two.indices where !two[i].edits.isEmpty {
      two[i].edits.append(
        Edit(
          site: Site(.attnScores, layer: 1), units: [1], positions: [1], change: .cut(sources: [1])
        ))
    }
    try expectRefused(two, "L1H1 at position 1")
  }

  @Test func bases() throws {
    let plain = RunRequest(tokens: Self.tokens)
    let edit = Edit(site: Site(.z, layer: 0), positions: [0], change: .zero)
    let other = Edit(site: Site(.z, layer: 1), positions: [0], change: .zero)
    func varying(_ base: Int, tokens: [Int] = Self.tokens, _ edits: [Edit] = []) -> RunRequest {
      RunRequest(tokens: tokens, edits: edits, base: base)
    }
    let edited = RunRequest(tokens: Self.tokens, edits: [edit])
    for requests in [
      [plain, varying(-1)], [plain, varying(2)], [plain, varying(1)], [plain, varying(.max)],
      [plain, varying(0), varying(1)], [plain, varying(0, tokens: [5, 300])],
      [edited, varying(0)], [edited, varying(0, [other])],
      [RunRequest(tokens: Self.tokens, edits: [edit, other]), varying(0, [other, edit])],
    ] {
      try expectRefused(requests, "base")
    }
  }

  @Test("a base may come after what varies it, and edits may be empty")
  func unusual() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let edit = Edit(site: Site(.z, layer: 1), units: [], positions: [0, 1], change: .zero)
    let nowhere = Edit(site: Site(.z, layer: 1), positions: [], change: .replace([]))
    let logits = RunRequest.Logits.all([2])
    let requests = [
      RunRequest(tokens: Self.tokens, edits: [edit], base: 2, logits: logits),
      RunRequest(tokens: Self.tokens, edits: [nowhere], base: 2, logits: logits),
      RunRequest(tokens: Self.tokens, logits: logits),
      RunRequest(tokens: Self.tokens, edits: [nowhere, edit], base: 2, logits: logits),
    ]
    let results = try transformer.run(requests)
    for result in results { expectSameBits(result, results[2]) }
    #expect(try transformer.run([]).isEmpty)
  }
}
