/// A differentiable function of the logits at one position.
public struct LogitTerm: Sendable {
  /// A token and what it counts.
  public struct Weight: Sendable, Equatable {
    public var token: Int
    public var weight: Double

    public init(_ token: Int, _ weight: Double) {
      self.token = token
      self.weight = weight
    }
  }

  public enum Function: Sendable, Equatable {
    /// Σ weight · logit
    case logits([Weight])
    /// Σ weight · probability
    case probabilities([Weight])
    /// Σ weight · log probability
    case logProbabilities([Weight])
    /// KL(p ‖ q) of the given p from this run's q; by its logits the derivative is q − p.
    case divergence(from: [Float])
  }

  public var position: Int
  public var function: Function

  public init(position: Int, _ function: Function) {
    self.position = position
    self.function = function
  }

  var weights: [Weight] {
    switch function {
    case .logits(let weights), .probabilities(let weights), .logProbabilities(let weights): weights
    case .divergence: []
    }
  }

  /// Its value for a row of `count` logits.
  ///
  /// - Parameter slope: takes the derivative by each logit.
  func value(
    of logits: UnsafePointer<Float>, count: Int, slope: UnsafeMutablePointer<Float>
  ) -> Double {
    switch function {
    case .logits(let weights):
      slope.update(repeating: 0, count: count)
      return weights.reduce(0) { sum, weight in
        slope[weight.token] += Float(weight.weight)
        return sum + weight.weight * Double(logits[weight.token])
      }
    case .probabilities(let weights):
      // Of Σ w p: p (w − Σ w p).
      probabilities(of: logits, count: count, into: slope)
      let shares = weights.map { Double(slope[$0.token]) }
      let value = zip(weights, shares).reduce(0) { $0 + $1.0.weight * $1.1 }
      for i in 0..<count { slope[i] *= Float(-value) }
      for (weight, share) in zip(weights, shares) {
        slope[weight.token] += Float(weight.weight * share)
      }
      return value
    case .logProbabilities(let weights):
      // Of Σ w log p: w − p Σ w.
      let logSum = LogitRow(logits, count: count).sums.logSum
      probabilities(of: logits, count: count, into: slope)
      let total = Float(weights.reduce(0) { $0 + $1.weight })
      for i in 0..<count { slope[i] *= -total }
      return weights.reduce(0) { sum, weight in
        slope[weight.token] += Float(weight.weight)
        return sum + weight.weight * (Double(logits[weight.token]) - logSum)
      }
    case .divergence(let from):
      let logSum = LogitRow(logits, count: count).sums.logSum
      probabilities(of: logits, count: count, into: slope)
      var value = 0.0
      for i in 0..<count {
        slope[i] -= from[i]
        guard from[i] > 0 else { continue }
        let p = Double(from[i])
        value += p * (Numerics.log(p) - (Double(logits[i]) - logSum))
      }
      return value
    }
  }

  private func probabilities(
    of logits: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    out.update(from: logits, count: count)
    Kernels.current.softmax(out, count: count)
  }
}
