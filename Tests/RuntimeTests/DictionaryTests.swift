import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What transformers and SAELens' code compute in float64: see `Scripts/reference/dictionaries/features.py`.
struct FeatureReference: Decodable {
  var asked, other: [Int]
  var cases: [Case]

  struct Case: Decodable {
    var folder, site, reads: String
    var base: Double
    /// By position, numbers and activations.
    var active: [[[Double]]]
    var effects: [Effect]
    var ablated, patched, direct: [String: Double]

    var path: String { Fixtures.path("dictionaries/\(folder)") }

    /// How a line loads it.
    var load: String {
      "dictionary \"\(path)\" at L1.\(site) as sae" + (reads == "site" ? "" : " reads \(reads)")
    }
  }

  struct Effect: Decodable {
    var line: String
    var value: Double

    init(from decoder: any Decoder) throws {
      var container = try decoder.unkeyedContainer()
      (line, value) = (try container.decode(String.self), try container.decode(Double.self))
    }
  }

  static let all: FeatureReference? = try? JSONDecoder().decode(
    FeatureReference.self,
    from: Data(
      contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/dictionaries.json")))
}

@Suite("Features of dictionaries, against transformers and SAELens in float64")
struct DictionaryTests {
  private static let cases = Array(0..<11)

  private func shell(_ index: Int) throws -> (PipedSession, FeatureReference.Case) {
    let wanted = try #require(FeatureReference.all)
    #expect(wanted.cases.count == Self.cases.count)
    let shell = try PipedSession(tiny: "tiny-gqa")
    try shell.define("let asked = prompt \(wanted.asked) -> \"b\" vs \"c\"")
    try shell.define("let other = prompt \(wanted.other) -> \"b\" vs \"c\"")
    try shell.define(wanted.cases[index].load)
    return (shell, wanted.cases[index])
  }

  @Test("activations", arguments: cases)
  func activations(index: Int) throws {
    let (shell, wanted) = try shell(index)
    let table = try shell.table("asked | activations L1F*")
    let found = zip(
      zip(try table.numbers("position"), try table.numbers("feature")),
      try table.numbers("activation"))
    let rows = wanted.active.enumerated().flatMap { position, active in
      active.map { (position, Int($0[0]), $0[1]) }
    }
    #expect(table.rowCount == rows.count, "\(wanted.folder)")
    for ((place, value), row) in zip(found, rows) {
      #expect(Int(place.0) == row.0 && Int(place.1) == row.1, "\(wanted.folder)")
      #expect(abs(value - row.2) < 2e-5 * max(1, abs(row.2)), "\(wanted.folder): \(row)")
    }
    #expect(try table.texts("component").first == "L1F\(rows[0].1)")
    let first = rows[0]
    let one = try shell.table("asked | activations L1F\(first.1)@\(first.0)")
    #expect(abs(try one.numbers("activation")[0] - first.2) < 2e-5 * max(1, first.2))
  }

  @Test("effects of edits", arguments: cases)
  func effects(index: Int) throws {
    let (shell, wanted) = try shell(index)
    for effect in wanted.effects {
      let found = try shell.table("asked | \(effect.line) | effect").numbers("effect")[0]
      #expect(
        abs(found - effect.value) < 2e-5 * max(1, abs(effect.value)),
        "\(wanted.folder): \(effect.line): \(found), not \(effect.value)")
    }
  }

  @Test("attributions of sweeps, with errors, and their sums", arguments: cases)
  func attributions(index: Int) throws {
    let (shell, wanted) = try shell(index)
    func check(_ line: String, _ wanted: [String: Double]) throws -> [Double] {
      let table = try shell.table(line)
      let components = try table.texts("component")
      let estimates = try table.numbers("estimate")
      #expect(Set(components) == Set(wanted.keys), "\(line)")
      for (component, estimate) in zip(components, estimates) {
        let value = try #require(wanted[component])
        #expect(
          abs(estimate - value) < 2e-5 * max(1, abs(value)), "\(line): \(component)")
      }
      return estimates
    }
    _ = try check("asked | ablate each L1F* | attribute", wanted.ablated)
    let parts = try check(
      "asked | patch each L1F*, L1.error from other | attribute", wanted.patched)
    guard wanted.reads == "site", !wanted.folder.hasSuffix("norm"), wanted.site != "z" else {
      return
    }
    // b_dec is in both: features and error are all that differs.
    let whole = try shell.table("asked | patch each L1.\(wanted.site) from other | attribute")
    let sum = try whole.numbers("estimate")[0]
    #expect(abs(parts.reduce(0, +) - sum) < 1e-4 * max(1, abs(sum)), "\(wanted.folder)")
  }

