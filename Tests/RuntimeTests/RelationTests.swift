import Foundation
import Lang
import TestSupport
import Testing

@testable import Model
@testable import Runtime

/// What torch finds in float64: see `Scripts/reference/families/relations.py`.
private struct RelationReference: Decodable {
  var models: [Model]

  struct Model: Decodable {
    var family: String
    var tokens, donor: [Int]
    var answer: Int
    /// Every `step`-th element is there.
    var step: Int
    var jacobians: [Jacobian]
    var relation: Relation
    var repairs: [Repair]
  }

  struct Jacobian: Decodable {
    var source, target, edit: String
    var s, o, jacobian: [Double]
  }

  struct Relation: Decodable {
    var prompts: [[Int]]
    var beta: Double
    var weight, bias: [Double]
    var mapped: [[Double]]
    var faithful: [Bool]
  }

  struct Repair: Decodable {
    var line: String
    var direct, effect, norm, heads, mlps: Double
  }

  static func read() throws -> RelationReference {
    try JSONDecoder().decode(
      RelationReference.self,
      from: Data(
        contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/relations.json")))
  }
}

private func check(
  _ found: [Float], step: Int, _ wanted: [Double], within tolerance: Double, _ what: String
) throws {
  let largest = wanted.reduce(0) { max($0, abs($1)) }
  let some = stride(from: 0, to: found.count, by: step).map { Double(found[$0]) }
  try expectClose(some, wanted, within: tolerance * largest, what)
}

@Suite("Jacobians, relations and repair, against torch in float64")
struct RelationNumberTests {
  /// `L0.resid_post@3`
  private func place(_ text: String, _ tokens: Int) throws -> (site: Site, position: Int) {
    let selector = try Selector(parsing: text)
    guard case .literal(let literal) = selector.base,
      case .index(let position)? = selector.position,
      case .some(let layers)? = literal.layers
    else { throw CancellationError() }
    let activation = try #require(Activation(rawValue: literal.path.joined(separator: ".")))
    return (
      Site(activation, layer: layers[0].lowerBound), position < 0 ? tokens + position : position
    )
  }

  /// Of seven families, edited runs too: within 1e-4 of the largest element.
  @Test func jacobians() throws {
    let models = try RelationReference.read().models
    #expect(models.count == 7)
    for model in models {
      let shell = try PipedSession(tiny: "families/\(model.family)")
      let transformer = try #require(shell.session.model).transformer
      for wanted in model.jacobians {
        let what = "\(model.family): \(wanted.source) to \(wanted.target) \(wanted.edit)"
        let (source, target) = (
          try place(wanted.source, model.tokens.count),
          try place(wanted.target, model.tokens.count)
        )
        let layer = source.site.layer
        let edits =
          wanted.edit.isEmpty
          ? []
          : [
            Edit(
              site: Site(.z, layer: layer), units: [1], positions: Array(model.tokens.indices),
              change: .zero)
          ]
        let request = JacobianRequest(
          tokens: model.tokens, edits: edits, source: source, target: target)
        let found = try transformer.jacobian(of: request)
        try check(found.source, step: model.step, wanted.s, within: 1e-5, what)
        try check(found.target, step: model.step, wanted.o, within: 1e-5, what)
        let all = found.rows.flatMap(\.self)
        try check(all, step: model.step, wanted.jacobian, within: 1e-4, what)
        // Few at a time, or many: the same bits.
        let narrow = try #require(
          (1...60).lazy.map { $0 << 14 }.first {
            (try? transformer.jacobian(of: request, memory: $0)) != nil
          })
        #expect(try transformer.jacobian(of: request, memory: narrow).rows == found.rows, "\(what)")
      }
    }
  }

  @Test("a relation is the mean of J and o − J s, and lens reads what it makes of a state")
  func relations() throws {
    for model in try RelationReference.read().models {
      let shell = try PipedSession(tiny: "families/\(model.family)")
      let loaded = try #require(shell.session.model)
      let relation = model.relation
      func prompts(_ some: some Sequence<[Int]>) -> String {
        "[\(some.map { "(prompt \($0))" }.joined(separator: ", "))]"
      }
      try shell.define("let train = \(prompts(relation.prompts.prefix(3)))")
      try shell.define("let held = \(prompts(relation.prompts.dropFirst(3)))")
      try shell.define(
        "let r = train | lre L0.resid_post@2 examples 3 beta \(relation.beta)")
      let folder = FileManager.default.temporaryDirectory.appending(path: "map-\(UUID())")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.appending(path: "r.safetensors").path
      try shell.define("r | save \"\(path)\"")
      let file = try SafetensorsFile(path: path)
      try check(
        try file.floats(of: file.require("weight")), step: model.step, relation.weight,
        within: 1e-4, model.family)
      try check(
        try file.floats(of: file.require("bias")), step: model.step, relation.bias, within: 1e-4,
        model.family)
      let map = try AffineMap(path: path)
      for (index, tokens) in relation.prompts.dropFirst(3).enumerated() {
        let site = Site(.residPost, layer: 0)
        let run = try loaded.transformer.run([
          RunRequest(tokens: tokens, captures: [site: .some([2])])
        ])[0]
        let state = try #require(run.activations[site])[0]
        let mapped = try map.applied(to: [state], on: loaded.transformer.pool)[0]
        try check(
          mapped, step: model.step, relation.mapped[index], within: 1e-4, model.family)
      }
      for name in ["r", "\"\(path)\""] {
        let read = try shell.table("held | lens L0.resid_post@2 map \(name) top 1")
        let first = try shell.table("held | logits | where rank == 1").numbers("token_id")
        let agrees = zip(try read.numbers("token_id"), first).map { $0 == $1 }
        #expect(agrees == relation.faithful, "\(model.family) \(name)")
      }
    }
  }

  /// Every part within 1e-5 of the largest, and together they are the effect.
  @Test func repairs() throws {
    for model in try RelationReference.read().models {
      let shell = try PipedSession(tiny: "families/\(model.family)")
      try shell.define("let donor = prompt \(model.donor)")
      let text = try #require(shell.session.model).tokenizer.text(of: model.answer)
      try shell.define("let asked = prompt \(model.tokens) -> \(quotedText(text))")
      for repair in model.repairs {
        let what = "\(model.family): \(repair.line)"
        let table = try shell.table("asked | \(repair.line) | self_repair")
        let names = ["direct", "effect", "norm", "heads", "mlps"]
        let found = try names.map { try table.numbers($0)[0] }
        let wanted = [repair.direct, repair.effect, repair.norm, repair.heads, repair.mlps]
        let largest = wanted.reduce(0) { max($0, abs($1)) }
        try expectClose(found, wanted, within: 1e-4 * max(1, largest), what)
        let whole = found[2] + found[3] + found[4]
        #expect(abs(try table.numbers("repair")[0] - whole) < 1e-4 * max(1, largest), "\(what)")
      }
    }
  }
}

@Suite struct RelationTests {
  private let shell: PipedSession

