/// What a transformer is made of, whatever family it comes from.
public struct Configuration: Sendable, Equatable {
  /// The family, as GGUF writes it: `llama`.
  public var architecture: String
  public var layers: Int
  /// Query heads in a layer.
  public var heads: Int
  /// Key/value heads in a layer; query head h reads key/value head ⌊h / (heads / keyValueHeads)⌋.
  public var keyValueHeads: Int
  /// d_head
  public var headWidth: Int
  /// d_model
  public var width: Int
  /// d_mlp
  public var neurons: Int
  /// Rows of the unembedding: may be more than the tokenizer has tokens.
  public var vocabulary: Int
  /// How many positions the model was trained for.
  public var context: Int
  /// ε of the norms.
  public var epsilon: Float
  /// The base of RoPE's frequencies.
  public var ropeBase: Double
  /// Whether the unembedding is the embedding.
  public var isTied: Bool

  /// Which key/value head serves a query head.
  public func keyValueHead(of head: Int) -> Int { head / (heads / keyValueHeads) }

  /// The query heads that read a key/value head.
  public func heads(reading keyValueHead: Int) -> Range<Int> {
    let group = heads / keyValueHeads
    return keyValueHead * group..<(keyValueHead + 1) * group
  }

  /// Refuses what no transformer can be, before anything is computed from it.
  ///
  /// - Throws: `ModelError` that names the first number that cannot be.
  func validate(path: String) throws {
    func refuse(_ what: String) -> ModelError {
      ModelError(
        .file, "\(quoted(path)) describes an impossible model: \(what)",
        help: "the file is damaged or was not converted correctly: fetch it again")
    }
    let sizes = [
      ("layers", layers), ("attention heads", heads), ("key/value heads", keyValueHeads),
      ("head width", headWidth), ("model width", width), ("feed-forward width", neurons),
      ("vocabulary", vocabulary), ("context length", context),
    ]
    for (name, size) in sizes where size < 1 || size > 1 << 28 {
      throw refuse("its \(name) is \(size)")
    }
    guard layers <= 4096, heads <= 4096, headWidth <= 65536 else {
      throw refuse("\(layers) layers of \(heads) heads of \(headWidth)")
    }
    // The largest known have 53248. Buffers of these widths are made before a weight is looked at.
    for (name, size) in [
      ("heads", heads * headWidth), ("model", width), ("feed-forward", neurons),
    ] where size > 1 << 20 {
      throw refuse("its \(name) width is \(size)")
    }
    guard heads % keyValueHeads == 0 else {
      throw refuse("\(heads) heads cannot share \(keyValueHeads) key/value heads evenly")
    }
    guard headWidth % 2 == 0 else { throw refuse("RoPE cannot rotate a head of \(headWidth)") }
    guard epsilon > 0, epsilon < 1 else { throw refuse("the norms' epsilon is \(epsilon)") }
    guard ropeBase >= 1, ropeBase.isFinite else { throw refuse("RoPE's base is \(ropeBase)") }
  }
}
