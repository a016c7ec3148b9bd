/// What an attribution tells apart.
public struct AttributionDetail: Sendable {
  /// Whether each head's part is divided over the positions that it reads.
  public var bySource: Bool
  /// Whether each MLP's part is divided over its neurons.
  public var byNeuron: Bool
  /// Whether what values have of biases is put to the layer's attention bias, rather than left in the
  /// heads.
  public var foldsBiases: Bool
  /// The stream whose own numbers are attributed; nil: what the final norm makes of the last one.
  public var stream: Site?
  /// Of the stream, attn_out, mlp_out or z: their features have parts in the place of what stands there.
  public var dictionaries: [AttributedDictionary]

  public init(
    bySource: Bool = false, byNeuron: Bool = false, foldsBiases: Bool = true, stream: Site? = nil,
    dictionaries: [AttributedDictionary] = []
  ) {
    self.dictionaries = dictionaries
    self.bySource = bySource
    self.byNeuron = byNeuron
    self.foldsBiases = foldsBiases
    self.stream = stream
  }
}
