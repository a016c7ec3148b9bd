import TestSupport
import Testing

@testable import Model

/// A variant that is what its base is costs no rows, and gives its base's bits.
@Suite("Runs that rejoin what they vary")
struct RejoinTests {
  private static let tokens = [41, 300, 9, 266, 91, 277, 18]
  private static let last = tokens.count - 1

  /// The base first; `rows` is what each variant cost beyond it.
  private static func run(_ transformer: Transformer, _ edits: [[Edit]], base: [Edit] = []) throws
    -> (results: [RunResult], rows: [Int], planned: [Int])
  {
    let logits = RunRequest.Logits.all([2, last])
    let plain = RunRequest(tokens: tokens, edits: base, logits: logits)
    func cost(_ requests: [RunRequest]) throws -> (rows: Int, planned: Int) {
      let record = try transformer.run(requests) { _, _ in }
      let batches = try RunPlanner(transformer, memory: .max).batches(requests)
      return (record.rowLayers, batches.reduce(0) { $0 + $1.schedule.rowLayers })
    }
    let alone = try cost([plain])
    #expect(alone.rows == alone.planned)
    let variants = edits.map {
      RunRequest(tokens: tokens, edits: base + $0, base: 0, logits: logits)
    }
    let costs = try variants.map { try cost([plain, $0]) }
    let requests = [plain] + variants
    let results = try transformer.run(requests)
    for (found, wanted) in zip(results, try transformer.runNaively(requests)) {
      expectSameBits(found, wanted)
    }
    return (results, costs.map { $0.rows - alone.rows }, costs.map { $0.planned - alone.planned })
  }

  @Test(
    "what can be told beforehand to change nothing costs nothing",
    arguments: ["tiny-gqa", "tiny-mha"])
  func idle(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let configuration = transformer.configuration
    let edits = Site.all(of: configuration).flatMap { site -> [[Edit]] in
      let width =
        configuration.unitCount(site)
        * configuration.unitWidth(site.activation, sources: 1)
      var changes: [Edit.Change] = [.scale(1)]
      if !site.activation.isOverSources {
        changes.append(.add((0..<width).map { $0 % 2 == 0 ? 0 : -0.0 }))
      }
      return changes.map { [Edit(site: site, positions: [1, 4], change: $0)] }
        + [[Edit(site: site, units: [], positions: [1, 4], change: .scale(3))]]
    }
    let (results, rows, planned) = try Self.run(transformer, edits)
    #expect(rows.allSatisfy { $0 == 0 } && planned.allSatisfy { $0 == 0 })
    for result in results { expectSameBits(result, results[0]) }
  }

