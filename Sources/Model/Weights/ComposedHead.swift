/// A head, with what its composition with any other is worked out from.
public struct ComposedHead: Sendable {
  private let weights: HeadWeights
  /// W Wᵀ, [d_head][d_head].
  private let (query, key, value, output): (Matrix, Matrix, Matrix, Matrix)
  /// Frobenius norms.
  private let (ovNorm, qkNorm): (Double, Double)

  /// - Throws: `Interruption.Stopped`.
  public init(_ weights: HeadWeights) throws {
    self.weights = weights
    (query, key) = (try weights.query.gram(), try weights.key.gram())
    (value, output) = (try weights.value.gram(), try weights.output.gram())
    ovNorm = HeadWeights.norm(grams: value, output)
    qkNorm = HeadWeights.norm(grams: query, key)
  }

  /// How much of what this head writes a later one's queries, keys and values read: ‖A B‖ / (‖A‖ ‖B‖) of
  /// Frobenius norms (Elhage et al. 2021), A being this head's OV, B the other's QK, its transpose, and OV.
  public func composition(with later: ComposedHead) -> (q: Double, k: Double, v: Double) {
    (
      share(later.weights.query, later.key, of: later.qkNorm),
      share(later.weights.key, later.query, of: later.qkNorm),
      share(later.weights.value, later.output, of: later.ovNorm)
    )
  }

  /// ‖Vᵀ X Y‖² = Σ X ⊙ (V Vᵀ X Y Yᵀ), X being what the head's output and the other's input make,
  /// [d_head][d_head].
  private func share(_ reads: Matrix, _ beyond: Matrix, of norm: Double) -> Double {
    let x = weights.output * reads.transposed
    let turned = value * x * beyond
    let square = zip(x.elements, turned.elements).reduce(0) { $0 + $1.0 * $1.1 }
    return max(0, square).squareRoot() / (ovNorm * norm)
  }
}
