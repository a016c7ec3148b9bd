import Model
import TestSupport
import Testing

@testable import Runtime

@Suite("Examples in texts, against transformers, SAELens and numpy in float64")
struct ExampleNumberTests {
  private let wanted: ExampleReference

  init() throws { wanted = try ExampleReference.read() }

  /// The rows of each unit.
  private func rows(_ table: Table) throws -> [String: [Int]] {
    let components = try table.texts("component")
    let elements = table["element"] == nil ? nil : try table.numbers("element")
    return Dictionary(
      grouping: components.indices,
      by: { row in
        let element = elements.map { $0[row] } ?? .nan
        return ExampleReference.Unit.key(components[row], element.isNaN ? nil : Int(element))
      })
  }

  /// Within 1e-5 of a unit's largest number: activations are F32.
  private func check(
    _ shell: PipedSession, _ model: ExampleReference.Model, _ line: String, names: [String],
    _ sides: KeyValuePairs<String, KeyPath<ExampleReference.Unit, [ExampleReference.Example]>> =
      ["": \.largest, " lowest": \.lowest]
  ) throws {
    for (flag, examples) in sides {
      let table = try shell.table("\(line) top \(wanted.top)\(flag)")
      let (values, positions) = (try table.numbers("value"), try table.numbers("position"))
      let (prompts, rates) = (try table.texts("prompt"), try table.numbers("rate"))
      let rows = try rows(table)
      for unit in model.units {
        let own = rows[unit.key] ?? []
        let size = max(abs(unit.least), abs(unit.most))
        let found = unit[keyPath: examples]
        if !found.isEmpty {
          try expectClose(
            own.map { values[$0] }, found.map(\.value), within: 1e-5 * size,
            "\(model.name): \(unit.key)\(flag)")
        }
        #expect(own.map { Int(positions[$0]) } == found.map(\.position), "\(unit.key)")
        #expect(own.map { prompts[$0] } == found.map { names[$0.text] }, "\(unit.key)")
        #expect(own.allSatisfy { abs(rates[$0] - unit.rate) < 1e-8 }, "\(unit.key)")
      }
    }
    let table = try shell.table("\(line) by unit above \(wanted.above)")
    let rows = try rows(table)
    for unit in model.units {
      let row = try #require(rows[unit.key])
      try #require(row.count == 1)
      let size = max(abs(unit.least), abs(unit.most))
      func number(_ name: String) throws -> Double { try table.numbers(name)[row[0]] }
      try #expect(abs(number("rate") - unit.above) < 1e-8, "\(unit.key)")
      try #expect(Int(number("positions")) == model.texts.reduce(0) { $0 + $1.count })
      let names = ["mean", "std", "min", "max", "q1", "q10", "median", "q90", "q99"]
      try expectClose(
        try names.map(number), [unit.mean, unit.std, unit.least, unit.most] + unit.quantiles,
        within: size > 0 ? 1e-5 * size : .leastNormalMagnitude, "\(model.name): \(unit.key)")
    }
  }

  @Test func ofTinyModels() throws {
    for model in wanted.models {
      let shell = try PipedSession(tiny: "families/\(model.name)")
      try shell.define(
        "let passages = [\(model.texts.map { "(prompt \($0))" }.joined(separator: ", "))]")
      let tokenizer = try #require(shell.session.model).tokenizer
      let sites = ["L1.mlp_post", "L1.mlp_pre", "L1H*", "L1H*.result", "L1KV*.k", "L1.resid_post"]
      try check(
        shell, model, "passages | examples \(sites.joined(separator: ", "))",
        names: model.texts.map { tokenizer.decode($0) })
    }
  }

  @Test func ofDictionaries() throws {
    #expect(wanted.features.count == 4)
    for wanted in wanted.features {
      let shell = try PipedSession(tiny: "tiny-gqa")
      let model = wanted.model
      try shell.define(wanted.load)
      try shell.define(
        "let passages = [\(model.texts.map { "(prompt \($0))" }.joined(separator: ", "))]")
      let tokenizer = try #require(shell.session.model).tokenizer
      #expect(model.units.contains { !$0.largest.isEmpty })
      try check(
        shell, model, "passages | examples L1F*", names: model.texts.map { tokenizer.decode($0) },
        ["": \.largest])
    }
  }

