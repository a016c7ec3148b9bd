import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What circuit-tracer's code and torch compute in float64: see `Scripts/reference/dictionaries/crosslayer.py`.
private struct CrossLayerReference: Decodable {
  var families: [Family]

  struct Family: Decodable {
    var family, folder, reads: String
    var tokens, other: [Int]
    var layers: Int
    /// By layer and position, numbers and activations.
    var active: [[[[Double]]]]
    /// By layer and position.
    var errors: [[[Double]]]
    var effects: [FeatureReference.Effect]
    var ablated, patched, direct: [String: Double]
    /// Of the first two layers and features, the decoder rows of each layer that is written in.
    var rows: [[[[Double]]]]

    var path: String { "\(crossLayerFixtures)/\(folder)" }
  }

  static let all: [Family] =
    (try? JSONDecoder().decode(
      CrossLayerReference.self,
      from: Data(
        contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/crosslayer.json"))))?
    .families ?? []
}

@Suite("Features that write in several layers, against circuit-tracer and torch in float64")
struct CrossLayerTests {
  private static let cases = Array(0..<6)

  private func shell(_ index: Int) throws -> (PipedSession, CrossLayerReference.Family) {
    #expect(CrossLayerReference.all.count == Self.cases.count)
    let wanted = CrossLayerReference.all[index]
    let shell = try PipedSession(tiny: "families/\(wanted.family)")
    try shell.define("let asked = prompt \(wanted.tokens) -> \"b\" vs \"c\"")
    try shell.define("let other = prompt \(wanted.other) -> \"b\" vs \"c\"")
    try shell.define("dictionary \"\(wanted.path)\" as clt reads \(wanted.reads)")
    return (shell, wanted)
  }

  @Test("activations and errors of all layers", arguments: cases)
  func activations(index: Int) throws {
    let (shell, wanted) = try shell(index)
    for layer in 0..<wanted.layers {
      let table = try shell.table("asked | activations L\(layer)F*")
      let found = zip(
        zip(try table.numbers("position"), try table.numbers("feature")),
        try table.numbers("activation"))
      let rows = wanted.active[layer].enumerated().flatMap { position, active in
        active.map { (position, Int($0[0]), $0[1]) }
      }
      #expect(table.rowCount == rows.count, "\(wanted.family), layer \(layer)")
      for ((place, value), row) in zip(found, rows) {
        #expect(Int(place.0) == row.0 && Int(place.1) == row.1, "\(wanted.family)")
        #expect(abs(value - row.2) < 2e-5 * max(1, abs(row.2)), "\(wanted.family): \(row)")
      }
      let errors = try shell.table("asked | activations L\(layer).error").numbers("value")
      for (found, value) in zip(errors, wanted.errors[layer].joined()) {
        #expect(abs(found - value) < 2e-5 * max(1, abs(value)), "\(wanted.family): L\(layer)")
      }
      #expect(errors.count == wanted.errors[layer].joined().count)
    }
  }

  @Test("effects of edits", arguments: cases)
  func effects(index: Int) throws {
    let (shell, wanted) = try shell(index)
    for effect in wanted.effects {
      let found = try shell.table("asked | \(effect.line) | effect").numbers("effect")[0]
      #expect(
        abs(found - effect.value) < 3e-5 * max(1, abs(effect.value)),
        "\(wanted.family): \(effect.line): \(found), not \(effect.value)")
    }
  }

  @Test("attributions of sweeps, with errors", arguments: cases)
  func attributions(index: Int) throws {
    let (shell, wanted) = try shell(index)
    for (line, wanted) in [
      ("ablate each L*F*", wanted.ablated),
      ("patch each L*F*, L*.error from other", wanted.patched),
    ] {
      let table = try shell.table("asked | \(line) | attribute")
      let components = try table.texts("component")
      #expect(Set(components) == Set(wanted.keys), "\(line)")
      for (component, estimate) in zip(components, try table.numbers("estimate")) {
        let value = try #require(wanted[component])
        #expect(abs(estimate - value) < 3e-5 * max(1, abs(value)), "\(line): \(component)")
      }
    }
  }

  @Test("direct attributions: a row a feature, closed by the errors", arguments: cases)
  func direct(index: Int) throws {
    let (shell, wanted) = try shell(index)
    let (table, messages) = try shell.run("asked | dla by feature of logit_diff")
    #expect(messages.contains("the parts sum to"), "\(messages)")
    let components = try table.texts("component")
    #expect(Set(components).count == components.count, "\(wanted.family)")
    let values = Dictionary(
      zip(components, try table.numbers("dla")), uniquingKeysWith: { first, _ in first })
    for (component, value) in wanted.direct {
      let found = try #require(values[component], "\(wanted.family): \(component)")
      #expect(abs(found - value) < 3e-5 * max(1, abs(value)), "\(wanted.family): \(component)")
    }
    let features = components.filter { $0.contains("F") }
    #expect(features.allSatisfy { wanted.direct[$0] != nil })
    #expect(!components.contains("L0.mlp"))
    // Of what comes before an edited stream nothing is left; of a feature, what it adds later.
    let (late, lateMessages) = try shell.run(
      "asked | steer L1.resid_pre by L0F0 | dla by feature of logit_diff")
    let left = Set(try late.texts("component"))
    #expect(left.isSuperset(of: ["L1.resid_pre", "L1.error"]) && !left.contains("L0.error"))
    #expect(left.contains { $0.hasPrefix("L0F") })
    #expect(lateMessages.contains("the parts sum to"), "\(lateMessages)")
  }

  @Test("decoder rows, as a vector their sum", arguments: cases)
  func rows(index: Int) throws {
    let (shell, wanted) = try shell(index)
    let model = try shell.session.requireModel()
    for layer in 0..<2 {
      for feature in 0..<2 {
        let rows = wanted.rows[layer][feature]
        #expect(rows.count == wanted.layers - layer)
        let sum = rows[0].indices.map { i in rows.reduce(0) { $0 + $1[i] } }
        let vector = try shell.session.decoderRow(
          of: Selector(parsing: "L\(layer)F\(feature)"), on: model)
        try expectClose(vector.elements, sum, within: 1e-5, wanted.family)
      }
    }
  }

  @Test("a dictionary of all layers has one name")
  func lines() throws {
    let (shell, wanted) = try shell(4)
    let cards = try shell.table("dictionary clt over [asked, other]")
    #expect(try cards.texts("site") == (0..<wanted.layers).map { "L\($0).mlp_out" })
    #expect(try Set(cards.texts("dictionary")) == ["clt"])
    #expect(try Set(cards.texts("architecture")) == ["cross_layer_transcoder"])
    let active = try shell.table("[asked, other] | activations L3F*")
    #expect(try cards.numbers("l0")[3] == Double(active.rowCount) / 8)
    #expect(try cards.numbers("explained_variance").allSatisfy { $0 < 1 })
    let texts = try shell.table("[asked, other] | examples L2F* top 2")
    #expect(try texts.texts("component").allSatisfy { $0.hasPrefix("L2F") })
    let swept = try shell.table("[asked, other] | ablate each L1F{0,1,2}, L2.error | effect")
    #expect(swept.rowCount == 8)
    for line in ["ablate L1F2", "scale L1F{2,3} by 0.5", "steer L1F2 by 3", "ablate L2.error"] {
      _ = try shell.table("asked | \(line) | generate 3")
    }
    // A dictionary of one layer next to it.
    try shell.define(
      "dictionary \"\(graphFixtures)/gemma3/layer_3.safetensors\" at L3.mlp_out as t reads stream")
    let named = try shell.table("asked | activations clt.L3F*").texts("component")
    #expect(named.allSatisfy { $0.hasPrefix("clt.L3F") })
    #expect(try shell.table("asked | activations L2F*").texts("component")[0].hasPrefix("L2F"))
    try shell.define("unload t; unload clt")
    #expect(try shell.table("dictionary").rowCount == 0)
  }

  /// What is generated is what a run of the whole text predicts.
  @Test("edits hold at positions that are generated")
  func generated() throws {
    let (shell, wanted) = try shell(4)
    let text = try shell.table("asked | scale L0F* by 3 | generate 3").numbers("token_id")
    var tokens = wanted.tokens
    for token in text {
      let next = try shell.table("prompt \(tokens) | scale L0F* by 3 | logits | top 1")
      #expect(try next.numbers("token_id") == [token])
      tokens.append(Int(token))
    }
  }

  @Test("what is not a transcoder of this model is refused")
  func failures() throws {
    let (shell, wanted) = try shell(0)
    let other = "\(crossLayerFixtures)/gemma3"
    for (line, message) in [
      "dictionary \"\(wanted.path)\" at L1.mlp_out": "a cross-layer transcoder is of all layers",
      "dictionary \"\(wanted.path)\"": "reads stream, reads norm",
      "dictionary \"\(other)\"": "of 7 layers, and the model has 2",
      "dictionary \"\(wanted.path)/W_enc_1.safetensors\"": "is one layer of a cross-layer",
      "asked | ablate L2F1 | effect": "layers 0 to 1", "asked | ablate L1F6 | effect": "0 to 5",
      "asked | activations L0F1, L0.mlp": "different tables",
      "asked | ablate each L0F* | attribute graddrop": "is added in several layers",
    ] {
      let result = shell.session.running(line)
      #expect(result.status != .done, "\(line)")
      #expect(result.messages.contains(message), "\(line): \(result.messages)")
    }
  }

  @Test("files that are missing, damaged or of another transcoder are refused")
  func files() throws {
    let manager = FileManager.default
    let source = CrossLayerReference.all[0].path
    #expect(try Self.opening(source) { _ in } == "opened")
    try Self.expect(
      source,
      [
        ("has shape", { try manager.removeItem(atPath: $0 + "/W_enc_1.safetensors") }),
        ("W_dec_1", { try manager.removeItem(atPath: $0 + "/W_dec_1.safetensors") }),
        (
          "no file of its layer 0 is next to it",
          { try manager.removeItem(atPath: $0 + "/W_enc_0.safetensors") }
        ),
        (
          "W_enc_1",
          {
            try manager.removeItem(atPath: $0 + "/W_enc_1.safetensors")
            try manager.copyItem(
              atPath: $0 + "/W_enc_0.safetensors", toPath: $0 + "/W_enc_1.safetensors")
          }
        ),
        (
          "a cross_layer_transcoder",
          { try Self.write("model_kind: transcoder_set\n", to: $0 + "/config.yaml") }
        ),
      ])
    try Self.expectRefusedWhenCut(source, ["W_enc_0.safetensors", "W_dec_0.safetensors"])
  }

  @Test("and those of Gemma Scope, whose hooks say what it reads")
  func scopeFiles() throws {
    let manager = FileManager.default
    let source = CrossLayerReference.all[5].path
    #expect(try Self.opening(source) { _ in } == "opened")
    func settings(_ old: String, _ new: String) -> (String) throws -> Void {
      { folder in
        let path = folder + "/config.json"
        let text = String(decoding: try #require(manager.contents(atPath: path)), as: UTF8.self)
        #expect(text.contains(old))
        try Self.write(text.replacing(old, with: new), to: path)
      }
    }
    try Self.expect(
      source,
      [
        ("of 6 layers", { try manager.removeItem(atPath: $0 + "/params_layer_6.safetensors") }),
        ("no dictionary", { try manager.removeItem(atPath: $0 + "/params_layer_0.safetensors") }),
        ("config.json", { try manager.removeItem(atPath: $0 + "/config.json") }),
        (
          "affine_skip_connection",
          settings("\"affine_connection\": true", "\"affine_connection\": false")
        ),
        ("'crosscoder'", settings("{", "{\"type\": \"crosscoder\", ")),
        (
          "6 values", settings("\"model.layers.0.pre_feedforward_layernorm.output\", ", "")
        ),
        ("'k'", settings("{", "{\"k\": 1, ")), ("'topk'", settings("jump_relu", "topk")),
      ])
    try Self.expectRefusedWhenCut(source, ["params_layer_6.safetensors"])
    let shell = try PipedSession(tiny: "families/gemma3")
    try shell.define("dictionary \"\(source)\" as clt")
    let cards = try shell.table("dictionary")
    #expect(try Set(cards.texts("reads")) == ["norm"])
    #expect(try Set(cards.texts("format")) == ["Gemma Scope 2"])
    #expect(
      try Set(cards.texts("architecture")) == ["jumprelu_skip_cross_layer_transcoder"])
    let message = shell.session.running("dictionary \"\(source)/params_layer_2.safetensors\"")
    #expect(message.messages.contains("is one layer of a cross-layer"), "\(message.messages)")
  }

  /// What opening a copy that was changed says.
  private static func opening(_ source: String, _ change: (String) throws -> Void) throws -> String
  {
    let manager = FileManager.default
    let folder = manager.temporaryDirectory.appending(path: "crosslayer-\(UUID().uuidString)").path
    try manager.copyItem(atPath: source, toPath: folder)
    defer { try? manager.removeItem(atPath: folder) }
    try change(folder)
    do {
      let found = try DictionarySource.crossLayer(path: folder)
      if found == nil { _ = try DictionarySource.open(path: folder) }
      return "opened"
    } catch let error as ModelError {
      return error.message
    }
  }

  private static func expect(_ source: String, _ changes: [(String, (String) throws -> Void)])
    throws
  {
    for (wanted, change) in changes {
      let found = try opening(source, change)
      #expect(found.contains(wanted), "\(found)")
    }
  }

  private static func expectRefusedWhenCut(_ source: String, _ names: [String]) throws {
    for name in names {
      let whole = try #require(FileManager.default.contents(atPath: source + "/" + name))
      for count in stride(from: 0, to: whole.count, by: 211) {
        let found = try opening(source) {
          try whole.prefix(count).write(to: URL(fileURLWithPath: $0 + "/" + name))
        }
        #expect(found != "opened", "\(name), \(count) bytes")
      }
    }
  }

  private static func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }
}
