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

  public enum Function: Sendable {
    /// Σ weight · logit
    case logits([Weight])
    /// Σ weight · probability
    case probabilities([Weight])
    /// Σ weight · log probability
    case logProbabilities([Weight])
    /// KL(p ‖ q) of the given p from this run's q; by its logits the derivative is q − p.
    case divergence(from: [Float])
    /// Any function of some tokens' logits and log probabilities.
    case scores(LogitFunction)
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
    case .divergence, .scores: []
    }
  }

  /// The tokens whose logits it names.
  var tokens: [Int] {
    if case .scores(let function) = function { function.tokens } else { weights.map(\.token) }
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
    case .scores(let function):
      return value(of: function, logits, count: count, slope: slope)
    }
  }

  /// Of f(logits, log p): by each logit its own slope and that of its log p, less p times the sum of these.
  private func value(
    of function: LogitFunction, _ logits: UnsafePointer<Float>, count: Int,
    slope: UnsafeMutablePointer<Float>
  ) -> Double {
    let logSum = LogitRow(logits, count: count).sums.logSum
    let read = function.tokens.map { Double(logits[$0]) }
    let found = function.body(read, read.map { $0 - logSum })
    let total = Float(found.byLogProbabilities.reduce(0, +))
    if total == 0 {
      slope.update(repeating: 0, count: count)
    } else {
      probabilities(of: logits, count: count, into: slope)
      for i in 0..<count { slope[i] *= -total }
    }
    for (i, token) in function.tokens.enumerated() {
      slope[token] += Float(found.byLogits[i] + found.byLogProbabilities[i])
    }
    return found.value
  }

  private func probabilities(
    of logits: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    out.update(from: logits, count: count)
    Kernels.current.softmax(out, count: count)
  }
}

/// A function of the logits and the log probabilities of some tokens.
public struct LogitFunction: Sendable {
  /// Its value, and its derivative by the logit and by the log probability of each token.
  public struct Slopes: Sendable {
    public var value: Double
    public var byLogits: [Double]
    public var byLogProbabilities: [Double]

    public init(value: Double, byLogits: [Double], byLogProbabilities: [Double]) {
      self.value = value
      self.byLogits = byLogits
      self.byLogProbabilities = byLogProbabilities
    }
  }

  public var tokens: [Int]
  let body: @Sendable (_ logits: [Double], _ logProbabilities: [Double]) -> Slopes

  /// - Parameter body: given the tokens' numbers, in their order.
  public init(
    of tokens: [Int],
    _ body: @escaping @Sendable (_ logits: [Double], _ logProbabilities: [Double]) -> Slopes
  ) {
    self.tokens = tokens
    self.body = body
  }
}
