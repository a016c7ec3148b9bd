import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What `transformers` computes in float64: see `Scripts/reference/facts/answers.py`.
struct AnswerReference: Decodable {
  var whole: [Whole]
  /// Of the first of them.
  var edited: [Edited]
  var sets: [AnswerSet]

  /// An answer of several tokens.
  struct Whole: Decodable {
    var text: String
    var answer: String
    var tokens: [Int]
    var answerTokens: [Int]
    var logit: Double
    var logprob: Double
    var rank: Int

    enum CodingKeys: String, CodingKey {
      case text, answer, tokens, logit, logprob, rank
      case answerTokens = "answer_tokens"
    }

    /// As a line has it.
    var prompt: String { "prompt \"\(text)\" -> whole \"\(answer)\"" }
  }

  /// Log-probabilities without the MLP of layer 3: at all positions, and at the answer's tokens alone.
  struct Edited: Decodable {
    var everywhere: Double
    var completion: Double
  }

  struct AnswerSet: Decodable {
    var text: String
    var answers: [String]
    var foils: [String]
    /// By the metric's name.
    var base: [String: Double]
    var edited: [String: Double]
    var compared: [String: Double]

    var prompt: String {
      func list(_ texts: [String]) -> String { texts.map { "\"\($0)\"" }.joined(separator: ", ") }
      return "prompt \"\(text)\" -> \(list(answers))"
        + (foils.isEmpty ? "" : " vs \(list(foils))")
    }
  }

  static func read() throws -> AnswerReference {
    try JSONDecoder().decode(
      AnswerReference.self,
      from: Data(
        contentsOf: packageRoot.appending(path: "Tests/RuntimeTests/Fixtures/answers.json")))
  }
}