  @Test func ofTheDefaultModel() throws {
    let shell = try PipedSession()
    let path = "\(packageRoot.path)/Tests/RuntimeTests/Fixtures/texts/lines.txt"
    try shell.define("let lines = texts \"\(path)\" | take \(wanted.real.texts.count)")
    let tokenizer = try #require(shell.session.model).tokenizer
    try check(
      shell, wanted.real, "lines | examples L10.mlp_post, L10H*",
      names: wanted.real.texts.map { tokenizer.decode($0) })
  }

  /// Exact up to 1,024 numbers, within 1/32 beyond; the order of the numbers changes nothing.
  @Test func quantiles() throws {
    let shares = [0.01, 0.1, 0.5, 0.9, 0.99]
    for wanted in wanted.sketches {
      var (sketch, reversed) = (ValueSketch(), ValueSketch())
      sketch.add(wanted.numbers)
      for number in wanted.numbers.reversed() { reversed.add([number, .nan, .infinity]) }
      let found = sketch.quantiles(shares)
      #expect(found == reversed.quantiles(shares))
      for (found, wanted) in zip(found, wanted.quantiles) {
        let most = sketch.count <= ValueSketch.exactCount ? 1e-7 : 1 / 32
        #expect(abs(found - wanted) <= most * abs(wanted), "\(found) instead of \(wanted)")
      }
      #expect(sketch.quantiles([0, 1]) == [sketch.least, sketch.most].map(Double.init))
    }
    var zeros = ValueSketch()
    zeros.add([Float](repeating: 0, count: 1900) + [1e-30, -1e-30, 1e30] + [3, 5])
    #expect(zeros.quantiles([0.02, 0.5, 1]) == [0, 0, Double(Float(1e30))])
    #expect(ValueSketch().quantiles([0.5])[0].isNaN)
  }
}

@Suite("Examples in texts")
struct ExampleTests {
  private static let texts =
    "[(prompt \"the sky is\"), (prompt \"a\"), (prompt \"the sea, the sea and the sky\")]"

  private func shell() throws -> PipedSession {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let passages = \(Self.texts)")
    return shell
  }

  private func refusal(_ line: String, _ shell: PipedSession) -> String {
    let result = shell.session.running(line)
    #expect(result.status != .done, "\(line)")
    return result.messages
  }

  /// What `by token` has is what `activations` gives, to the bit, and the peaks are its largest.
  @Test func equalsActivations() throws {
    let shell = try shell()
    let numbers = try shell.table("passages | activations L1.mlp_post")
    var byPlace: [[String]: Double] = [:]
    let (prompts, elements) = (try numbers.texts("prompt"), try numbers.texts("element"))
    let (positions, values) = (try numbers.texts("position"), try numbers.numbers("value"))
    for row in 0..<numbers.rowCount {
      byPlace[[prompts[row], positions[row], elements[row]]] = values[row]
    }
    let found = try shell.table("passages | examples L1.mlp_post top 2 context 2 by token")
    #expect(found.rowCount > 0)
    let keys = zip(
      zip(try found.texts("prompt"), try found.texts("position")), try found.texts("neuron"))
    let wanted = keys.map { byPlace[[$0.0, $0.1, $1]] }
    #expect(wanted == (try found.numbers("value")))
    let peaks = try shell.table("passages | examples L1.mlp_post top 1 at last")
    #expect(peaks.rowCount == Set(elements).count)
    let lengths = try shell.table("passages | tokens | group by prompt max position")
    let last = Set(
      zip(try lengths.texts("prompt"), try lengths.texts("position")).map { [$0, $1] })
    try #require(last.count == 3)
    for (neuron, value) in zip(try peaks.texts("neuron"), try peaks.numbers("value")) {
      let own = byPlace.filter { $0.key[2] == neuron && last.contains(Array($0.key[..<2])) }.values
      #expect(own.max() == value)
    }
  }

