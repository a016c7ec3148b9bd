/// `smollm2.json`.
package struct SmolLM2Reference: Decodable {
  package struct Prompt: Decodable {
    package struct Top: Decodable {
      package var position: Int
      package var ids: [Int]
      package var logits: [Double]
      package var logprobs: [Double]
    }
    /// In the names of its files: `smollm2.<name>.safetensors`, `smollm2.<name>.effects.safetensors`.
    package var name: String
    package var text: String
    package var tokens: [Int]
    package var answer: Int
    package var foils: [Int]
    package var top: [Top]
  }
  package var prompts: [Prompt]
  package var others: [[Int]]
  /// (layer, head) of each row of `mean.z.*`.
  package var meanHeads: [[Int]]
}

/// `colosseum.json`.
package struct ColosseumReference: Decodable {
  package var prompt: String
  package var tokenIds: [Int]
  package var answer: String
  package var answerId: Int
  package var foilId: Int
  package var answerLogit: Double
  package var foilLogit: Double
  package var answerLogprob: Double
  package var finalScale: Double
  package var top10Ids: [Int]
  package var top10Logits: [Double]
  package var dlaEmbed: Double
  package var dlaMlp: [Double]
  package var dlaHead: [[Double]]
  package var dlaHeadSource: [[[Double]]]
  package var attentionLast: [[[Double]]]
  package var ablateHeadLastEffect: [[Double]]
  package var ablateHeadAllEffect: [[Double]]
  package var logitLensAnswer: [Double]
}
