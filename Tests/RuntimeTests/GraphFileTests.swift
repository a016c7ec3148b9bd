import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite("Attribution graphs that cannot be, and their files")
struct GraphFileTests {
  private func shell(_ lines: String...) throws -> PipedSession {
    let shell = try PipedSession(tiny: "families/llama3")
    try shell.define("let asked = prompt [41, 7, 90, 23] -> \"x\"")
    for line in lines { try shell.define(line) }
    return shell
  }

  private static let first =
    "dictionary \"\(graphFixtures)/llama3/layer_0.safetensors\" at L0.mlp_out as t0 reads stream"
  private static let second =
    "dictionary \"\(graphFixtures)/llama3/layer_1.safetensors\" at L1.mlp_out as t1 reads norm"

  @Test(
    "lines that are refused",
    arguments: [
      ("asked | graph top 0", "`top` takes a count from 1"),
      ("asked | graph logits 0", "`logits` takes a count from 1"),
      ("[asked, (prompt [41, 8] -> \"x\")] | graph", "a graph is of one prompt"),
      ("asked | ablate L0H0 | graph", "a graph is of a run without edits"),
      ("asked | ablate each L0H* | graph", "cannot be taken of a sweep"),
      ("asked | rank | save \"x.json\" as circuit_tracer", "made of the table of `graph`"),
    ])
  func refusals(line: String, message: String) throws {
    let result = try shell(Self.first, Self.second).session.running(line)
    #expect(result.status != .done)
    #expect(result.messages.contains(message), "\(result.messages)")
  }

  @Test func transcoders() throws {
    let none = try shell().session.running("asked | graph")
    #expect(none.messages.contains("needs transcoders, and none is in use"), "\(none.messages)")
    let twice = try shell(Self.first, Self.first.replacing("as t0", with: "as other"))
      .session.running("asked | graph")
    #expect(twice.messages.contains("stand for the same: L0.mlp_out"), "\(twice.messages)")
  }

  @Test func autoencoders() throws {
    let shell = try PipedSession(tiny: "tiny-gqa")
    try shell.define(
      "dictionary \"\(Fixtures.path("dictionaries/standard"))\" at L1.resid_post as sae")
    let result = shell.session.running("prompt [41, 7] | graph")
    #expect(
      result.messages.contains("'sae' is an autoencoder of L1.resid_post"), "\(result.messages)")
  }

  @Test func budget() throws {
    let shell = try shell(Self.first, Self.second)
    let transformer = try #require(shell.session.model).transformer
    let request = try AttributionGraphRequest(
      tokens: [41, 7, 90, 23], transcoders: shell.session.dictionaries.map(\.placed),
      mostFeatures: 10, mostLogits: 2)
    let result = try transformer.run([
      RunRequest(
        tokens: request.tokens, captures: request.captures(in: transformer.configuration),
        logits: request.logits, isUncapped: true)
    ])[0]
    #expect(throws: ModelError.self) {
      try transformer.attributionGraph(request, of: result, memory: 1000)
    }
  }

  @Test func plan() throws {
    let shell = try shell(Self.first)
    let table = try shell.table("plan asked | graph")
    let dictionary = shell.session.dictionaries.map(\.dictionary)
    #expect(try table.texts("step") == ["graph", "backwards", "total"])
    #expect(try table.numbers("runs") == [1, 0, 1])
    // 10 logits and all features at 4 positions, each at 4 positions of 2 layers.
    let features = try #require(dictionary.first).features
    #expect(try table.numbers("rows")[1] == Double((10 + 4 * features) * 4 * 2))
    #expect(try table.numbers("bytes")[1] > 0)
    #expect(try table.numbers("seconds")[1] > 0)
  }

  /// Every node and link as circuit-tracer 0.5.0 names and numbers them.
  @Test func file() throws {
    let shell = try shell(Self.first, Self.second)
    let path = FileManager.default.temporaryDirectory
      .appending(path: "graph-\(UUID().uuidString).json").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    let table = try shell.table("asked | graph")
    try shell.define("asked | graph | save \"\(path)\" as circuit_tracer")
    let data = try #require(FileManager.default.contents(atPath: path))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let file = try decoder.decode(TracedGraph.self, from: data)
    #expect(path.hasSuffix(file.metadata.slug + ".json"))
    #expect(file.metadata.promptTokens.count == 4)
    #expect(Set(file.nodes.map(\.nodeId)).count == file.nodes.count)
    let ids = Set(file.nodes.map(\.nodeId))
    #expect(file.links.allSatisfy { ids.contains($0.source) && ids.contains($0.target) })
    let kept = try zip(table.texts("source"), table.numbers("weight"))
      .filter { !["bias", "rest"].contains($0.0) }
    #expect(file.links.map(\.weight) == kept.map(\.1))
    let tokens = file.nodes.filter { $0.featureType == "embedding" }
    #expect(tokens.map(\.nodeId) == ["E_41_0", "E_7_1", "E_90_2", "E_23_3"])
    let features = file.nodes.filter { $0.featureType == "cross layer transcoder" }
    #expect(!features.isEmpty)
    for node in features {
      let parts = node.nodeId.split(separator: "_").compactMap { Int($0) }
      let sum = parts[0] + parts[1]
      let pair = sum * (sum + 1) / 2 + parts[1]
      #expect(node.feature == pair)
      #expect(node.layer == "\(parts[0])" && node.ctxIdx == parts[2])
      #expect((node.activation ?? 0) > 0 && (node.influence ?? 0) > 0)
    }
    let logits = file.nodes.filter { $0.featureType == "logit" }
    #expect(logits.count == 10 && logits.count { $0.isTargetLogit } == 1)
    #expect(logits.allSatisfy { $0.layer == "3" && $0.tokenProb > 0 && $0.clerp.contains("(p=") })
    #expect(file.nodes.contains { $0.nodeId == "error_1_3" && $0.feature == -1 })
    let influences = file.nodes.compactMap(\.influence)
    #expect(abs((influences.max() ?? 0) - 1) < 1e-12)
  }

  private struct TracedGraph: Decodable {
    var metadata: Metadata
    var nodes: [Node]
    var links: [Link]

    struct Metadata: Decodable {
      var slug, scan, prompt: String
      var promptTokens: [String]
    }

    struct Node: Decodable {
      var nodeId, layer, featureType, jsNodeId, clerp: String
      var feature, ctxIdx: Int
      var isTargetLogit: Bool
      var tokenProb: Double
      var activation, influence: Double?
    }

    struct Link: Decodable {
      var source, target: String
      var weight: Double
    }
  }
}