  @Test("direct attributions, closed by the error", arguments: cases)
  func direct(index: Int) throws {
    let (shell, wanted) = try shell(index)
    let (table, messages) = try shell.run("asked | dla by feature of logit_diff")
    #expect(messages.contains("the parts sum to"), "\(messages)")
    let values = Dictionary(
      zip(try table.texts("component"), try table.numbers("dla")),
      uniquingKeysWith: { first, _ in first })
    for (component, value) in wanted.direct {
      let found = try #require(values[component], "\(wanted.folder): \(component)")
      #expect(abs(found - value) < 2e-5 * max(1, abs(value)), "\(wanted.folder): \(component)")
    }
    let whole = try shell.table("asked | logit_diff").numbers("logit_diff")[0]
    #expect(abs(values.values.reduce(0, +) - whole) < 1e-4 * max(1, abs(whole)))
    #expect(values.keys.contains("L2.mlp"))
    #expect(values.keys.contains("embed") == (wanted.site != "resid_post"))
  }

  /// Prompts are encoded together, at all their positions.
  @Test("direct attributions of several prompts have the bits of each alone", arguments: cases)
  func together(index: Int) throws {
    let (shell, wanted) = try shell(index)
    for line in ["dla by feature", "dla by feature at @*", "dla by feature of logit_diff"] {
      let all = try shell.table("[asked, other] | \(line)")
      let each = try ["asked", "other"].map { try shell.table("\($0) | \(line)") }
      for column in ["component", "layer", "head", "feature", "dla"] {
        let found = try all.column(column).values
        let alone = try each.flatMap { table in
          let column = try table.column(column)
          return (0..<column.count).map { column[$0] }
        }
        #expect(
          (0..<found.count).map { found[$0] } == alone, "\(wanted.folder): \(line): \(column)")
      }
    }
  }

  @Test("quality of reconstruction")
  func quality() throws {
    let (shell, _) = try shell(0)
    let table = try shell.table("dictionary sae over [asked, other]")
    // Neither prompt begins with BOS.
    #expect(try table.numbers("positions") == [12])
    let active = try shell.table("[asked, other] | activations L1F*")
    #expect(try table.numbers("l0")[0] == Double(active.rowCount) / 12)
    let rows = try shell.table("[asked, other] | activations L1.resid_post").numbers("value")
    let errors = try shell.table("[asked, other] | activations L1.error").numbers("value")
    let means: [Double] = (0..<32).map { (i: Int) -> Double in
      let column = stride(from: i, to: rows.count, by: 32).map { rows[$0] }
      return column.reduce(0, +) / 12
    }
    let distances: [Double] = rows.indices.map { rows[$0] - means[$0 % 32] }
    let variance: Double = distances.map { $0 * $0 }.reduce(0, +)
    let left: Double = errors.map { $0 * $0 }.reduce(0, +)
    let explained = 1 - left / variance
    #expect(abs(try table.numbers("explained_variance")[0] - explained) < 1e-5)
  }
}

@Suite("Dictionaries in lines")
struct DictionaryLineTests {
  private let shell: PipedSession

  private static func path(_ name: String) -> String { Fixtures.path("dictionaries/\(name)") }

