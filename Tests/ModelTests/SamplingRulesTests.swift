import TestSupport
import Testing

@testable import Model

/// What tokens are drawn from, against transformers' logits processors:
/// `Scripts/reference/generation/sampling.py`.
@Suite struct SamplingRulesTests {
  struct Reference: Decodable {
    struct Settings: Decodable {
      var repetitionPenalty, temperature, topP, minP: Double?
      var topK: Int?
    }

    struct Case: Decodable {
      var scores: [Float]
      var tokens: [Int]
      var settings: Settings
      var draws: Bool
      var result: [Double]
    }

    var cases: [Case]
  }

  @Test func equalsTransformers() throws {
    let reference: Reference = try Fixtures.json("sampling.json")
    #expect(reference.cases.count > 40)
    for item in reference.cases {
      var rules = SamplingRules()
      rules.penalty = item.settings.repetitionPenalty
      rules.temperature = item.settings.temperature
      rules.topK = item.settings.topK
      rules.topP = item.settings.topP
      rules.minP = item.settings.minP
      let penalized = rules.penalized(item.scores, after: item.tokens)
      guard item.draws else {
        #expect(penalized.map(Double.init) == item.result, "\(item.settings)")
        continue
      }
      let weights = SamplingRules.weights(rules.filtered(penalized))
      let total = weights.reduce(0, +)
      for (token, (weight, wanted)) in zip(weights, item.result).enumerated() {
        #expect(
          abs(weight / total - wanted) < 1e-9 && (weight == 0) == (wanted == 0),
          "token \(token) of \(item.scores) with \(item.settings): \(weight / total), not \(wanted)"
        )
      }
    }
  }

  @Test func keepsTheLikeliestWhateverTheRules() {
    var rules = SamplingRules()
    (rules.topK, rules.topP, rules.minP) = (1, 0, 1)
    for scores: [Float] in [[3], [-0.0, 0], [1e30, -1e30], [-5, -4, -.infinity]] {
      let weights = SamplingRules.weights(rules.filtered(scores))
      #expect(weights.contains(1) && weights.allSatisfy { $0 == 0 || $0 == 1 }, "\(scores)")
    }
  }
}
