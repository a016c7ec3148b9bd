import Model
import TestSupport
import Testing

@testable import Runtime

@Suite(
  "Directions and what is written along them, against scikit-learn and transformers in float64")
struct VectorNumberTests {
  private let wanted: VectorReference

  init() throws { wanted = try VectorReference.read() }

  private func check(
    _ found: [Double], _ wanted: [Double], within tolerance: Double, _ what: String
  ) throws {
    let largest = wanted.reduce(0) { max($0, abs($1)) }
    try #require(largest > 0, "\(what)")
    try expectClose(found, wanted, within: tolerance * largest, what)
  }

  /// In double precision throughout: within 1e-8 of the largest; logistic regression stops within 1e-6.
  @Test func directionsOfRows() throws {
    for (number, fit) in wanted.fits.enumerated() {
      let rows = Matrix(
        rows: fit.rows.count, columns: fit.rows[0].count, elements: fit.rows.flatMap(\.self))
      let labels = fit.rows.indices.map { $0 < fit.positive }
      for direction in fit.directions {
        let words = direction.method.split(separator: " ")
        let method = try #require(DirectionMethod(rawValue: String(words[0])))
        let pairs =
          words.count > 1 ? (0..<fit.positive).map { ($0, fit.positive + $0) } : nil
        let found = try DirectionFinder(rows, method, pairs: pairs).direction(labels)
        let what = "\(direction.method) of set \(number)"
        let tolerance = method == .logistic ? 1e-6 : 1e-8
        try check(found.vector, direction.vector, within: tolerance, what)
        #expect(
          abs(found.threshold - direction.threshold) < tolerance * max(1, abs(direction.threshold)),
          "\(what): \(found.threshold) instead of \(direction.threshold)")
      }
    }
    #expect(Set(wanted.fits.flatMap(\.directions).map(\.method)).count == 5)
  }

  private static func shell(_ model: VectorReference.Model) throws -> PipedSession {
    let shell = try PipedSession(tiny: "families/\(model.family)")
    for (name, side) in [("yes", model.positive), ("no", model.negative)] {
      try shell.define("let \(name) = [\(side.map { "(prompt \($0))" }.joined(separator: ", "))]")
    }
    let width = try #require(shell.session.model).configuration.width
    try shell.define("let asked = prompt \(model.tokens) -> \"x\"")
    try shell.define("let along = \(model.vector(width)) | vector")
    return shell
  }

  /// Activations are F32: within 1e-4 of the largest. So is `mass_mean`: the covariances here have condition
  /// numbers of 70 to 320 on the 22 directions that 24 rows span, and noise of F32's size moves numpy's own
  /// result by at most 3e-5.
  @Test func directionsOfActivations() throws {
    for model in wanted.models {
      let shell = try Self.shell(model)
      for direction in model.directions {
        let line = "direction yes vs no at \(model.site)@last \(direction.method) held 0 shuffles 0"
        try shell.define("let found = \(line)")
        let tolerance = 1e-4
        let found = try shell.table("found.value").numbers("value")
        try check(found, direction.vector, within: tolerance, "\(model.family): \(line)")
        let threshold = try shell.table("found").numbers("threshold")[0]
        let size = direction.vector.reduce(0) { max($0, abs($1)) }
        #expect(
          abs(threshold - direction.threshold) < 10 * tolerance
            * max(size, abs(direction.threshold)),
          "\(model.family): \(line)")
      }
    }
  }

  /// Every part of every stream, and of all families, within 1e-5 of the largest.
  @Test func partsOfStreams() throws {
    for model in wanted.models {
      let shell = try Self.shell(model)
      for parts in model.parts {
        let line = "asked | dla toward along into \(parts.into) unfolded"
        let (table, messages) = try shell.run(line)
        let components = try table.texts("component")
        let values = Dictionary(
          uniqueKeysWithValues: zip(components, try table.numbers("dla")))
        #expect(components.count == parts.components.count, "\(model.family): \(line)")
        let found = parts.components.map { values[$0] ?? .nan }
        try check(found, parts.values, within: 1e-5, "\(model.family): \(line)")
        #expect(messages.contains("the parts sum to "), "\(messages)")
        #expect(messages.contains(SumCheck.fixed(parts.total).prefix(6)), "\(messages)")
      }
    }
  }

  /// With post-norms, without gates, with biases: within 1e-5 of the largest, and they sum to the logit.
  @Test func neurons() throws {
    for model in wanted.models {
      let shell = try Self.shell(model)
      let table = try shell.table("asked | dla by neuron on \(model.answer)")
      let found = try table.numbers(try #require(table.columnNames.last))
      let some = stride(from: 0, to: found.count, by: model.step).map { found[$0] }
      try check(some, model.neurons, within: 1e-5, model.family)
      let parts = try shell.table("asked | dla on \(model.answer)")
      let mlps = zip(try parts.texts("component"), try parts.numbers(parts.columnNames.last ?? ""))
        .filter { $0.0.hasSuffix(".mlp") }.map(\.1)
      let whole = found.reduce(0, +)
      #expect(abs(whole - mlps.reduce(0, +)) < 1e-5 * max(1, abs(whole)), "\(model.family)")
      // Prompts and targets together have the bits of each alone.
      let other = model.tokens.reversed().map(\.self)
      let both = try shell.table(
        "[asked, (prompt \(other))] | dla by neuron on \(model.answer), \(other[0])")
      let names = both.columnNames.suffix(2)
      let alone = try [model.tokens, other].map { tokens in
        try [model.answer, other[0]].map {
          try shell.table("prompt \(tokens) | dla by neuron on \($0)").numbers("dla")
        }
      }
      for (target, name) in names.enumerated() {
        #expect(try both.numbers(name) == alone.flatMap { $0[target] }, "\(model.family)")
      }
      #expect(try both.texts("component") == table.texts("component") + table.texts("component"))
    }
  }

  @Test func promotedTokens() throws {
    for model in wanted.models {
      let shell = try Self.shell(model)
      let count = model.unembedded.count
      let table = try shell.table("along | unembed top \(count)")
      let order = model.unembedded.indices.sorted { model.unembedded[$0] > model.unembedded[$1] }
      let ids = try table.numbers("token_id").map { Int($0) }
      #expect(ids == order, "\(model.family)")
      try check(
        try table.numbers("score"), ids.map { model.unembedded[$0] }, within: 1e-5, model.family)
      let lowest = try shell.table("unembed (along) top 3 lowest").numbers("token_id").map {
        Int($0)
      }
      #expect(lowest == Array(order.reversed().prefix(3)), "\(model.family)")
    }
  }
}
