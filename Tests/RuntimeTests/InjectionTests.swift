import Foundation
import TestSupport
import Testing

@testable import Runtime

/// What transformers finds in float64 with states put elsewhere: see `Scripts/reference/families/lenses.py`.
private struct InjectionReference: Decodable {
  var models: [Model]

  struct Model: Decodable {
    var family: String
    var tokens, donor: [Int]
    /// Every `step`-th token's logit is there.
    var step: Int
    var injections: [Injection]
  }

  struct Injection: Decodable {
    var site, source: String
    var times: Double
    var isMapped: Bool
    var logits: [Double]
  }

  static let folder = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures")

  static func read() throws -> InjectionReference {
    try JSONDecoder().decode(
      InjectionReference.self, from: Data(contentsOf: folder.appending(path: "lenses.json")))
  }
}

/// States of one prompt put into another, at another layer and position.
@Suite struct InjectionTests {
  private let shell: PipedSession

  init() throws {
    shell = try PipedSession(tiny: "families/llama3")
    try shell.define("let asked = prompt [41, 7, 90, 23, 58] -> \"x\" vs \"b\"")
    try shell.define("let other = prompt [52, 88, 14] -> \"x\" vs \"b\"")
    try shell.define("let set = [asked, (prompt [12, 77, 3, 66] -> \"b\" vs \"x\")]")
  }

  private func effects(_ line: String) throws -> [Double] {
    try shell.table(line).numbers("effect")
  }

  @Test("the logits after an injection are transformers'")
  func numbers() throws {
    for model in try InjectionReference.read().models {
      let shell = try PipedSession(tiny: "families/\(model.family)")
      try shell.define("let asked = prompt \(model.tokens)")
      try shell.define("let donor = prompt \(model.donor)")
      let path = InjectionReference.folder.appending(path: "lenses/\(model.family)/map.safetensors")
      #expect(model.injections.count == 5)
      for injection in model.injections {
        let words =
          (injection.isMapped ? " map \"\(path.path)\"" : "")
          + (injection.times == 1 ? "" : " times \(injection.times)")
        let line =
          "asked | patch \(injection.site) from donor at \(injection.source)\(words) | logits | top 96"
        let table = try shell.table(line)
        let found = Dictionary(
          uniqueKeysWithValues: zip(
            try table.numbers("token_id").map { Int($0) }, try table.numbers("logit")))
        let wanted = injection.logits
        let largest = wanted.reduce(0) { max($0, abs($1)) }
        try expectClose(
          wanted.indices.map { found[$0 * model.step] ?? .nan }, wanted, within: 1e-5 * largest,
          "\(model.family): \(line)")
      }
    }
  }