  init() throws {
    shell = try PipedSession(tiny: "tiny-gqa")
    try shell.define("let asked = prompt [41, 7, 90, 23, 58] -> \"b\" vs \"c\"")
    try shell.define("let other = prompt [12, 77, 3, 66, 58] -> \"b\" vs \"c\"")
    try shell.define("dictionary \"\(Self.path("standard"))\"")
  }

  private func expectFailures(_ lines: KeyValuePairs<String, String>) {
    for (line, message) in lines {
      let result = shell.session.running(line)
      #expect(result.status != .done, "\(line)")
      #expect(result.messages.contains(message), "\(line): \(result.messages)")
    }
  }

  /// Where the files say where it belongs, nothing else need.
  @Test func places() throws {
    let card = try shell.table("dictionary")
    #expect(try card.texts("dictionary") == ["sae"])
    #expect(try card.texts("site") == ["L1.resid_post"])
    #expect(try card.texts("architecture") == ["standard"])
    try shell.define("dictionary \"\(Self.path("gemma-scope"))\" at L1.mlp_out as scope")
    let names = try shell.table("asked | activations sae.L1F*@last").texts("component")
    #expect(names.allSatisfy { $0.hasPrefix("sae.L1F") })
    let one = try shell.table("asked | ablate each sae.L1F{1..3}@last, scope.L1F2@last | effect")
    #expect(
      try one.texts("component") == ["sae.L1F1", "sae.L1F2", "sae.L1F3", "scope.L1F2"])
    // What a table says is a component again.
    let kept = "let kept = asked | activations scope.L1F*@last | top 2"
    try shell.define(kept)
    let again = try shell.table("asked | ablate each (kept.component)@last | effect")
    #expect(again.rowCount == 2)
    try shell.define("unload scope")
    #expect(try shell.table("asked | activations L1F*@last").texts("component")[0].hasPrefix("L1F"))
    expectFailures(["unload scope": "no model is loaded as 'scope'"])
  }

  /// resid_pre of a layer is resid_post of the one before.
  @Test func sameStream() throws {
    try shell.define("dictionary \"\(Self.path("topk"))\" at L2.resid_pre as later")
    let one = try shell.table("asked | activations later.L2F*").numbers("activation")
    try shell.define("dictionary \"\(Self.path("topk"))\" at L1.resid_post as sae")
    #expect(try shell.table("asked | activations L1F*").numbers("activation") == one)
  }

  @Test func plansAndSets() throws {
    let line = "[asked, other] | ablate each L1F{2,4,6}@last | effect"
    let effects = try shell.table(line)
    #expect(effects.rowCount == 6)
    let plan = try shell.table("plan \(line)")
    #expect(try plan.numbers("runs") == [8])
    // Each alone.
    let alone = try shell.table("asked | ablate L1F4@last | effect").numbers("effect")
    #expect(try effects.numbers("effect")[1] == alone[0])
    let mean = try shell.table("asked | ablate L1F4@last mean over [asked, other] | effect")
    #expect(mean.rowCount == 1)
    _ = try shell.table("asked | ablate L1F4 | generate 2")
    _ = try shell.table("asked | steer L1F4 by 3 | generate 2")
    #expect(try shell.table("asked | patch L1F* from asked | effect").numbers("effect") == [0])
    #expect(
      try shell.table("asked | freeze L1F4 | scale L1H0 by 2 | effect").rowCount == 1)
  }

  /// An effect of exactly 0 that comes of a feature which never fires is said to.
  @Test func silentFeatures() throws {
    func features(of set: String) throws -> Set<Int> {
      Set(try shell.table("\(set) | activations L1F*").numbers("feature").map { Int($0) })
    }
    let (active, others) = (try features(of: "asked"), try features(of: "other"))
    let all = Set(0..<40)
    let silent = try #require(all.subtracting(active).subtracting(others).min())
    let loud = try #require(active.min())
    let elsewhere = try #require(others.subtracting(active).min())
    let words = "0 at every position that is edited and read"
    for edit in ["ablate", "scale", "freeze", "patch"] {
      let (start, end) = ("asked | \(edit) L1F", [" by 2", " from other"])
      let rest = edit == "scale" ? end[0] : edit == "patch" ? end[1] : ""
      let (table, messages) = try shell.run("\(start)\(silent)\(rest) | effect")
      #expect(try table.numbers("effect") == [0])
      #expect(messages.contains("L1F\(silent) is \(words)"), "\(messages)")
      #expect(messages.contains(" --> ") && messages.contains("activations L1F*"), "\(messages)")
      let heard = try shell.run("\(start)\(loud)\(rest) | effect").messages
      #expect(!heard.contains(words), "\(heard)")
    }
    let some = "L1F{\(min(loud, silent)),\(max(loud, silent))}"
    for line in [
      "ablate \(some) | logits", "ablate each \(some) | effect", "ablate each \(some) | attribute",
      "ablate \(some)@0..4 | generate 2",
    ] {
      let messages = try shell.run("asked | \(line)").messages
      #expect(
        messages.contains("1 of 2 edited features are \(words)")
          && messages.contains("nothing: L1F\(silent)"), "\(messages)")
    }
    for line in [
      "asked | ablate each L1F* | effect", "asked | patch L1F* from other | effect",
      "[asked, other] | ablate L1F\(elsewhere) | effect",
      "plan asked | ablate L1F\(silent) | effect",
      "plan asked | ablate each L1F\(silent) | attribute",
      "asked | ablate each L1F\(loud) | attribute", "asked | ablate L1F\(loud) | generate 2",
      "asked | patch each L1F* from other | attribute",
      "asked | steer L1F\(silent) by 2 | effect",
      "asked | patch L1F\(elsewhere) from other | effect",
    ] {
      let messages = try shell.run(line).messages
      #expect(!messages.contains(words), "\(line): \(messages)")
    }
    let alone = try shell.run("asked | ablate L1F\(elsewhere) | effect").messages
    #expect(alone.contains(words))
  }

  @Test func vectors() throws {
    let row = try shell.table("unembed L1F4 top 3")
    #expect(row.rowCount == 3)
    let two = try shell.table("asked | steer L1.resid_post by L1F4 times 3 | effect")
    let one = try shell.table("asked | steer L1F4 by 3 | effect")
    #expect(try one.numbers("effect") == two.numbers("effect"))
  }

  @Test func failures() throws {
    try shell.define("dictionary \"\(Self.path("standard"))\" as second")
    expectFailures([
      "asked | activations L1F*": "there are 2 dictionaries at layer 1",
      "asked | ablate third.L1F3 | effect": "there is no dictionary 'third'",
      "asked | ablate sae.L0F3 | effect": "no dictionary is in use at layer 0",
      "asked | ablate sae.L1F40 | effect": "features 0 to 39",
      "asked | clamp sae.L1F3 along sae.L1F4 to 3 | effect": "can be ablated, scaled",
      "asked | steer sae.L1F* by 3 | effect": "is not one feature",
      "asked | steer L1.resid_post by 3 | effect": "takes a vector",
      "asked | gradient sae.L1F3": "is a feature of a dictionary",
      "asked | activations sae.L1F3, L1.resid_post": "different tables",
      "asked | dla by feature": "stand for the same",
      "plan asked | ablate each sae.L1F* | effect": "only after a run",
      "dictionary \"\(Self.path("standard"))\" at L0.resid_post as x": "this dictionary is of",
      "dictionary \"\(Self.path("transcoder"))\"": "reads stream, reads norm",
      "dictionary \"\(Self.path("gemma-scope"))\"": "do not say where it belongs",
      "dictionary \"\(Self.path("standard"))\" as heads": "cannot be the name",
      "dictionary nobody/nothing/layer_3": "hf download nobody/nothing",
      "dictionary \"/none\"": "there is no file or folder",
    ])
    try shell.define("unload second; unload sae")
    expectFailures(["asked | dla by feature": "needs a dictionary"])
  }
}
