public enum NormKind: String, Sendable {
  /// x / √(mean x² + ε) · γ
  case rootMeanSquare = "RMSNorm"
  /// (x − mean x) / √(variance + ε) · γ + β
  case layer = "LayerNorm"
}

/// How attention and the MLP of a layer share the residual stream.
public enum ResidualLayout: String, Sendable {
  /// The MLP reads what attention has written.
  case sequential
  /// Both read the stream before the layer, each through a norm of its own.
  case parallel
  /// Both read the stream before the layer, through one norm.
  case parallelSharedNorm = "parallel, one norm"
}

/// The size and kind of one layer's MLP.
public struct MLPShape: Sendable, Hashable {
  public enum Nonlinearity: String, Sendable, CaseIterable {
    case silu
    /// x Φ(x), Φ the normal distribution.
    case gelu
    /// GELU through tanh: `gelu_new`, `gelu_pytorch_tanh`.
    case geluTanh = "gelu_tanh"
  }

  /// d_mlp
  public var neurons: Int
  public var nonlinearity = Nonlinearity.silu
  /// act(gate) · up rather than act(pre).
  public var isGated = true
}

/// What one layer's attention has of its own.
public struct LayerAttention: Sendable, Hashable {
  /// A query sees the key j positions before it where j < window.
  public var window: Int?
  /// Nil where positions are learned.
  public var rotary: Rotary?

  public init(window: Int? = nil, rotary: Rotary? = nil) {
    self.window = window
    self.rotary = rotary
  }

  /// The first source that the query at a position sees.
  public func firstSource(of position: Int) -> Int {
    window.map { max(0, position - $0 + 1) } ?? 0
  }

  /// Whether a query sees one of the sources.
  func sees(_ sources: [Int], from position: Int) -> Bool {
    sources.contains { firstSource(of: position) <= $0 && $0 <= position }
  }
}

/// RoPE: position p turns pair i of the rotated elements by p · base^(−2i / width) / factor_i.
public struct Rotary: Sendable, Hashable {
  public enum Pairing: String, Sendable {
    /// i and i + width/2
    case halfSplit = "half-split"
    /// 2i and 2i + 1
    case adjacent
  }

  public var pairing = Pairing.halfSplit
  /// How many elements of a head, from its first, are rotated.
  public var width: Int
  public var base: Double
  /// What each pair's frequency is divided by; 1 where there are none.
  public var factors: [Double] = []
  /// What it is divided by instead in longer prompts.
  public var long: LongFactors?
  /// What sines and cosines are multiplied by.
  public var magnitude = 1.0

  /// Of prompts of more tokens than the model was first trained for: Phi-3's `longrope`.
  public struct LongFactors: Sendable, Hashable {
    /// The most tokens that are served without them.
    public var context: Int
    public var factors: [Double]
  }

  public init(
    pairing: Pairing = .halfSplit, width: Int, base: Double, factors: [Double] = [],
    long: LongFactors? = nil, magnitude: Double = 1
  ) {
    self.pairing = pairing
    self.width = width
    self.base = base
    self.factors = factors
    self.long = long
    self.magnitude = magnitude
  }

  /// Whether a prompt of `tokens` tokens is rotated by the long factors.
  func isLong(_ tokens: Int) -> Bool { long.map { tokens > $0.context } ?? false }
}