  @Test("what is put where it was read changes nothing, and is the patch at the same place")
  func sameAsPatch() throws {
    #expect(
      try effects("asked | patch L1.resid_pre@2 from asked at L1.resid_pre@2 | effect") == [0])
    #expect(
      try effects("asked | patch L0.resid_post@2 from asked at L1.resid_pre@2 | effect") == [0])
    for site in ["L1.resid_pre", "L0.mlp_out", "L1H1.z", "L0KV1.v"] {
      #expect(
        try effects("asked | patch \(site)@last from other at \(site)@last | effect")
          == effects("asked | patch \(site)@last from other | effect"), "\(site)")
    }
    // Several states, one for each position; one state for several positions.
    #expect(
      try effects("asked | patch L1.resid_pre@0..2 from other at L1.resid_pre@0..2 | effect")
        == effects(
          "asked | patch L1.resid_pre@0 from other at L1.resid_pre@0 "
            + "| patch L1.resid_pre@1 from other at L1.resid_pre@1 "
            + "| patch L1.resid_pre@2 from other at L1.resid_pre@2 | effect"))
    #expect(
      try effects("asked | patch L1.resid_pre@{1,3} from other at L0.mlp_out@0 | effect")
        == effects(
          "asked | patch L1.resid_pre@1 from other at L0.mlp_out@0 "
            + "| patch L1.resid_pre@3 from other at L0.mlp_out@0 | effect"))
    // What a donor's own edits make of it.
    #expect(
      try effects(
        "asked | patch L1.resid_pre@1 from (other | ablate L0.mlp) at L1.resid_pre@0 | effect")
        != effects("asked | patch L1.resid_pre@1 from other at L1.resid_pre@0 | effect"))
  }

  @Test("a sweep over targets and sources has a run for each pair, and each is the single run")
  func sweeps() throws {
    let table = try shell.table(
      "set | patch each L*.resid_pre@last from other "
        + "at L*.resid_post@0, L*.resid_post@last | effect of logit")
    #expect(table.rowCount == 16)
    let swept = try shell.table(
      "set | patch each L*.resid_pre@last from other at L*.resid_post@last | effect of logit")
    #expect(swept.rowCount == 8)
    let (components, sources) = (try swept.texts("component"), try swept.texts("source"))
    #expect(try swept.numbers("source_layer") == [0, 1, 0, 1, 0, 1, 0, 1])
    for row in 0..<4 {
      let line =
        "asked | patch \(components[row])@last from other at \(sources[row]) | effect of logit"
      #expect(try effects(line)[0] == swept.numbers("effect")[row], "\(line)")
    }
    let plan = try shell.table(
      "plan set | patch each L*.resid_pre@last from other at L*.resid_post@last | effect of logit")
    #expect(try plan.numbers("runs").contains(10))
  }

  @Test("each prompt of a set may have a donor of its own, and generation begins with the state")
  func setsAndTexts() throws {
    let own = try effects("set | patch L1.resid_pre@0 from set at L0.resid_post@last | effect")
    for (index, one) in ["0", "1"].enumerated() {
      try shell.define("let one = set | take \(one == "0" ? 1 : -1)")
      #expect(
        try effects("one | patch L1.resid_pre@0 from one at L0.resid_post@last | effect")[0]
          == own[index])
    }
    let plain = try shell.table("asked | generate 3").texts("token")
    let put = "asked | patch L0.resid_pre@last from other at L1.resid_post@last times 9"
    let changed = try shell.table("\(put) | generate 3").texts("token")
    #expect(try changed.first == shell.table("\(put) | logits | top 1").texts("token").first)
    #expect(changed != plain)
    // An answer of several tokens is fed after the state was put in.
    try shell.define("let whole = prompt [41, 7, 90] -> whole \"xyz\"")
    #expect(
      try effects("whole | patch L1.resid_pre@1 from other at L0.resid_post@last | effect").count
        == 1)
  }

  @Test func whatCannotBePut() throws {
    let map = InjectionReference.folder.appending(path: "lenses/gpt2/map.safetensors").path
    for (line, message) in [
      ("asked | patch L1.resid_pre@2 from other at L1.resid_pre", "has no position"),
      ("asked | patch L1.resid_pre@2 from other at L0.resid_pre@7", "there is no position 7"),
      ("asked | patch L1.resid_pre@2 from other at L*.resid_pre@0", "these are 2 states"),
      ("asked | patch L1.resid_pre@2 from other at L0.resid_pre@0..1", "is 2 states, and 1"),
      ("asked | patch L1.resid_pre@2 from other at L0H1.z@0", "has 40 elements, and the state 8"),
      ("asked | patch L1.resid_pre@2 from other at L0H1.pattern@0", "as wide as its position"),
      ("asked | patch L1 from other at L0.resid_pre@0", "several activations"),
      ("asked | patch L1.resid_pre@2 from other times 2", "`times` goes with `at`"),
      ("asked | patch L0H0 -> L1H0.q from other at L0.resid_pre@0", "is an edge"),
      (
        "asked | patch L1.resid_pre@2 from other at L0.resid_pre@0 map \"\(map)\"",
        "the map takes 36"
      ),
      (
        "asked | patch L1.resid_pre@2 from other at L0.resid_pre@0 map \"x.pt\"",
        "not a .safetensors file"
      ),
      ("asked | patch L1.resid_pre@2 from counterpart at L0.resid_pre@0", "has a counterpart"),
    ] {
      let result = shell.session.running(line + " | effect")
      #expect(result.status != .done, "\(line)")
      #expect(result.messages.contains(message), "\(line): \(result.messages)")
    }
  }
}
