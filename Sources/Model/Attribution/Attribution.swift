/// Direct logit attribution ("Summing Up the Facts", Chughtai, Cooney, Nanda): what each component
/// added to a logit, with the final norm's scale σ frozen at its own run's.
///
/// - A component c of the stream: ⟨c, u⟩ / σ, u the target's direction.
/// - Head h from source j: A[j] · ⟨v_j W_O^h, u⟩ / σ; a head's whole is ⟨z W_O^h, u⟩ / σ. Where a norm
///   stands between attention and the stream, γ ⊙ u / its scale is in u's place.
/// - Values have a part b' = b_V + W_V β₁ that no token gave them, where there are such biases. It is
///   taken out of the heads and put to the layer's output bias, unless told otherwise:
///   ⟨b_O, u⟩ / σ + Σ_h Σ_j A[j] ⟨b' W_O^h, u⟩ / σ.
/// - Together they are the logit, before its soft cap where it has one: the check that `gap` states.
public struct Attribution: Sendable {
  public enum Component: Sendable, Hashable {
    case embed
    case positionEmbedding
    case head(layer: Int, head: Int)
    /// All of a layer's attention, where an edit has left its heads no shares of their own.
    case attention(layer: Int)
    /// What a layer's attention adds whatever it reads.
    case attentionBias(layer: Int)
    case mlp(layer: Int)
    /// All neurons of a layer's MLP, told apart.
    case neurons(layer: Int)
    /// What a layer's MLP adds whatever its neurons do.
    case mlpBias(layer: Int)
    /// A feature of a dictionary; before its name stands the dictionary's, where another is at its layer.
    case feature(prefix: String, layer: Int, feature: Int)
    /// What a dictionary adds whatever is active.
    case featureBias(prefix: String, layer: Int)
    /// What a dictionary's reconstruction lacks.
    case featureError(prefix: String, layer: Int)
    /// ⟨β_f, W_U⟩
    case finalNormBias
    case unembeddingBias
    /// A stream that an edit wrote: all that was in it before is gone.
    case stream(Site)
  }

  public struct Part: Sendable {
    public var component: Component
    public var value: Float
    /// By source position; nil for what has no sources, and for a head whose z was edited.
    public var sources: [Float]?
    /// Of `neurons`: by neuron; `value` is their sum. Empty of all else.
    public var neurons: [Float] = []

    /// Of a layer's neurons.
    public init(neurons: [Float], layer: Int) {
      self.init(component: .neurons(layer: layer), value: 0)
      self.neurons = neurons
      value = Float(added(to: 0))
    }

    init(component: Component, value: Float, sources: [Float]? = nil) {
      (self.component, self.value, self.sources) = (component, value, sources)
    }

    /// A sum with all that is told apart in it, in double precision.
    fileprivate func added(to sum: Double) -> Double {
      neurons.isEmpty ? sum + Double(value) : neurons.reduce(sum) { $0 + Double($1) }
    }
  }

  /// The embeddings, heads by layer, attention biases by layer, MLPs by layer, the last biases.
  public var parts: [Part]
  /// The target as the model computed it.
  public var logit: Double

  /// Σ parts, in double precision.
  public var sum: Double { parts.reduce(0) { $1.added(to: $0) } }

  /// How far the parts are from the whole: rounding, or something is wrong.
  public var gap: Double { sum - logit }
}
