import TestSupport
import Testing

@testable import Model

/// Their numbers are in `Tests/RuntimeTests/CircuitTests.swift`, against torch.
@Suite("Circuits")
struct CircuitTests {
  private static let graphs = [
    EdgeGraph(layers: 3, heads: 2, isParallel: false),
    EdgeGraph(layers: 4, heads: 3, isParallel: true),
    EdgeGraph(layers: 1, heads: 1, isParallel: false),
  ]

  // MARK: - Choosing

  /// Drops what has no way on, until nothing changes.
  private static func prunedSlowly(_ circuit: Circuit) -> Set<Edge> {
    var edges = Set(circuit.edges)
    while true {
      let sources = Set(edges.map(\.writer))
      let ends = Set(edges.compactMap(\.reader.writer))
      let kept = edges.filter { edge in
        (edge.writer == .embed || ends.contains(edge.writer))
          && (edge.reader.writer.map(sources.contains) ?? true)
      }
      if kept.count == edges.count { return edges }
      edges = kept
    }
  }

  @Test(arguments: graphs)
  func pruningLeavesPaths(graph: EdgeGraph) {
    var generator = SeededGenerator(3)
    var sizes: Set<Int> = []
    for share in [1, 2, 3, 5, 8] {
      for _ in 0..<20 {
        let numbers = (0..<graph.count).filter { _ in
          Int.random(in: 0...9, using: &generator) < share
        }
        let circuit = Circuit(graph, edges: numbers)
        let pruned = circuit.pruned()
        #expect(Set(pruned.edges) == Self.prunedSlowly(circuit))
        #expect(pruned.count == pruned.edges.count && pruned.pruned() == pruned)
        sizes.insert(pruned.count)
      }
    }
    #expect(graph.layers == 1 || sizes.count > 20)
  }

  @Test(arguments: graphs)
  func edgesAndTheRestAreAll(graph: EdgeGraph) {
    var generator = SeededGenerator(4)
    let circuit = Circuit(
      graph, edges: (0..<graph.count).filter { _ in Bool.random(using: &generator) })
    let outside = circuit.outside.flatMap { reader, writers in
      writers.map { Edge(from: graph.writer(at: $0), to: reader) }
    }
    #expect(Set(outside).isDisjoint(with: circuit.edges))
    #expect(Set(outside).union(circuit.edges) == Set(graph.edges))
    #expect(Circuit(graph, isWhole: true).outside.isEmpty)
    #expect(circuit.edges.map(graph.number) == circuit.numbers)
    let removed = circuit.removing([0])
    #expect(removed.edges == circuit.edges.filter { $0.writer != .embed })
    #expect(removed.count == removed.edges.count)
  }

  @Test(arguments: graphs, [true, false])
  func greedyAndRanked(graph: EdgeGraph, isAbsolute: Bool) {
    var generator = SeededGenerator(5)
    // Few values, so that some are equal.
    let scores = (0..<graph.count).map { _ in Double(Int.random(in: -6...6, using: &generator)) }
    func key(_ number: Int) -> Double { isAbsolute ? abs(scores[number]) : scores[number] }
    let edges = graph.edges
    for count in [1, 4, graph.count / 2, graph.count, graph.count + 5] {
      let selection = CircuitSelection(isGreedy: false, isAbsolute: isAbsolute)
      let ranked = selection.edges(count, by: scores, of: graph)
      let order = (0..<graph.count).sorted { (-key($0), $0) < (-key($1), $1) }
      #expect(ranked.numbers == order.prefix(count).sorted())

      var (there, chosen) = (Set<Edge.Writer?>([nil]), [Int]())
      while chosen.count < count {
        let open = edges.indices.filter {
          there.contains(edges[$0].reader.writer) && !chosen.contains($0)
        }
        guard let best = open.min(by: { (-key($0), $0) < (-key($1), $1) }) else { break }
        chosen.append(best)
        there.insert(edges[best].writer)
      }
      let greedy = CircuitSelection(isGreedy: true, isAbsolute: isAbsolute)
        .edges(count, by: scores, of: graph)
      #expect(greedy.numbers == chosen.sorted(), "\(count)")
    }
  }

  @Test func whatHasNoScoreIsNotChosen() {
    let graph = Self.graphs[0]
    var scores = [Double](repeating: .nan, count: graph.count)
    scores[3] = -1
    for isGreedy in [true, false] {
      let found = CircuitSelection(isGreedy: isGreedy, isAbsolute: true)
        .edges(9, by: scores, of: graph)
      #expect(found.numbers == (isGreedy ? [] : [3]))
    }
  }

