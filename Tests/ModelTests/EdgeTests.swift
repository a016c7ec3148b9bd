import TestSupport
import Testing

@testable import Model

/// Their numbers are in `Tests/RuntimeTests/EdgeTests.swift`, against torch.
@Suite("Edges")
struct EdgeTests {
  /// (layers, heads, parallel, edges): GPT-2, Qwen 2.5 0.5B, Llama 3.1 8B, Llama 3.2 1B, Qwen 3 0.6B,
  /// Gemma 2 2B, SmolLM2 135M, Gemma 3 270M; Pythia 70M, 160M and 410M.
  @Test(arguments: [
    (12, 12, false, 32_491), (24, 14, false, 179_749), (32, 32, false, 1_592_881),
    (16, 32, false, 386_713), (28, 16, false, 317_171), (26, 8, false, 74_218),
    (30, 9, false, 123_211), (18, 4, false, 10_342), (6, 8, true, 3_580), (12, 12, true, 32_347),
    (24, 16, true, 231_493),
  ])
  func counts(layers: Int, heads: Int, isParallel: Bool, edges: Int) {
    #expect(EdgeGraph(layers: layers, heads: heads, isParallel: isParallel).count == edges)
  }

  @Test(arguments: [false, true])
  func everyPairIsAnEdgeOrHasAReasonNotToBe(isParallel: Bool) {
    let graph = EdgeGraph(layers: 3, heads: 2, isParallel: isParallel)
    #expect(graph.edges.count == graph.count && Set(graph.edges).count == graph.count)
    var reasons: [String: Int] = [:]
    for w in 0..<graph.writerCount {
      for r in 0..<graph.readerCount {
        let edge = Edge(from: graph.writer(at: w), to: graph.reader(at: r))
        #expect(graph.index(of: edge.writer) == w && graph.index(of: edge.reader) == r)
        let obstacle = graph.obstacle(to: edge)
        reasons["\(obstacle.map { "\($0)" } ?? "edge")", default: 0] += 1
      }
    }
    #expect(reasons["edge"] == graph.count)
    // Of each layer 2 heads by 6 readers; and by its MLP.
    #expect(reasons["betweenHeads"] == 36)
    #expect(reasons["parallelMLP"] == (isParallel ? 6 : nil))
    #expect(
      graph.obstacle(to: Edge(from: .mlp(layer: 1), to: .mlp(layer: 1))) == .backwards)
    #expect(graph.obstacle(to: Edge(from: .mlp(layer: 3), to: .logits)) == .unknown)
    #expect(
      graph.obstacle(to: Edge(from: .embed, to: .head(.q, layer: 0, head: 2))) == .unknown)
  }

  // MARK: - Against the reference way

  /// Bases with edits of edges too, whose private keys and values their variants read, and prompts
  /// that share a beginning in which edges are edited.
  @Test(
    "random edges among other edits: equal to the bit",
    arguments: ["tiny-gqa", "tiny-gqa.Q4_1.gguf"] + Family.all.map(\.path), 0..<2)
  func property(model: String, seed: Int) throws {
    let transformer = try TestModels.tiny(model).transformer
    var maker = RunMaker(
      configuration: transformer.configuration, generator: SeededGenerator(seed))
    var requests: [RunRequest] = []
    for _ in 0..<5 { requests += maker.edgeFamily(at: requests.count, variants: 6) }
    let found = try transformer.run(requests)
    let wanted = try transformer.runNaively(requests)
    for (i, request) in requests.enumerated() {
      expectSameBits(
        found[i], wanted[i], "\(request.edits.map { $0.edge?.description ?? $0.site.hookName })")
    }
  }

  // MARK: - Identities

  private static let tokens = [41, 7, 90, 23, 58, 12]
  private static let donor = [52, 7, 14, 71, 58, 9]

  /// What each writer gives in a run.
  private static func written(
    _ transformer: Transformer, _ tokens: [Int], edits: [Edit] = []
  ) throws -> [Edge.Writer: [[Float]]] {
    let c = transformer.configuration
    var captures: [Site: RunRequest.Positions] = [Site(.embed): .all]
    for layer in 0..<c.layers {
      captures[Site(.result, layer: layer)] = .all
      captures[Site(.mlpOut, layer: layer)] = .all
    }
    let run = try transformer.run([RunRequest(tokens: tokens, edits: edits, captures: captures)])[0]
    var written: [Edge.Writer: [[Float]]] = [
      .embed: try #require(run.activations[Site(.embed)]).rows
    ]
    for layer in 0..<c.layers {
      let result = try #require(run.activations[Site(.result, layer: layer)])
      for head in 0..<c.heads {
        written[.head(layer: layer, head: head)] = tokens.indices.map { Array(result[$0, head]) }
      }
      written[.mlp(layer: layer)] = try #require(run.activations[Site(.mlpOut, layer: layer)]).rows
    }
    return written
  }

  private static func edits(
    _ transformer: Transformer, from written: [Edge.Writer: [[Float]]],
    where isWanted: (Edge) -> Bool = { _ in true }
  ) -> [Edit] {
    EdgeGraph(transformer.configuration).edges.filter(isWanted).map { edge in
      Edit(edge: edge, positions: Array(tokens.indices), rows: written[edge.writer] ?? [])
    }
  }

  private static func logits(
    _ transformer: Transformer, _ tokens: [Int], _ edits: [Edit] = []
  ) throws -> [[Float]] {
    try transformer.run([
      RunRequest(tokens: tokens, edits: edits, logits: .all(Array(tokens.indices)))
    ])[0].logits
  }

  private func expectNear(_ found: [[Float]], _ wanted: [[Float]], unlike other: [[Float]]) {
    let gap = zip(found.joined(), wanted.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
    let distance = zip(other.joined(), wanted.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(gap < 2e-5 && distance > 0.05, "\(gap) of \(distance)")
  }

  @Test("a run's own numbers in every edge change no bit", arguments: Family.all)
  func own(family: Family) throws {
    let transformer = try TestModels.tiny(family.path).transformer
    let edits = Self.edits(transformer, from: try Self.written(transformer, Self.tokens))
    let found = try Self.logits(transformer, Self.tokens, edits)
    let wanted = try Self.logits(transformer, Self.tokens)
    for (found, wanted) in zip(found, wanted) { expectSameBits(found, wanted, family.name) }
  }

  @Test("all edges from another prompt make its run", arguments: Family.all)
  func all(family: Family) throws {
    let transformer = try TestModels.tiny(family.path).transformer
    let edits = Self.edits(transformer, from: try Self.written(transformer, Self.donor))
    expectNear(
      try Self.logits(transformer, Self.tokens, edits), try Self.logits(transformer, Self.donor),
      unlike: try Self.logits(transformer, Self.tokens))
  }

  /// Through a norm after attention too, whose scale the patched head moves.
  @Test(
    "all edges from a writer patch the writer", arguments: Family.all, [true, false])
  func writer(family: Family, isHead: Bool) throws {
    let transformer = try TestModels.tiny(family.path).transformer
    let other = try Self.written(transformer, Self.donor)
    let writer = isHead ? Edge.Writer.head(layer: 0, head: 1) : .mlp(layer: 0)
    let edits = Self.edits(transformer, from: other) { $0.writer == writer }
    let patched = Edit(
      site: Site(isHead ? .result : .mlpOut, layer: 0), units: isHead ? [1] : nil,
      positions: Array(Self.tokens.indices), change: .replace(other[writer] ?? []))
    expectNear(
      try Self.logits(transformer, Self.tokens, edits),
      try Self.logits(transformer, Self.tokens, [patched]),
      unlike: try Self.logits(transformer, Self.tokens))
  }

  /// With what the norm after attention divides by held, heads add up.
  @Test("a frozen norm after attention is frozen in copies too", arguments: ["gemma2", "gemma3"])
  func frozen(name: String) throws {
    let transformer = try TestModels.tiny("families/\(name)").transformer
    let other = try Self.written(transformer, Self.donor)
    let site = Site(.ln1PostScale, layer: 0)
    let clean = try transformer.run([RunRequest(tokens: Self.tokens, captures: [site: .all])])[0]
    let held = Edit(
      site: site, positions: Array(Self.tokens.indices),
      change: .replace(try #require(clean.activations[site]).rows))
    let sums = try [[0], [1], [0, 1]].map { heads in
      let edits = Self.edits(transformer, from: other) { edge in
        edge.reader == .logits && edge.writer.layer == 0 && heads.contains(edge.writer.head ?? -1)
      }
      return try Self.stream(transformer, [held] + edits)
    }
    let plain = try Self.stream(transformer, [held])
    for i in plain.indices {
      let gap = sums[0][i] + sums[1][i] - plain[i] - sums[2][i]
      #expect(abs(gap) < 1e-5)
    }
  }

  /// What the final norm reads at the last position, from what it gives.
  private static func stream(_ transformer: Transformer, _ edits: [Edit]) throws -> [Float] {
    let run = try transformer.run([
      RunRequest(
        tokens: tokens, edits: edits, captures: [Site(.lnFinalScale): .all], logits: .all([5]),
        isUncapped: true)
    ])[0]
    let scale = try #require(run.activations[Site(.lnFinalScale)])[5][0]
    return run.logits[0].map { $0 * scale }
  }

  // MARK: - Estimates

  /// Central differences through the naive run, with edits on the way from writer to number.
  @Test(
    "estimates agree with differences, whatever is edited",
    arguments: ["llama3", "gemma2", "gptj", "gpt_neox", "qwen3", "gpt2"])
  func differences(name: String) throws {
    let transformer = try TestModels.tiny("families/\(name)").transformer
    let c = transformer.configuration
    var generator = SeededGenerator(5)
    var edits = [
      Edit(site: Site(.k, layer: 1), units: [0], positions: [1, 3], change: .scale(1.7)),
      Edit(
        site: Site(.v, layer: 1), units: [c.keyValueHeads - 1], positions: [2], change: .scale(0.4)),
      Edit(site: Site(.v, layer: 0), units: [0], positions: [1], change: .zero),
      Edit(site: Site(.q, layer: 1), units: [1], positions: [5], change: .scale(1.5)),
      Edit(site: Site(.pattern, layer: 1), units: [1], positions: [5], change: .scale(0.6)),
      Edit(site: Site(.ln1Scale, layer: 1), positions: [3], change: .replace([[1.3]])),
      Edit(site: Site(.mlpPost, layer: 0), units: [0, 3], positions: [4], change: .zero),
      Edit(site: Site(.lnFinalScale), positions: [5], change: .scale(1.1)),
    ]
    if c.hasPostNorms {
      edits.append(
        Edit(site: Site(.ln1PostScale, layer: 0), positions: [3, 5], change: .scale(0.8)))
      edits.append(
        Edit(site: Site(.ln1PostScale, layer: 0), positions: [4], change: .replace([[1.1]])))
    }
    let terms = [
      LogitTerm(position: 5, .logProbabilities([.init(33, 1), .init(70, 0.5)])),
      LogitTerm(position: 3, .logits([.init(12, 2), .init(8, -1)])),
    ]
    let own = try Self.written(transformer, Self.tokens, edits: edits)
    let changes = EdgeGraph(c).writerCount
    var request = GradientRequest(tokens: Self.tokens, edits: edits, terms: terms, wanted: [:])
    let positions = Array(Self.tokens.indices)
    request.edges.changes = (0..<changes).map { index in
      EdgeQuestions.Change(
        writer: EdgeGraph(c).writer(at: index), positions: positions,
        rows: positions.map { _ in generator.floats(c.width, in: -0.5...0.5) })
    }
    let edges = EdgeGraph(c).edges.shuffled(using: &generator).prefix(40)
    request.edges.questions = edges.map {
      EdgeQuestions.Question(change: EdgeGraph(c).index(of: $0.writer), reader: $0.reader)
    }
    let found = try transformer.gradients(of: request)
    let largest = found.edges.reduce(0) { max($0, abs($1)) }
    #expect(largest > 0.1)
    let step: Float = 4e-3
    for (edge, estimate) in zip(edges, found.edges) {
      let change = request.edges.changes[EdgeGraph(c).index(of: edge.writer)].rows
      let values = try [step, -step].map { step in
        let rows = zip(try #require(own[edge.writer]), change).map { own, change in
          zip(own, change).map { $0 + step * $1 }
        }
        return try GradientTests.value(
          transformer, request, [Edit(edge: edge, positions: positions, rows: rows)])
      }
      let wanted = (values[0] - values[1]) / Double(2 * step)
      #expect(abs(estimate - wanted) < 4e-3 * largest, "\(edge): \(estimate), \(wanted)")
    }
  }

  @Test func questionsThatDoNotFitAreRefused() throws {
    let transformer = try TestModels.tiny("families/gptj").transformer
    let c = transformer.configuration
    func refusal(_ change: EdgeQuestions.Change, _ reader: Edge.Reader, place: Int = 0) -> String {
      var request = GradientRequest(
        tokens: [1, 2], terms: [LogitTerm(position: 1, .logits([.init(3, 1)]))], wanted: [:])
      request.edges = EdgeQuestions(
        changes: [change], questions: [.init(change: place, reader: reader)])
      do {
        _ = try transformer.gradients(of: request)
        return ""
      } catch { return "\(error)" }
    }
    let row = [Float](repeating: 1, count: c.width)
    let head = Edge.Writer.head(layer: 0, head: 1)
    let fits = EdgeQuestions.Change(writer: head, positions: [1], rows: [row])
    #expect(refusal(fits, .logits).isEmpty)
    #expect(refusal(fits, .mlp(layer: 0)).contains("no such edge"))
    #expect(refusal(fits, .logits, place: 1).contains("no such edge"))
    for (positions, rows) in [([2], [row]), ([1, 0], [row]), ([1], [[1, 2]])] {
      let change = EdgeQuestions.Change(writer: head, positions: positions, rows: rows)
      #expect(refusal(change, .logits).contains("needs \(c.width) numbers"))
    }
  }

  // MARK: - Heads that share keys

  @Test("an edge into a key is its query head's alone", arguments: [Edge.Input.k, .v])
  func grouped(input: Edge.Input) throws {
    let transformer = try TestModels.tiny("families/llama3").transformer
    let c = transformer.configuration
    try #require(c.heads(reading: 0) == 0..<2)
    let (z, site) = (Site(.z, layer: 1), Site(input == .k ? .k : .v, layer: 1))
    let rows = try #require(try Self.written(transformer, Self.donor)[.mlp(layer: 0)])
    func run(heads: [Int]) throws -> RunResult {
      let edits = heads.map { head in
        Edit(
          edge: Edge(from: .mlp(layer: 0), to: .head(input, layer: 1, head: head)),
          positions: Array(Self.tokens.indices), rows: rows)
      }
      return try transformer.run([
        RunRequest(tokens: Self.tokens, edits: edits, captures: [z: .all, site: .all])
      ])[0]
    }
    let (plain, one, both) = (try run(heads: []), try run(heads: [1]), try run(heads: [0, 1]))
    #expect(one.activations[site]?.rows == plain.activations[site]?.rows)
    let zs = try [plain, one, both].map { try #require($0.activations[z]) }
    for position in Self.tokens.indices {
      for head in 0..<c.heads {
        let (a, b, c) = (zs[0][position, head], zs[1][position, head], zs[2][position, head])
        #expect((a == b) == (head != 1 || position == 0 && input == .k), "\(head)@\(position)")
        #expect((a == c) == (head > 1 || position == 0 && input == .k), "\(head)@\(position)")
      }
    }
  }

  // MARK: - Errors

  @Test func whatIsNoEdgeIsRefused() throws {
    let transformer = try TestModels.tiny("families/gptj").transformer
    let c = transformer.configuration
    func refusal(_ edge: Edge, width: Int? = nil, before: [Edit] = []) -> String {
      let edit = Edit(
        edge: edge, positions: [0], rows: [[Float](repeating: 0, count: width ?? c.width)])
      do {
        _ = try transformer.run([RunRequest(tokens: [1, 2], edits: before + [edit])])
        return ""
      } catch { return "\(error)" }
    }
    let edge = Edge(from: .head(layer: 0, head: 1), to: .logits)
    #expect(refusal(edge).isEmpty)
    #expect(refusal(edge, width: 3).contains("needs \(c.width) numbers"))
    #expect(
      refusal(Edge(from: .head(layer: 0, head: 1), to: .mlp(layer: 0))).contains("has no edge"))
    let whole = Edit(site: Site(.attnOut, layer: 0), positions: [0], change: .zero)
    #expect(refusal(edge, before: [whole]).contains("is edited as a whole"))
  }
}