  /// Texts before and after, at the ends of texts too; equal numbers come in the order of the texts.
  @Test func contexts() throws {
    let shell = try shell()
    try shell.define("let zeros = passages | ablate L1N3")
    let table = try shell.table("zeros | examples L1N3 context 1")
    #expect(try table.numbers("value") == [0, 0, 0])
    #expect(try table.numbers("position") == [0, 0, 0])
    #expect(try table.texts("prompt") == ["the sky is", "a", "the sea, the sea and the sky"])
    #expect(try table.numbers("rate") == [0, 0, 0])
    for (row, text) in ["the sky is", "a", "the sea, the sea and the sky"].enumerated() {
      let shown = try table.texts("token")[row] + table.texts("after")[row]
      #expect(text.hasPrefix(shown) && !shown.isEmpty)
      #expect(try table.texts("before")[row].isEmpty)
    }
    let sides = try shell.table("passages | examples L1N5 context 100")
    for row in 0..<3 {
      let parts = try ["before", "token", "after"].map { try sides.texts($0)[row] }
      #expect(try sides.texts("prompt")[row] == parts.joined())
    }
  }

  private func shell(with dictionary: String) throws -> PipedSession {
    let shell = try PipedSession(tiny: "tiny-gqa")
    try shell.define("let passages = \(Self.texts)")
    let path = Fixtures.path("dictionaries/\(dictionary)")
    try shell.define("dictionary \"\(path)\" at L1.resid_post as sae")
    return shell
  }