  init() throws {
    shell = try PipedSession(tiny: "families/llama3")
    try shell.define("let asked = prompt [41, 7, 90, 23, 58] -> \"x\" vs \"b\"")
    let prompts = (0..<7).map { "(prompt [41, \(7 + $0), 90, \(23 + 2 * $0)] -> \"x\")" }
    try shell.define("let set = [\(prompts.joined(separator: ", "))]")
  }

  private func number(_ line: String) throws -> Double {
    try #require(
      Double(
        shell.session.running(line).output.trimmingCharacters(in: .whitespacesAndNewlines)),
      "\(line)")
  }

  @Test("the examples are drawn, and the map is tried on all others")
  func heldOut() throws {
    let card = try shell.table("set | lre L0.resid_post@1 examples 4 seed 3 beta 2")
    #expect(try card.texts("source") == ["L0.resid_post@1"])
    #expect(try card.texts("target") == ["L1.resid_post@last"])
    #expect(try card.numbers("examples") == [4] && card.numbers("test") == [3])
    let table = try shell.table("set | lre L0.resid_post@1 examples 4 seed 3 beta 0, 2")
    #expect(try table.numbers("beta") == [0, 2])
    #expect(try table.numbers("faithfulness")[1] == card.numbers("faithfulness")[0])
    #expect(try table.numbers("accuracy")[1] == card.numbers("accuracy")[0])
    try shell.define("let r = set | lre L0.resid_post@1 examples 4 seed 3 beta 2")
    #expect(try number("r.test") == 3)
    // By hand.
    let mapped = try shell.table("set | lens L0.resid_post@1 map r top 1").numbers("token_id")
    let own = try shell.table("set | logits | where rank == 1").numbers("token_id")
    #expect(mapped.count == 7 && own.count == 7)
    var generator = SplitMix64(seed: 3)
    let order = try shuffled(Array(0..<7), &generator)
    let held = order.dropFirst(4)
    let agree = Double(held.count { mapped[$0] == own[$0] }) / 3
    #expect(try card.numbers("faithfulness") == [agree])
    // The usual number of examples leaves some to try.
    #expect(try shell.table("set | lre L0.resid_post@1").numbers("test") == [2])
    #expect(try shell.table("asked | lre L0.resid_post@1").numbers("test") == [0])
    #expect(
      try shell.table("plan set | lre L0.resid_post@1 examples 2").numbers("runs").contains(2))
  }

  @Test("a map goes with patch too")
  func patches() throws {
    try shell.define("let r = set | lre L0.resid_post@1 examples 2 beta 1.5")
    let line = "asked | patch L1.resid_post@last from asked at L0.resid_post@1 map r"
    let patched = try shell.table("\(line) | logits | top 96")
    let read = try shell.table("asked | lens L0.resid_post@1 map r top 96")
    #expect(try patched.numbers("token_id") == read.numbers("token_id"))
    try expectClose(try patched.numbers("logit"), try read.numbers("logit"), within: 1e-5)
  }

  @Test func whatIsNoRelation() throws {
    for (line, message) in [
      ("set | lre L0.attn_out@1", "is not the stream"),
      ("set | lre L0.resid_post@1, L1.resid_pre@1", "takes one site, not a list"),
      ("set | lre L*.resid_post@1", "several places"),
      ("set | lre L1.resid_post@1", "is not before"),
      ("set | lre L1.resid_post@1 into L1.resid_pre", "is not before"),
      ("set | lre L0.resid_post@2 into L1.resid_post@1", "does not see"),
      ("set | lre L0.resid_post@1 examples 9", "fewer than 9"),
      ("set | lre L0.resid_post@1 examples 0", "a count from 1"),
      ("set | ablate each heads | lre L0.resid_post@1", "each"),
      ("set | lens map (set | lre L0.resid_post@1)", "needs the sites"),
      ("set | lens L0.resid_post map 3", "expected a map"),
      ("(set | lre L0.resid_post@1) | save \"x.npy\"", "is written to .safetensors"),
    ] {
      let result = shell.session.running(line)
      #expect(result.status != .done, "\(line)")
      #expect(result.messages.contains(message), "\(line): \(result.messages)")
    }
  }

  @Test("an edit without effect is repaired by exactly nothing; sweeps have a row for each head")
  func repair() throws {
    for edit in ["scale L0H1 by 1", "patch L0.mlp from asked"] {
      let table = try shell.table("asked | \(edit) | self_repair")
      for column in ["direct", "effect", "repair", "norm", "heads", "mlps"] {
        #expect(try table.numbers(column) == [0], "\(edit): \(column)")
      }
    }
    try shell.define("let other = prompt [52, 88, 14, 71, 30]")
    let swept = try shell.table("set | ablate each heads@last | self_repair of logit")
    #expect(swept.rowCount == 7 * 8)
    let one = try shell.table("set | ablate L1H2@last | self_repair")
    let rows = try swept.texts("component").enumerated().filter { $0.1 == "L1H2" }.map(\.0)
    #expect(try rows.map { try swept.numbers("repair")[$0] } == one.numbers("repair"))
    // In the last layer nothing but the norm comes after attention's own layer and its MLP.
    let last = try shell.table("asked | ablate L1.mlp | self_repair")
    let others = try ["heads", "mlps"].map { abs(try last.numbers($0)[0]) }
    #expect(others.allSatisfy { $0 < 1e-6 }, "\(others)")
    let effects = try shell.table("set | ablate each heads@last | effect of logit").numbers(
      "effect")
    try expectClose(try swept.numbers("effect"), effects, within: 1e-5)
    for (line, message) in [
      ("asked | self_repair", "there is no edit"),
      ("asked | ablate L1.resid_pre | self_repair", "is none of them"),
      ("asked | patch L0H0 -> L1H0.q from other | self_repair", "edges are patched"),
    ] {
      let result = shell.session.running(line)
      #expect(result.status != .done && result.messages.contains(message), "\(result.messages)")
    }
  }

  @Test("the attributes rate counts the best tokens that are in the list")
  func attributes() throws {
    let top = try shell.table("set | lens L*.resid_post raw at 1 top 20")
    let tokens = try top.texts("token")
    let words = Array(Set([tokens[0], tokens[3], tokens[25], "x"])).sorted()
    let list = words.map(quotedText).joined(separator: ", ")
    let rates = try shell.table("set | lens L*.resid_post raw at 1 attributes [\(list)] top 20")
    #expect(rates.rowCount == 14)
    let tokenizer = try #require(shell.session.model).tokenizer
    let wanted = Set(
      words.flatMap { [$0, " " + $0] }.flatMap {
        tokenizer.encode($0, isContinuation: true).map(\.id)
      })
    let ids = try top.numbers("token_id").map { Int($0) }
    let found = (0..<14).map { row in
      Double(ids[20 * row..<20 * row + 20].count { wanted.contains($0) }) / 20
    }
    #expect(try rates.numbers("rate") == found)
    #expect(found.contains { $0 > 0 })
    #expect(try rates.numbers("attributes").allSatisfy { $0 == Double(wanted.count) })
    // 50 tokens, where nothing else is said.
    #expect(
      try shell.table("asked | lens attributes \"x\"").numbers("rate")
        == shell.table("asked | lens attributes \"x\" top 50").numbers("rate"))
    let result = shell.session.running("asked | lens attributes S")
    #expect(result.messages.contains("have no attributes"), "\(result.messages)")
  }
}
