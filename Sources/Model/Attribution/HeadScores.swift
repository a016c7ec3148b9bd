/// Attention scores of queries and keys as their sites have them.
///
/// A derivative by a query or a key says little where the softmax is saturated. What a new one makes of the
/// softmax can be computed: AtP* (Kramár et al., 2024).
public struct HeadScores {
  private let model: Transformer
  private let tokens: Int
  private let rope: RotaryTables

  /// - Parameter tokens: of the prompt.
  /// - Throws: `Interruption.Stopped`.
  public init(_ model: Transformer, tokens: Int) throws {
    (self.model, self.tokens) = (model, tokens)
    rope = try RotaryTables(model.configuration, tokens: tokens)
  }

  /// A query or a key as it is compared: after its norm and RoPE.
  public func turned(_ x: [Float], isKey: Bool, layer: Int, at position: Int) -> [Float] {
    let (c, kernels) = (model.configuration, Kernels.current)
    var x = x
    x.withUnsafeMutableBufferPointer { buffer in
      guard let x = buffer.baseAddress, buffer.count == c.headWidth else { return }
      if let norm = isKey ? model.layers[layer].kNorm : model.layers[layer].qNorm {
        let scale = norm.scale(of: x, c.headWidth, c.epsilon, kernels)
        norm.apply(to: x, scale: scale, c.headWidth, kernels, into: x)
      }
      rope[layer]?.table(tokens: tokens)
        .rotate(x, heads: 1, width: c.headWidth, at: position, kernels)
    }
    return x
  }

  /// What the softmax takes, of a query and a key that are turned.
  public func score(_ query: [Float], _ key: [Float]) -> Double {
    let dot = zip(query, key).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
    let score = dot * Double(model.configuration.attentionScale)
    guard let cap = model.configuration.scoreCap.map(Double.init) else { return score }
    // cap · tanh(score / cap)
    return cap * (1 - 2 / (Numerics.exp(2 * score / cap) + 1))
  }

  /// Σ_j (p'_j − p_j) g_j, where p' is the softmax after some scores have changed: with ḡ = Σ p g it is
  /// Σ p e^δ (g − ḡ) / Σ p e^δ.
  ///
  /// - Parameters:
  ///   - pattern: p, by source.
  ///   - slopes: g, the derivatives by these.
  ///   - changes: δ, by how much the score of a source is larger than before.
  public static func effect(
    on pattern: some Collection<Float>, slopes: some Collection<Float>,
    of changes: [(source: Int, change: Double)]
  ) -> Double {
    let (p, g) = (pattern.map(Double.init), slopes.map(Double.init))
    var change = p.map { _ in 0.0 }
    for (source, more) in changes { change[source] += more }
    // Sources before a window have no part, and may have no derivative.
    let seen = p.indices.filter { p[$0] != 0 }
    guard let largest = seen.map({ change[$0] }).max() else { return 0 }
    let all = seen.reduce(0.0) { $0 + p[$1] }
    let mean = seen.reduce(0.0) { $0 + p[$1] * g[$1] } / all
    var (above, below) = (0.0, 0.0)
    for source in seen {
      let part = p[source] * Numerics.exp(change[source] - largest)
      above += part * (g[source] - mean)
      below += part
    }
    return above / below
  }
}
