import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// AtP*'s exact softmax and GradDrop, against torch in float64.
@Suite("Options of attribution patching")
struct AttributionOptionTests {
  private struct Reference: Decodable {
    var families: [Pair]

    struct Pair: Decodable {
      var family: String
      var tokens, donor: [Int]
      var layer: Int
      var positions: [Int]
      var heads, shared: Int
      /// By head, at each of the positions and at all.
      var queries, keys: [Double]
      /// By layer and head.
      var dropped: [Double]
    }
  }

  private static let families = ["llama3", "qwen3", "mistral", "gemma2", "gpt2", "gptj"]

  private func pair(_ family: String) throws -> Reference.Pair {
    let file = packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/attribution.json")
    let all = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    return try #require(all.families.first { $0.family == family })
  }

  private func line(_ pair: Reference.Pair, _ sites: String) -> String {
    func prompt(_ tokens: [Int]) -> String {
      "prompt [" + tokens.map(String.init).joined(separator: ", ") + "]"
    }
    return
      "\(prompt(pair.tokens)) | patch each \(sites) from (\(prompt(pair.donor))) | attribute of "
      + EdgeReference.metric
  }

  /// Measured at most: 3.1e-6 of the largest.
  @Test("AtP*: queries and keys by the softmax that they give", arguments: families)
  func softmax(family: String) throws {
    let (shell, pair) = (try PipedSession(tiny: "families/\(family)"), try pair(family))
    let isShared = pair.shared < pair.heads
    for (site, count, wanted) in [
      ("H*.q", pair.heads, pair.queries),
      (isShared ? "KV*.k" : "H*.k", pair.shared, pair.keys),
    ] {
      let place = "L\(pair.layer)\(site)"
      let at = pair.positions.map(String.init).joined(separator: ", ")
      let some = try shell.table("\(line(pair, "\(place)@{\(at)}")) softmax exact")
      let (all, said) = try shell.run("\(line(pair, place)) softmax exact")
      #expect(said.contains("queries and keys by their exact softmax (AtP*)"))
      let (parts, wholes) = (try some.numbers("estimate"), try all.numbers("estimate"))
      #expect(wholes.count == count)
      let step = pair.positions.count
      let found = wholes.indices.flatMap { parts[$0 * step..<($0 + 1) * step] + [wholes[$0]] }
      let largest = wanted.map(abs).max() ?? 0
      #expect(largest > 1e-3)
      try expectClose(found, wanted, within: 1e-4 * largest, "\(family) \(site)")
    }
  }

  @Test("GradDrop", arguments: families)
  func dropped(family: String) throws {
    let (shell, pair) = (try PipedSession(tiny: "families/\(family)"), try pair(family))
    let (table, said) = try shell.run("\(line(pair, "heads")) graddrop")
    #expect(said.contains("GradDrop"))
    let largest = pair.dropped.max() ?? 0
    #expect(largest > 1e-3)
    try expectClose(
      try table.numbers("estimate"), pair.dropped, within: 1e-4 * largest, family)
  }

  /// With the pattern's own changes for scores the sum is the difference of two softmaxes.
  @Test func closedForm() {
    var generator = SeededGenerator(seed: 3)
    let scores = (0..<7).map { _ in Double.random(in: -3...3, using: &generator) }
    let slopes = (0..<7).map { _ in Float.random(in: -1...1, using: &generator) }
    func softmax(_ x: [Double]) -> [Double] {
      let most = x.max() ?? 0
      let all = x.map { Numerics.exp($0 - most) }
      return all.map { $0 / all.reduce(0, +) }
    }
    let old = softmax(scores)
    for size in [1e-9, 0.5, 30, 800, -800] {
      for changed in [[2], [0, 3, 6], Array(0..<7)] {
        var new = scores
        for source in changed { new[source] += size * Double(source + 1) }
        let wanted = zip(zip(softmax(new), old), slopes).reduce(0.0) {
          $0 + ($1.0.0 - $1.0.1) * Double($1.1)
        }
        let found = HeadScores.effect(
          on: old.map { Float($0) }, slopes: slopes,
          of: changed.map { ($0, size * Double($0 + 1)) })
        #expect(abs(found - wanted) < 1e-6 * max(1e-6, abs(wanted)) + 1e-7, "\(size) \(changed)")
      }
    }
  }

  @Test(arguments: [
    ("patch each heads from b | attribute softmax exact", "the sweep has none"),
    ("patch each L*H*.q from b | attribute softmax exact steps 2", "gradient at the base"),
    ("patch each edges from b | attribute softmax exact", "the sweep has none"),
    (
      "scale L1H0.pattern@last by 0.5 | patch each L1H{0, 1}.q from b | attribute softmax exact",
      "is edited as well"
    ),
    ("patch each heads from b | attribute graddrop steps 2", "takes its gradients at the base"),
    ("patch each edges from b | attribute graddrop", "not for edges"),
  ])
  func refused(line: String, error: String) throws {
    let shell = try PipedSession(tiny: "tiny-gqa.F32.gguf")
    try shell.define("let a = prompt \"the sky\" -> \"b\"; let b = prompt \"the sun\"")
    let result = shell.session.running("a | \(line)")
    #expect(result.status == .failed && result.messages.contains(error), "\(result.messages)")
  }
}
