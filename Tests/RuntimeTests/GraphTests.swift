import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What torch's autograd finds in float64: see `graphs.py` and `crosslayer.py` in `Scripts/reference/dictionaries`.
private struct GraphReference {
  struct Family: Decodable {
    var family: String
    var tokens: [Int]
    /// One for each of some layers.
    var transcoders: [Transcoder]?
    /// Or what a cross-layer transcoder reads, and where it is.
    var reads, folder: String?
    var logits, active: Int
    var sources: [Source]
    var targets: [Target]
    /// `L0F3@2`
    var chosen: [String]
  }

  struct Transcoder: Decodable {
    var layer: Int
    var reads: String
  }

  struct Source: Decodable {
    var name: String
    var position: Int
    var activation: Double?
    var influence: Double
  }

  struct Target: Decodable {
    var name: Name
    var position: Int
    var value: Double
    var prob: Double?
    var bias: Double
    var weights: [Double]
  }

  /// A feature, or a token's id.
  enum Name: Decodable {
    case feature(String)
    case token(Int)

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let token = try? container.decode(Int.self) {
        self = .token(token)
      } else {
        self = .feature(try container.decode(String.self))
      }
    }
  }

  static let all: [Family] = {
    func read<T: Decodable>(_ name: String, _ type: T.Type) -> T? {
      let path = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/\(name)")
      return try? JSONDecoder().decode(type, from: Data(contentsOf: path))
    }
    return (read("graphs.json", PerLayer.self)?.families ?? [])
      + (read("crosslayer.json", CrossLayer.self)?.graphs ?? [])
  }()

  private struct PerLayer: Decodable {
    var families: [Family]
  }

  private struct CrossLayer: Decodable {
    var graphs: [Family]
  }
}

/// Transcoders for tiny models, by family.
let graphFixtures =
  packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/graphs").path

/// Cross-layer transcoders for tiny models, by family.
let crossLayerFixtures =
  packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/crosslayer").path

@Suite("Attribution graphs, against torch in float64")
struct GraphTests {
  private static let cases = Array(0..<13)

  private func shell(_ index: Int) throws -> (PipedSession, GraphReference.Family) {
    #expect(GraphReference.all.count == Self.cases.count)
    let wanted = GraphReference.all[index]
    let shell = try PipedSession(tiny: "families/\(wanted.family)")
    try shell.define("let asked = prompt \(wanted.tokens)")
    if let reads = wanted.reads {
      try shell.define(
        "dictionary \"\(crossLayerFixtures)/\(wanted.folder ?? "")\" as clt reads \(reads)")
    }
    for one in wanted.transcoders ?? [] {
      try shell.define(
        "dictionary \"\(graphFixtures)/\(wanted.family)/layer_\(one.layer).safetensors\" "
          + "at L\(one.layer).mlp_out as t\(one.layer) reads \(one.reads)")
    }
    return (shell, wanted)
  }

  /// The weights of a table by `target@position <- source@position`.
  private func weights(_ table: Table) throws -> [String: Double] {
    let sides = zip(try targets(table), try sources(table)).map { "\($0) <- \($1)" }
    let weights = zip(sides, try table.numbers("weight"))
    #expect(Set(sides).count == table.rowCount)
    return Dictionary(weights, uniquingKeysWith: { first, _ in first })
  }

  private func targets(_ table: Table) throws -> [String] {
    let tokens = try table.numbers("target_token_id")
    let (names, positions) = (
      try table.texts("target"), try table.numbers("target_position")
    )
    return names.indices.map { row in
      names[row] == "logit"
        ? "logit \(Int(tokens[row]))" : "\(names[row])@\(Int(positions[row]))"
    }
  }

  private func sources(_ table: Table) throws -> [String] {
    let (names, positions) = (try table.texts("source"), try table.numbers("position"))
    return zip(names, positions).map { name, position in
      position.isNaN ? name : "\(name)@\(Int(position))"
    }
  }

