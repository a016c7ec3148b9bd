import TestSupport
import Testing

@testable import Model

/// Attention in blocks against the reference way, a query and a head at a time. Prompts here are
/// longer than the windows of the models that have some, and than a block.
@Suite("Attention in blocks gives the same bits as a query at a time")
struct AttentionBlockTests {
  static let models = ["tiny-gqa", "tiny-mha", "tiny-gqa.Q4_1.gguf"] + Family.all.map(\.path)

  private static func tokens(_ count: Int, of transformer: Transformer) -> [Int] {
    (0..<count).map { 3 + $0 * 37 % (transformer.configuration.vocabulary - 20) }
  }

  /// Around multiples of the rows of a block and of the lanes of a softmax.
  private static func lengths(_ transformer: Transformer) -> [Int] {
    [1, 3, 5, 11, 12, 13, 15, 16, 17, 25, 33, 40].filter { $0 <= transformer.configuration.context }
  }

  @Test("whatever the length", arguments: models)
  func lengths(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let requests = Self.lengths(transformer).map { count in
      RunRequest(
        tokens: Self.tokens(count, of: transformer),
        captures: [Site(.z, layer: transformer.configuration.layers - 1): .all],
        logits: .all([count - 1]))
    }
    let wanted = try transformer.runNaively(requests)
    for (i, found) in try transformer.run(requests).enumerated() {
      expectSameBits(found, wanted[i], "\(requests[i].tokens.count) tokens")
    }
  }

  @Test("where scores and patterns are kept", arguments: models)
  func kept(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let count = Self.lengths(transformer).last ?? 1
    let request = RunRequest.everything(
      Self.tokens(count, of: transformer), of: transformer.configuration)
    expectSameBits(
      try transformer.run([request])[0], try transformer.runNaively([request])[0])
  }

  /// Runs that vary the last rows share most of their keys, and some meet in one block.
  @Test("where runs share keys", arguments: models)
  func variants(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let configuration = transformer.configuration
    let count = min(37, configuration.context)
    let tokens = Self.tokens(count, of: transformer)
    var generator = SeededGenerator(7)
    var requests = [RunRequest(tokens: tokens, logits: .all([count - 1]))]
    for variant in 0..<14 {
      let position = variant.isMultiple(of: 2) ? count - 1 : count - 1 - variant
      let activation: Activation = [.z, .k, .v, .residPre][variant % 4]
      let site = Site(activation, layer: variant % configuration.layers)
      let width = configuration.unitCount(site) * configuration.unitWidth(activation, sources: 0)
      requests.append(
        RunRequest(
          tokens: tokens,
          edits: [
            Edit(
              site: site, positions: [position],
              change: .add(generator.floats(width, in: 0.5...2)))
          ], base: 0, captures: [Site(.z, layer: configuration.layers - 1): .some([count - 1])],
          logits: .all([count - 1])))
    }
    let wanted = try transformer.runNaively(requests)
    for (i, found) in try transformer.run(requests).enumerated() {
      expectSameBits(found, wanted[i], "variant \(i)")
    }
  }

  /// The weight of a source that the window hides is 0, and an edit of the pattern can change that.
  @Test("where the pattern is edited beyond the window", arguments: models)
  func editedPattern(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let configuration = transformer.configuration
    let count = min(37, configuration.context)
    let tokens = Self.tokens(count, of: transformer)
    var generator = SeededGenerator(8)
    let positions = [count - 1, count / 2, count - 2]
    let site = Site(.pattern, layer: 0)
    let rows = positions.map { position in
      generator.floats(
        configuration.unitCount(site) * configuration.unitWidth(.pattern, sources: position + 1),
        in: 0.1...1)
    }
    let request = RunRequest(
      tokens: tokens, edits: [Edit(site: site, positions: positions, change: .replace(rows))],
      captures: [Site(.z, layer: 0): .all], logits: .all([count - 1]))
    expectSameBits(
      try transformer.run([request])[0], try transformer.runNaively([request])[0])
  }

  @Test("on any number of threads", arguments: 1...4)
  func threads(width: Int) throws {
    let path = Fixtures.path("tiny-gqa.F16.gguf")
    let transformer = try TestModels.transformer(gguf: path, width: width)
    let request = RunRequest.everything(
      Self.tokens(40, of: transformer), of: transformer.configuration)
    let alone = RunRequest(tokens: request.tokens, logits: request.logits)
    let wanted = try TestModels.transformer(gguf: path, width: 1).runNaively([request])[0]
    let found = try transformer.run([request, alone])
    expectSameBits(found[0], wanted)
    expectSameBits(found[1].logits.flatMap { $0 }, wanted.logits.flatMap { $0 })
  }

  /// A number that is none, in a row that a query does not see, must not reach it.
  @Test("where rows that a query does not see are infinite")
  func unseen() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let tokens = Self.tokens(20, of: transformer)
    let width = transformer.configuration.width
    let edit = Edit(
      site: Site(.residPre, layer: 0), positions: [13],
      change: .replace([[Float](repeating: .infinity, count: width)]))
    let logits = RunRequest.Logits.all(Array(0..<13))
    let found = try transformer.run([
      RunRequest(tokens: tokens, logits: logits),
      RunRequest(
        tokens: tokens, edits: [edit], captures: [Site(.z, layer: 1): .some([19])], logits: logits),
    ])
    expectSameBits(found[0].logits.flatMap { $0 }, found[1].logits.flatMap { $0 })
    #expect(found[1].activations.values.allSatisfy { $0.rows[0].contains { $0.isNaN } })
  }

  /// Softmax adds source j in lane j mod 16, so that a block must begin at a multiple of 16.
  @Test("which hold every row once, and read what it sees", arguments: [nil, 1, 5, 20, 40, 70])
  func division(window: Int?) {
    let tokens = [Int](repeating: 3, count: 100)
    let attention = LayerAttention(window: window)
    let logits = RunRequest.Logits.all(Array(tokens.indices))
    var requests: [(index: Int, request: RunRequest, base: Int?, fork: Fork)] = [
      (0, RunRequest(tokens: tokens, logits: logits), nil, Fork(unsharedOf: 100))
    ]
    for (i, position) in [99, 99, 98, 50, 51, 50, 1].enumerated() {
      var fork = Fork(unsharedOf: 100)
      for earlier in 0..<position { fork.layers[earlier] = Fork.never }
      requests.append((i + 1, RunRequest(tokens: tokens, base: 0, logits: logits), 0, fork))
    }
    let batch = Batch(requests, layers: 2)
    let sources = batch.rowNumbers
    let blocks = AttentionBlocks(batch, sources: sources, atOnce: 12, window: attention)
    #expect(blocks.blocks.flatMap { blocks.rows[$0.rows] }.sorted() == Array(batch.rows.indices))
    let owners = blocks.blocks.map { Set(blocks.rows[$0.rows].map { batch.rows[$0].owner }).count }
    #expect(owners.contains { $0 > 1 }, "runs that share their keys meet in a block")
    for block in blocks.blocks {
      let rows = blocks.rows[block.rows].map { batch.rows[$0] }
      #expect(rows.count <= 12)
      #expect(block.start.isMultiple(of: 16))
      #expect(rows.allSatisfy { block.start <= attention.firstSource(of: $0.position) })
      #expect(block.sources == rows.map { $0.position + 1 }.max())
      #expect(block.sources - block.start <= blocks.longest)
      for row in rows {
        for source in 0..<min(block.shared, block.sources, row.position + 1) {
          #expect(sources[row.owner][source] == sources[rows[0].owner][source])
        }
      }
    }
  }
}
