/// Phi-3: Llama with its queries, keys and values in one tensor and its gate and up matrices in
/// another, a window, and in the long-context models a RoPE with one set of factors for prompts that
/// fit the original context and another for longer ones.
///
/// Hugging Face's `modeling_phi3.py`; GGUF keeps its rows in their order.
enum Phi3: Architecture {
  static let ggufNames = ["phi3"]
  static let modelTypes = ["phi3"]

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    let keys = GGUFKeys(file: file, prefix: "phi3")
    let window = try keys.int("attention.sliding_window", default: 0)
    let configuration = try Configuration(likeLlama: keys) {
      LayerAttention(window: window == 0 ? nil : window, rotary: $0)
    }
    return Blueprint(
      configuration: configuration, names: .gguf(configuration, isFused: true),
      unknownKeys: keys.unknownKeys(
        read: GGUFKeys.rotaryKeys.union(["attention.sliding_window"])))
  }

  static func blueprint(json file: ConfigFile) throws -> Blueprint {
    let file = try file.resolved(by: keys)
    let window = file.optionalInt("sliding_window")
    let configuration = try Configuration(likeLlama: file, rope: rope(file)) { _, rotary in
      LayerAttention(window: window, rotary: rotary)
    }
    return Blueprint(
      configuration: configuration, names: .huggingFace(configuration, isFused: true), config: file,
      unknownKeys: file.unknownKeys(keys, read: RopeKeys.read))
  }

  /// Its class wants plain RoPE or `longrope`, which older files call `su` or `yarn`, and factors of
  /// the right count even where they are not used.
  private static func rope(_ file: ConfigFile) throws -> (_ layer: Int, _ width: Int) throws ->
    Rotary
  {
    var rope = try RopeKeys(file, shareByDefault: 1)
    if rope.kind == "su", rope.members["original_max_position_embeddings"] == nil {
      throw file.unsupported("RoPE scaling 'su' without its original_max_position_embeddings")
    }
    if ["su", "yarn"].contains(rope.kind) { rope.members["rope_type"] = .string("longrope") }
    guard ["default", "longrope"].contains(rope.kind) else {
      throw file.unsupported("RoPE scaling \(quoted(rope.kind ?? "without a type"))")
    }
    return { [rope] _, width in
      let rotary = try rope.rotary(headWidth: width, isPartial: true)
      for key in ["short_factor", "long_factor"] {
        guard let list = rope.members[key], list != .null else { continue }
        guard list.array?.count == rotary.width / 2 else {
          throw file.mistyped("rope_parameters." + key, "a list of \(rotary.width / 2) numbers")
        }
      }
      return rotary
    }
  }

  /// `Phi3Config`
  static let keys: ConfigClass = .likeLlama(
    LlamaDefaults(
      vocabulary: 32064, width: 3072, neurons: 8192, layers: 32, heads: 32, context: 4096,
      epsilon: 1e-5, tokens: (32000, 1, 32000)),
    [
      "num_key_value_heads": .optional(.int), "hidden_act": .string("silu"),
      "original_max_position_embeddings": .int(4096), "sliding_window": .optional(.int),
      "resid_pdrop": .number(0), "embd_pdrop": .number(0),
    ])
}
