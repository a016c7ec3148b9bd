/// What a transformer is made of, whatever family it comes from.
public struct Configuration: Sendable, Equatable {
  /// The family, as GGUF writes it: `llama`.
  public var architecture: String
  public var layers: Int
  /// Query heads in a layer.
  public var heads = 0
  /// Key/value heads in a layer; query head h reads key/value head ⌊h / (heads / keyValueHeads)⌋.
  public var keyValueHeads = 0
  /// d_head
  public var headWidth = 0
  /// d_model
  public var width = 0
  /// Rows of the unembedding: may be more than the tokenizer has tokens.
  public var vocabulary = 0
  /// How many positions the model was trained for.
  public var context = 0
  /// ε of the norms.
  public var epsilon: Float = 0
  /// Whether the unembedding is the embedding.
  public var isTied: Bool

  /// Of layers; nobody has built as many.
  static let mostLayers = 4096

  public var norm = NormKind.rootMeanSquare
  public var residual = ResidualLayout.sequential
  /// Whether the position is a vector added to the embedding.
  public var hasLearnedPositions = false
  /// Whether there are no positions past the context: learned ones end, and so does GPT-J's table.
  public var endsWithContext = false
  /// What is particular to each layer's attention.
  public var attention: [LayerAttention] = []
  /// Each layer's MLP.
  public var mlp: [MLPShape] = []
  /// What q · k is multiplied by.
  public var attentionScale: Float = 0
  /// c of c · tanh(score / c), before the softmax.
  public var scoreCap: Float?
  /// c of c · tanh(logit / c).
  public var logitCap: Float?
  /// What the embedding is multiplied by.
  public var embeddingScale: Float?
  /// Whether each head's queries and keys pass an RMSNorm before they are rotated.
  public var hasQueryKeyNorms = false
  /// Whether what attention and the MLP give passes an RMSNorm before it is added to the stream.
  public var hasPostNorms = false

  /// Every size is 0 until the family sets it: `validate` refuses what is left so.
  init(architecture: String, layers: Int, isTied: Bool) {
    self.architecture = architecture
    self.layers = layers
    self.isTied = isTied
  }

  /// The rows of a layer's queries.
  var queryWidth: Int { heads * headWidth }

  /// The rows of a layer's keys, and of its values.
  var keyWidth: Int { keyValueHeads * headWidth }

  /// Which key/value head serves a query head.
  public func keyValueHead(of head: Int) -> Int { head / (heads / keyValueHeads) }

  /// The query heads that read a key/value head.
  public func heads(reading keyValueHead: Int) -> Range<Int> {
    let group = heads / keyValueHeads
    return keyValueHead * group..<(keyValueHead + 1) * group
  }
}

extension Configuration {
  /// Refuses what no transformer can be, before anything is computed from it.
  ///
  /// - Throws: `ModelError` that names the first number that cannot be.
  func validate(path: String) throws {
    func refuse(_ what: String) -> ModelError {
      ModelError(
        .file, "\(quoted(path)) describes a model that cannot be run: \(what)",
        help: "its configuration is wrong, or it is a kind of model that Summand does not support")
    }
    let sizes = [
      ("layers", layers), ("attention heads", heads), ("key/value heads", keyValueHeads),
      ("head width", headWidth), ("model width", width),
      ("vocabulary", vocabulary), ("context length", context),
    ]
    for (name, size) in sizes where size < 1 || size > 1 << 28 {
      throw refuse("its \(name) is \(size)")
    }
    guard layers <= Self.mostLayers, heads <= 4096, headWidth <= 65536 else {
      throw refuse("\(layers) layers of \(heads) heads of \(headWidth)")
    }
    // The largest known have 53248. Buffers of these widths are made before any weight is read.
    let mostWide = 1 << 20
    for (name, size) in [("heads", queryWidth), ("model", width)] where size > mostWide {
      throw refuse("its \(name) width is \(size)")
    }
    guard mlp.count == layers else { throw refuse("\(layers) layers, and MLPs of \(mlp.count)") }
    for (layer, shape) in mlp.enumerated() where !(1...mostWide).contains(shape.neurons) {
      let isOne = mlp.allSatisfy { $0.neurons == shape.neurons }
      throw refuse(
        "\(isOne ? "its" : "layer \(layer)'s") feed-forward width is \(shape.neurons)")
    }
    guard heads % keyValueHeads == 0 else {
      throw refuse("\(heads) heads cannot share \(keyValueHeads) key/value heads evenly")
    }
    guard epsilon > 0, epsilon < 1 else { throw refuse("the norms' epsilon is \(epsilon)") }
    guard attention.count == layers else {
      throw refuse("\(layers) layers, and attention of \(attention.count)")
    }
    for (name, number) in [
      ("attention scale", attentionScale), ("attention's soft cap", scoreCap ?? 1),
      ("logits' soft cap", logitCap ?? 1), ("embedding scale", embeddingScale ?? 1),
    ] where !(number > 0 && number.isFinite) { throw refuse("its \(name) is \(number)") }
    for layer in Set(attention) {
      if let window = layer.window, window < 1 { throw refuse("an attention window of \(window)") }
      guard let rotary = layer.rotary else { continue }
      guard rotary.width > 0, rotary.width % 2 == 0, rotary.width <= headWidth else {
        throw refuse("RoPE cannot rotate \(rotary.width) of a head of \(headWidth)")
      }
      guard rotary.base >= 1, rotary.base.isFinite else {
        throw refuse("RoPE's base is \(rotary.base)")
      }
      for factors in [rotary.factors, rotary.long?.factors ?? []] where !factors.isEmpty {
        guard factors.count == rotary.width / 2, factors.allSatisfy({ $0 > 0 && $0.isFinite })
        else { throw refuse("RoPE's factors are not \(rotary.width / 2) positive numbers") }
      }
      guard rotary.magnitude > 0, rotary.magnitude.isFinite else {
        throw refuse("RoPE's magnitude is \(rotary.magnitude)")
      }
    }
  }
}