  @Test("a cut of sources that a position does not see costs that position nothing")
  func cuts() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let cut = { (positions: [Int]) in
      [
        Edit(
          site: Site(.attnScores, layer: 2), positions: positions,
          change: .cut(sources: [4, 5]))
      ]
    }
    let (_, rows, _) = try Self.run(transformer, [cut([2, 3, 6]), cut([6])])
    #expect(rows == [1, 1])
  }

  /// At the stream before the layer is begun, elsewhere after it.
  @Test("the values that were there", arguments: ["tiny-gqa", "tiny-mha", "tiny-gqa.Q4_1.gguf"])
  func sameValues(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let configuration = transformer.configuration
    let clean = try transformer.run([RunRequest.everything(Self.tokens, of: configuration)])[0]
    for site in Site.all(of: configuration) {
      let kept = try #require(clean.activations[site])
      let edit = Edit(site: site, positions: [1, 4], change: .replace([kept[1], kept[4]]))
      let (results, rows, planned) = try Self.run(transformer, [[edit]])
      expectSameBits(results[1], results[0])
      let count = configuration.layers
      switch site.activation {
      case .embed, .residPre: #expect(rows == [0] && planned[0] > 0, "\(site.hookName)")
      // Nothing comes after the last layer's.
      case .lnFinalScale: break
      case _ where site.layer + 1 == count: #expect(rows == planned, "\(site.hookName)")
      default: #expect(rows[0] <= Self.tokens.count - 1 && rows[0] < planned[0], "\(site.hookName)")
      }
    }
  }

  /// Positions before the first that differs rejoin; it and all after it do not.
  @Test("rows before the first that differs", arguments: ["tiny-gqa", "tiny-mha"])
  func some(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let configuration = transformer.configuration
    let site = Site(.residPre, layer: 1)
    let clean = try transformer.run([RunRequest.everything(Self.tokens, of: configuration)])[0]
    let kept = try #require(clean.activations[site])
    func edit(changed: Set<Int>) -> [Edit] {
      let positions = Array(0...5)
      let rows = positions.map { position in
        kept[position].enumerated().map { i, x in
          changed.contains(position) && i == 9 ? x + 1 : x
        }
      }
      return [Edit(site: site, positions: positions, change: .replace(rows))]
    }
    let (results, rows, _) = try Self.run(
      transformer,
      [edit(changed: [3]), edit(changed: [0]), edit(changed: [2, 5]), edit(changed: [])])
    let layers = configuration.layers
    // In the last layer but the two that are asked for: positions 2 and 6.
    func cost(from first: Int) -> Int {
      (Self.tokens.count - first) * (layers - 2) + (first <= 2 ? 2 : 1)
    }
    #expect(rows == [cost(from: 3), cost(from: 0), cost(from: 2), 0])
    expectSameBits(results[4], results[0])
  }

  @Test("a stream that both runs are given, whatever was done before it")
  func frozen() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let configuration = transformer.configuration
    var generator = SeededGenerator(5)
    let freeze = Edit(
      site: Site(.residPost, layer: 1), positions: Array(Self.tokens.indices),
      change: .replace(
        Self.tokens.map { _ in generator.floats(configuration.width, in: 0.1...1) }))
    let ablation = Edit(site: Site(.z, layer: 0), units: [1], positions: [3], change: .zero)
    let other = Edit(site: Site(.z, layer: 2), units: [1], positions: [Self.last], change: .zero)
    let (results, rows, planned) = try Self.run(
      transformer, [[ablation], [ablation, other]], base: [freeze])
    expectSameBits(results[1], results[0])
    #expect(results[2].logits[1] != results[0].logits[1])
    #expect(rows[0] < planned[0])
    // One that will be changed again goes on.
    #expect(rows[1] == planned[1])
  }

  /// Where only its variants are asked for, it stops before what the final norm alone would read.
  @Test("a base that only serves ends before its variants do, and goes on where one rejoins it")
  func silentBase() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let configuration = transformer.configuration
    let (layers, count) = (configuration.layers, Self.tokens.count)
    let clean = try transformer.run([RunRequest.everything(Self.tokens, of: configuration)])[0]
    for layer in 0..<layers {
      let site = Site(.residPre, layer: layer)
      let row = try #require(clean.activations[site])[Self.last]
      for (change, rejoins) in [(Edit.Change.replace([row]), true), (.zero, false)] {
        let edit = Edit(site: site, positions: [Self.last], change: change)
        let variant = RunRequest(
          tokens: Self.tokens, edits: [edit], base: 0, logits: .all([Self.last]))
        let batch = Batch(
          [
            (-1, RunRequest(tokens: Self.tokens), nil, Fork(unsharedOf: count)),
            (0, variant, 0, Fork([edit], count: count, layers: layers)),
          ], layers: layers)
        #expect(batch.schedule.through[layers - 1] == 1)
        let planned = (layers - 1) * count + layers - layer
        #expect(batch.schedule.rowLayers == planned)
        var executor = try Executor(transformer, batch: batch)
        var (rows, spared) = (0, 0)
        try executor.run {
          rows += $0
          spared += $1
        }
        #expect(spared == (rejoins ? layers - layer - 1 : 0) && rows == planned - spared)
        _ = try executor.nextResult()
        let found = try #require(try executor.nextResult()).result
        expectSameBits(
          found, try transformer.runNaively([RunRequest(tokens: Self.tokens), variant])[1])
      }
    }
  }
}