  @Test func componentsKeepTheEdgesBetweenThem() {
    let graph = Self.graphs[0]
    let scores = (0..<graph.writerCount).map { Double($0 % 4) - 1.2 }
    let found = CircuitSelection(isGreedy: false, isAbsolute: false)
      .nodes(2, by: scores, of: graph)
    // Writers 3 (L0.mlp) and 7 have 1.8.
    let nodes: Set<Edge.Writer?> = [nil, .embed, graph.writer(at: 3), graph.writer(at: 7)]
    #expect(
      found.edges
        == graph.edges.filter { nodes.contains($0.writer) && nodes.contains($0.reader.writer) })
  }

  @Test(arguments: graphs)
  func randomCircuitsLieOnPaths(graph: EdgeGraph) {
    var generator = SeededGenerator(6)
    var seen: Set<[Int]> = []
    for count in [1, 2, 5, graph.count / 2, graph.count] {
      let circuit = Circuit.random(count, of: graph, using: &generator)
      #expect(circuit.count == count && circuit.pruned() == circuit, "\(count)")
      seen.insert(circuit.numbers)
    }
    #expect(Circuit.random(0, of: graph, using: &generator).count == 0)
    #expect(seen.count == 5 || graph.count < 6)
  }

  // MARK: - Runs

  @Test(
    "circuits among other edits: equal to the bit",
    arguments: ["tiny-gqa", "tiny-gqa.Q4_1.gguf"] + Family.all.map(\.path), 0..<2)
  func property(model: String, seed: Int) throws {
    let transformer = try TestModels.tiny(model).transformer
    var maker = RunMaker(
      configuration: transformer.configuration, generator: SeededGenerator(seed + 40))
    var requests: [RunRequest] = []
    for _ in 0..<4 { requests += maker.circuitFamily(at: requests.count, variants: 3) }
    let found = try transformer.run(requests)
    let wanted = try transformer.runNaively(requests)
    for (i, request) in requests.enumerated() {
      expectSameBits(
        found[i], wanted[i],
        "\(request.edits.map { $0.reader.map { "\($0)" } ?? $0.site.hookName })")
    }
  }

  private static let tokens = [41, 7, 90, 23, 58, 12]
  private static let donor = [52, 7, 14, 71, 58, 9]

  private static func given(_ transformer: Transformer, _ tokens: [Int]) throws -> GivenWrites {
    let layers = 0..<transformer.configuration.layers
    var captures: [Site: RunRequest.Positions] = [Site(.embed): .all]
    for layer in layers {
      captures[Site(.result, layer: layer)] = .all
      captures[Site(.mlpOut, layer: layer)] = .all
    }
    let run = try transformer.run([RunRequest(tokens: tokens, captures: captures)])[0]
    func rows(_ site: Site) throws -> [[Float]] { try #require(run.activations[site]).rows }
    return GivenWrites(
      embed: try rows(Site(.embed)), heads: try layers.map { try rows(Site(.result, layer: $0)) },
      mlps: try layers.map { try rows(Site(.mlpOut, layer: $0)) })
  }

  private static func logits(
    _ transformer: Transformer, _ tokens: [Int], _ circuit: Circuit?, _ given: GivenWrites
  ) throws -> [[Float]] {
    let edits = (circuit?.outside ?? []).map {
      Edit(
        outside: OutsideReads(reader: $0.reader, writers: $0.writers, given: given),
        positions: Array(tokens.indices))
    }
    return try transformer.run([
      RunRequest(tokens: tokens, edits: edits, logits: .all(Array(tokens.indices)))
    ])[0].logits
  }

  @Test("no edge kept is the donor's run; all are the run itself", arguments: Family.all)
  func identities(family: Family) throws {
    let transformer = try TestModels.tiny(family.path).transformer
    let graph = EdgeGraph(transformer.configuration)
    let other = try Self.given(transformer, Self.donor)
    let plain = try Self.logits(transformer, Self.tokens, nil, other)
    let empty = try Self.logits(transformer, Self.tokens, Circuit(graph), other)
    let donor = try Self.logits(transformer, Self.donor, nil, other)
    let gap = zip(empty.joined(), donor.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
    let distance = zip(plain.joined(), donor.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(gap < 2e-5 && distance > 0.05, "\(gap) of \(distance)")
    // The run's own numbers in place of what is outside move no bit.
    let own = try Self.given(transformer, Self.tokens)
    let kept = try Self.logits(transformer, Self.tokens, Circuit(graph), own)
    for (kept, plain) in zip(kept, plain) { expectSameBits(kept, plain, family.name) }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let transformer = try TestModels.tiny("families/gptj").transformer
    let given = try Self.given(transformer, Self.tokens)
    func refusal(
      _ reader: Edge.Reader, _ writers: [Int], _ given: GivenWrites, more: [Edit] = [],
      tokens: [Int] = CircuitTests.tokens
    ) -> String {
      let edit = Edit(
        outside: OutsideReads(reader: reader, writers: writers, given: given), positions: [0, 2])
      do {
        _ = try transformer.run([RunRequest(tokens: tokens, edits: [edit] + more)])
        return ""
      } catch { return "\(error)" }
    }
    #expect(refusal(.logits, [0, 1], given).isEmpty)
    #expect(refusal(.logits, [0, 1], GivenWrites()).isEmpty)
    #expect(refusal(.mlp(layer: 0), [0, 1], given).contains("no such edges"))
    #expect(refusal(.logits, [1, 0], given).contains("no such edges"))
    #expect(refusal(.logits, [0, 99], given).contains("no such edges"))
    #expect(refusal(.logits, [0], given, tokens: [1, 2, 3]).contains("does not fit"))
    let again = Edit(
      outside: OutsideReads(reader: .logits, writers: [0], given: given), positions: [1])
    #expect(refusal(.logits, [0], given, more: [again]).contains("one circuit only"))
    let whole = Edit(site: Site(.attnOut, layer: 0), positions: [0], change: .zero)
    #expect(refusal(.logits, [1], given, more: [whole]).contains("edited as a whole"))
  }
}