  /// All features have the bits of each alone and of `activations`, and only where they fire.
  @Test(arguments: ["standard", "topk"]) func features(dictionary: String) throws {
    let shell = try shell(with: dictionary)
    let numbers = try shell.table("passages | activations L1F*")
    let values = try numbers.numbers("activation")
    func keys(_ table: Table) throws -> [[String]] {
      let columns = try ["component", "prompt", "position"].map { try table.texts($0) }
      return (0..<table.rowCount).map { row in columns.map { $0[row] } }
    }
    let byPlace = Dictionary(uniqueKeysWithValues: zip(try keys(numbers), values))
    let all = try shell.table("passages | examples L1F* top 3")
    #expect(try all.texts("component").count == Set(try keys(numbers).map { $0.prefix(2) }).count)
    #expect(try keys(all).map { byPlace[$0] } == (try all.numbers("value")))
    let feature = try all.texts("feature")[0]
    #expect(try all.texts("component")[0] == "L1F\(feature)")
    let units = try shell.table("passages | examples L1F* by unit")
    #expect(units.rowCount == 40)
    let row = try #require(try units.texts("feature").firstIndex(of: feature))
    let one = try shell.table("passages | examples L1F\(feature) by unit")
    for column in ["positions", "rate", "mean", "std", "q90", "max"] {
      #expect(try one.numbers(column)[0] == units.numbers(column)[row])
    }
    let fired = try numbers.texts("feature").count { $0 == feature }
    #expect(try one.numbers("rate")[0] == Double(fired) / one.numbers("positions")[0])
    let token = try shell.table("passages | examples L1F\(feature) top 1 context 1 by token")
    #expect(
      try zip(keys(token), token.numbers("value")).allSatisfy { byPlace[$0] ?? 0 == $1 })
  }

  /// A feature that is named has its texts also where it is 0, as `activations` has it.
  @Test func silentFeatures() throws {
    let shell = try shell(with: "topk")
    let rates = try shell.table("passages | examples L1F* by unit")
    let silent = try #require(try rates.numbers("rate").firstIndex(of: 0))
    let named = try shell.table("passages | examples L1F\(silent)")
    #expect(try named.numbers("value") == [0, 0, 0])
    let all = try shell.table("passages | examples L1F*").texts("feature")
    #expect(!all.contains("\(silent)") && !all.isEmpty)
  }

  /// Features of rows that are not finite have no activations.
  @Test func notFiniteFeatures() throws {
    let shell = try shell(with: "standard")
    try shell.define("let wild = passages | scale L1.mlp@0 by 1e38 | scale L1.mlp@0 by 1e38")
    for units in ["L1F5", "L1F*"] {
      let (table, messages) = try shell.run("wild | examples \(units) by unit")
      #expect(messages.contains("infinite or NaN"), "\(messages)")
      let all = try shell.table("passages | examples \(units) by unit").numbers("positions")[0]
      #expect(try table.numbers("positions")[0] == all - 3)
    }
  }

  @Test func featureRefusals() throws {
    let shell = try shell(with: "standard")
    for (line, words) in [
      ("examples L1F40", "features 0 to 39"), ("examples L0F3", "no dictionary is in use"),
      ("examples L1.error", "leaves over"), ("examples other.L1F3", "no dictionary 'other'"),
    ] {
      let messages = refusal("passages | \(line)", shell)
      #expect(messages.contains(words), "\(line): \(messages)")
      #expect(messages.contains(" --> "), "\(line): \(messages)")
    }
  }

  /// A list names a unit twice, and sites in any order: units of one site stand together.
  @Test func units() throws {
    let shell = try shell()
    let table = try shell.table(
      "passages | examples L1N5, L0H1, L1N{5,2}, L0H1.v, L1.ln1.scale top 1")
    #expect(
      try table.texts("component") == ["L1N5", "L1N2", "L0H1", "L0H1.v", "L1.ln1.scale"])
    #expect(try table.numbers("layer") == [1, 1, 0, 0, 1])
    #expect(try table.texts("head") == ["", "", "1", "1", ""])
    #expect(try table.texts("neuron") == ["5", "2", "", "", ""])
  }

  /// Numbers that are not finite are left out, and a warning says so.
  @Test func notFinite() throws {
    let shell = try shell()
    try shell.define("let wild = passages | scale L1N5@0 by 1e38 | scale L1N5@0 by 1e38")
    let (table, messages) = try shell.run("wild | examples L1N5 by unit")
    #expect(messages.contains("infinite or NaN"), "\(messages)")
    let all = try shell.table("passages | examples L1N5 by unit").numbers("positions")[0]
    #expect(try table.numbers("positions") == [all - 3])
  }

  @Test func refusals() throws {
    let shell = try shell()
    for (line, words) in [
      ("examples L1H0.pattern", "source position"),
      ("examples L1N5@0, L1N6@last", "must be the same"),
      ("examples L1N99999", "neurons 0 to"),
      ("examples L9N0", "layers 0 to"),
      ("examples L1", "whole layer"),
      ("examples L1N5 top 0", "from 1 to 10,000"),
      ("examples L1N5 context -1", "from 0 to 10,000"),
      ("examples L1N5 by unit top 3", "`top` has no effect"),
      ("examples L1N5 by token above 3", "`above` has no effect"),
      ("ablate each L1H* | examples L1N5", "sweep"),
      ("shard 1 of 2 | examples L1N5", "omit `shard`"),
    ] {
      let messages = refusal("passages | \(line)", shell)
      #expect(messages.contains(words), "\(line): \(messages)")
      #expect(messages.contains(" --> "), "\(line): \(messages)")
    }
  }

  /// A strip for each example, of the tokens around it alone.
  @Test func strips() throws {
    let shell = try shell()
    let line = "passages | examples L1N5, L1N6 top 2 context 1 by token"
    let table = try shell.table(line)
    let strips = try TokenStrips(table, value: nil, prompts: [])
    #expect(
      strips.strips.map(\.name) == [
        "L1N5 example 1", "L1N5 example 2", "L1N6 example 1", "L1N6 example 2",
      ])
    #expect(strips.strips.allSatisfy { (1...3).contains($0.tokens.count) })
    #expect(strips.strips.reduce(0) { $0 + $1.tokens.count } == table.rowCount)
    let drawn = shell.session.running("\(line) | plot tokens")
    #expect(drawn.status == .done && drawn.output.contains("L1N6 example 2"), "\(drawn.output)")
    #expect(!drawn.output.contains("L1N6 example 3"))
  }

  @Test func plans() throws {
    let shell = try shell()
    let plan = try shell.table("plan passages | examples L1.mlp_post by unit")
    #expect(try plan.texts("step") == ["examples"])
    #expect(try plan.numbers("runs") == [3])
    // Of features also what encodes them, 32 by 40.
    let features = try self.shell(with: "standard")
    let positions = try features.table("passages | examples L1F1 by unit").numbers("positions")[0]
    func flops(_ units: String) throws -> Double {
      try features.table("plan passages | examples \(units)").numbers("flops")[0]
    }
    let stream = try flops("L1.resid_post")
    #expect(try flops("L1F*") == stream + positions * 2 * 32 * 40)
    #expect(try flops("L1F3") == stream + positions * 2 * 32 * 32)
  }
}