  @Test("weights, values, biases and influences", arguments: cases)
  func numbers(index: Int) throws {
    let (shell, wanted) = try shell(index)
    let (table, messages) = try shell.run("asked | graph top 1000 logits \(wanted.logits)")
    let reached = wanted.targets.count - wanted.logits
    #expect(
      messages.contains("graph: \(reached) of \(wanted.active) active features"), "\(messages)")
    let found = try weights(table)
    var count = 0
    for target in wanted.targets {
      let name =
        switch target.name {
        case .feature(let name): "\(name)@\(target.position)"
        case .token(let token): "logit \(token)"
        }
      let size = target.weights.reduce(abs(target.bias)) { max($0, abs($1)) }
      func check(_ source: String, _ value: Double) {
        let weight = found["\(name) <- \(source)"] ?? 0
        count += found["\(name) <- \(source)"] == nil ? 0 : 1
        #expect(
          abs(weight - value) < 1e-5 * max(1, size),
          "\(wanted.family): \(name) <- \(source): \(weight), not \(value)")
      }
      check("bias", target.bias)
      for (source, weight) in zip(wanted.sources, target.weights) {
        check("\(source.name)@\(source.position)", weight)
      }
    }
    // Features that the graph does not reach are sources too.
    let rest = try sources(table).count { $0 == "rest" }
    #expect(count + rest == table.rowCount, "\(wanted.family): further edges")
    try checkNodes(table, wanted)
  }

  private func checkNodes(_ table: Table, _ wanted: GraphReference.Family) throws {
    let known = Dictionary(
      wanted.sources.map { ("\($0.name)@\($0.position)", $0) },
      uniquingKeysWith: { first, _ in first })
    let (activations, influences) = (
      try table.numbers("activation"), try table.numbers("influence")
    )
    for (row, name) in try sources(table).enumerated() {
      guard let source = known[name] else { continue }
      #expect(abs(influences[row] - source.influence) < 1e-5, "\(wanted.family): \(name)")
      if let activation = source.activation {
        #expect(abs(activations[row] - activation) < 1e-5 * max(1, activation))
      }
    }
    let values = try table.numbers("value")
    for (row, name) in try targets(table).enumerated() where !name.hasPrefix("logit") {
      let wanted = try #require(known[name]?.activation)
      #expect(abs(values[row] - wanted) < 1e-5 * max(1, wanted), "\(name)")
    }
    let probabilities = Set(try table.numbers("prob").filter { !$0.isNaN })
    for (found, target) in zip(probabilities.sorted(by: >), wanted.targets) {
      #expect(abs(found - (target.prob ?? 0)) < 1e-6)
    }
  }

  @Test("each target's weights sum to its value, however few features", arguments: cases)
  func sums(index: Int) throws {
    let (shell, wanted) = try shell(index)
    for top in [1, 4, 1000] {
      let table = try shell.table("asked | graph top \(top) logits 10")
      var sums: [String: (sum: Double, value: Double)] = [:]
      let (weights, values) = (try table.numbers("weight"), try table.numbers("value"))
      for (row, name) in try targets(table).enumerated() {
        sums[name, default: (0, values[row])].sum += weights[row]
      }
      for (name, found) in sums {
        #expect(
          abs(found.sum - found.value) < 1e-4 * max(1, abs(found.value)),
          "\(wanted.family), top \(top): \(name): \(found)")
      }
    }
  }

  @Test(
    "the features with the most influence are taken, and the others are one source",
    arguments: cases)
  func chosen(index: Int) throws {
    let (shell, wanted) = try shell(index)
    let (some, all) = (
      try shell.table("asked | graph top \(wanted.chosen.count) logits \(wanted.logits)"),
      try shell.table("asked | graph top 1000 logits \(wanted.logits)")
    )
    let targets = Set(try targets(some)).filter { !$0.hasPrefix("logit") }
    #expect(targets == Set(wanted.chosen), "\(wanted.family)")
    let (few, every) = (try weights(some), try weights(all))
    // An edge does not depend on what else is in the graph.
    for (edge, weight) in few where !edge.hasSuffix("rest") {
      #expect(every[edge] == weight, "\(wanted.family): \(edge)")
    }
  }
}
