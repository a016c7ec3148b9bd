/// How the next token is chosen, as `generate` of transformers does it: the penalty, then what is done
/// for a draw alone: temperature, top_k, top_p, min_p, each on what the ones before it left.
/// (`RepetitionPenaltyLogitsProcessor`, `TemperatureLogitsWarper`, `TopKLogitsWarper`,
/// `TopPLogitsWarper`, `MinPLogitsWarper` of transformers 5.24.)
public struct SamplingRules: Sendable, Equatable {
  /// What the score of a token that is there already is divided by, or multiplied by if it is negative.
  public var penalty: Double?
  public var temperature: Double?
  /// Tokens whose score is at least the k-th largest stay: equal ones all.
  public var topK: Int?
  /// The likeliest tokens stay that together have this probability; of equal ones the later stay.
  public var topP: Double?
  /// Tokens stay that have this share of the likeliest one's probability.
  public var minP: Double?

  public init() {}

  /// The scores by which the likeliest token is chosen.
  ///
  /// - Parameter tokens: of the prompt and of what was added; each counts once.
  public func penalized(_ logits: [Float], after tokens: [Int]) -> [Float] {
    guard let penalty else { return logits }
    let factor = Float(penalty)
    var scores = logits
    for token in Set(tokens) where scores.indices.contains(token) {
      scores[token] = logits[token] < 0 ? logits[token] * factor : logits[token] / factor
    }
    return scores
  }

  /// The scores by which a token is drawn: −∞ for those that are left out.
  public func filtered(_ penalized: [Float]) -> [Float] {
    var scores = penalized
    if let temperature, temperature != 1 {
      let divisor = Float(temperature)
      for token in scores.indices { scores[token] /= divisor }
    }
    if let topK, topK < scores.count {
      let most = scores.withLogitRow { $0.largest(topK) }
      if let least = most.last.map({ scores[$0] }) {
        for token in scores.indices where scores[token] < least { scores[token] = -.infinity }
      }
    }
    if let topP, topP < 1 { Self.keep(mass: topP, of: &scores) }
    if let minP {
      let weights = Self.weights(scores)
      // Those of the likeliest are 1.
      for token in scores.indices where weights[token] < minP { scores[token] = -.infinity }
    }
    return scores
  }

  /// e^score of each, as a share of the largest one's.
  public static func weights(_ scores: [Float]) -> [Double] {
    let most = Double(scores.max() ?? 0)
    return scores.map { $0 == -.infinity ? 0 : Numerics.exp(Double($0) - most) }
  }

  /// Leaves out, from the least likely on, all that together have at most 1 − p; never the likeliest.
  private static func keep(mass p: Double, of scores: inout [Float]) {
    let weights = weights(scores)
    let total = weights.reduce(0, +)
    let most = (1 - p) * total
    // Less than this, all tokens together could be left out: they need no order.
    let least = most / Double(weights.count)
    var sum = 0.0
    var rest: [Int] = []
    for token in scores.indices {
      if weights[token] < least {
        sum += weights[token]
        scores[token] = -.infinity
      } else {
        rest.append(token)
      }
    }
    rest.sort { scores[$0] != scores[$1] ? scores[$0] < scores[$1] : $0 < $1 }
    for token in rest.dropLast() {
      sum += weights[token]
      guard sum <= most else { return }
      scores[token] = -.infinity
    }
  }
}
