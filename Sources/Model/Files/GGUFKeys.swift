/// The numbers of one architecture in a GGUF file's metadata: keys under `{prefix}.`.
struct GGUFKeys {
  let file: GGUFFile
  let prefix: String

  func int(_ key: String, default fallback: Int? = nil) throws -> Int {
    guard let value = file.metadata["\(prefix).\(key)"] else {
      if let fallback { return fallback }
      throw missing(key)
    }
    guard let int = value.int else { throw mistyped(key, "a whole number") }
    return int
  }

  /// A number of each layer: one for all of them, or a list.
  func ints(_ key: String, layers: Int, default fallback: Int? = nil) throws -> [Int] {
    guard let value = file.metadata["\(prefix).\(key)"], value.int == nil else {
      return Array(repeating: try int(key, default: fallback), count: layers)
    }
    guard let ints = value.ints, ints.count == layers else {
      throw mistyped(key, "a whole number, or a list of one for each of the \(layers) layers")
    }
    return ints
  }

  func double(_ key: String, default fallback: Double? = nil) throws -> Double {
    guard let value = file.metadata["\(prefix).\(key)"] else {
      if let fallback { return fallback }
      throw missing(key)
    }
    guard let double = value.double else { throw mistyped(key, "a number") }
    return double
  }

  func bool(_ key: String, default fallback: Bool) throws -> Bool {
    guard let value = file.metadata["\(prefix).\(key)"] else { return fallback }
    guard let bool = value.bool else { throw mistyped(key, "true or false") }
    return bool
  }

  func has(_ key: String) -> Bool { file.metadata["\(prefix).\(key)"] != nil }

  /// Whether the file has a tensor: some families have biases in some models only.
  func hasTensor(_ name: String) -> Bool { file.tensor(named: name) != nil }

  /// A count of layers for which something may be allocated.
  func layers() throws -> Int {
    let layers = try int("block_count")
    guard (1...Configuration.mostLayers).contains(layers) else {
      throw ModelError(.file, "\(quoted(file.path)): \(prefix).block_count is \(layers)")
    }
    return layers
  }

  /// d_head: stated, or the share of each of `heads`.
  func headWidth(_ width: Int, heads: Int) throws -> Int {
    guard heads > 0 else {
      throw ModelError(.file, "\(quoted(file.path)): \(prefix).attention.head_count is \(heads)")
    }
    let headWidth = try int("attention.key_length", default: width / heads)
    guard (1...65536).contains(headWidth) else {
      throw ModelError(.file, "\(quoted(file.path)) has heads \(headWidth) wide")
    }
    try refuse(
      "attention.value_length", unless: headWidth,
      because: "only \(headWidth), the width of keys, is supported")
    return headWidth
  }

  /// An error if the key has another value than `harmless`.
  func refuse(_ key: String, unless harmless: Int, because reason: String) throws {
    guard let value = file.metadata["\(prefix).\(key)"]?.int, value != harmless else { return }
    throw ModelError(.file, "\(quoted(file.path)): \(prefix).\(key) is \(value): \(reason)")
  }

  /// An error if the key has another value than `harmless`.
  func refuse(_ key: String, unless harmless: String, because reason: String) throws {
    guard let value = file.metadata["\(prefix).\(key)"]?.string, value != harmless else { return }
    throw ModelError(
      .file,
      "\(quoted(file.path)): \(prefix).\(key) is \(quoted(value)): \(reason), which is not supported"
    )
  }

  func missing(_ key: String) -> ModelError {
    ModelError(
      .file, "\(quoted(file.path)) lacks the key '\(prefix).\(key)'",
      help: "the file may come from another program: convert the model again with llama.cpp's "
        + "convert_hf_to_gguf.py")
  }

  private func mistyped(_ key: String, _ wanted: String) -> ModelError {
    ModelError(.file, "\(quoted(file.path)): the key '\(prefix).\(key)' is not \(wanted)")
  }
}

extension GGUFKeys {
  /// RoPE as the keys and tensors of most families have it.
  ///
  /// - Parameters:
  ///   - headWidth: d_head; `rope.dimension_count` elements of a head are rotated.
  ///   - fallback: the base where the file gives none.
  /// - Throws: `ModelError` for a scaling that is not supported.
  func rotary(headWidth: Int, base fallback: Double = 10_000) throws -> Rotary {
    let width = try int("rope.dimension_count", default: headWidth)
    guard width > 0, width <= headWidth else {
      throw ModelError(
        .file, "\(quoted(file.path)): RoPE cannot rotate \(width) of a head of \(headWidth)")
    }
    var rotary = Rotary(width: width, base: try double("rope.freq_base", default: fallback))
    let scale = try rotaryScale()
    if scale != 1 { rotary.factors = RopeScaling.linear(rotary, factor: scale) }
    if let factors = file.tensor(named: "rope_freqs.weight") {
      rotary.factors = try numbers(factors, count: width / 2).map { $0 * scale }
    }
    if let long = file.tensor(named: "rope_factors_long.weight") {
      let original = try int(
        "rope.scaling.original_context_length", default: int("context_length"))
      rotary.factors = try numbers(
        try file.require("rope_factors_short.weight"), count: width / 2
      ).map { $0 * scale }
      rotary.long = Rotary.LongFactors(
        context: original, factors: try numbers(long, count: width / 2).map { $0 * scale })
    }
    rotary.magnitude = try rotaryMagnitude()
    return rotary
  }

  /// What sines and cosines are multiplied by. llama.cpp reads it whatever the type of scaling.
  func rotaryMagnitude() throws -> Double { try double("rope.scaling.attn_factor", default: 1) }

  /// What every frequency is divided by, as llama.cpp finds it: the type is linear where the file
  /// names none, and the factor has an older name. 0 stands for none.
  private func rotaryScale() throws -> Double {
    let key = has("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear"
    let factor = try double(key, default: 0)
    let type = file.metadata["\(prefix).rope.scaling.type"] ?? .string("linear")
    switch type.string {
    case "none": return 1
    case "linear", "longrope": return factor == 0 ? 1 : factor
    case let other:
      throw ModelError(
        .file,
        "\(quoted(file.path)) scales its RoPE by \(quoted(other ?? "a type that is not text")), "
          + "which is not supported")
    }
  }

  /// Tensors that `rotary` has read.
  static let rotaryTensors: Set = [
    "rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight",
  ]

  private func numbers(_ tensor: TensorInfo, count: Int) throws -> [Double] {
    guard tensor.type == .f32, tensor.shape == [count] else {
      throw ModelError(
        .file,
        "tensor \(quoted(tensor.name)) in \(quoted(file.path)) is not one F32 number for each of "
          + "\(count) pairs")
    }
    return try file.floats(of: tensor).map(Double.init)
  }
}

// MARK: - Keys that nothing reads

extension GGUFKeys {
  /// The architecture's keys that nothing reads and that are not known to be harmless.
  ///
  /// - Parameter own: the keys that this family reads and others do not.
  func unknownKeys(read own: Set<String> = []) -> [String] {
    file.metadata.keys.filter { key in
      guard key.hasPrefix(prefix + ".") else { return false }
      let name = String(key.dropFirst(prefix.count + 1))
      return !Self.read.contains(name) && !own.contains(name) && !Self.harmless.contains(name)
    }
  }

  /// Refuses what would change attention in every family.
  func refuseOtherAttention() throws {
    guard try bool("attention.causal", default: true) else {
      throw ModelError(
        .file, "\(quoted(file.path)) asks for attention that looks ahead, which is not supported")
    }
  }

  private static let read: Set = [
    "block_count", "context_length", "embedding_length", "feed_forward_length",
    "attention.head_count", "attention.head_count_kv", "attention.key_length",
    "attention.value_length", "attention.layer_norm_epsilon", "attention.layer_norm_rms_epsilon",
    "attention.causal", "expert_count",
  ]

  /// What `rotary` reads.
  static let rotaryKeys: Set = [
    "rope.dimension_count", "rope.freq_base", "rope.scaling.type", "rope.scaling.factor",
    "rope.scaling.original_context_length", "rope.scaling.attn_factor", "rope.scale_linear",
  ]

  /// Sizes that follow from the tensors too, what only a mixture of experts or YaRN has (both are
  /// refused), and notes of whoever made the file.
  private static let harmless: Set = [
    "vocab_size", "tensor_data_layout", "expert_used_count", "pooling_type",
    "rope.scaling.finetuned",
    "rope.scaling.yarn_log_multiplier", "rope.scaling.yarn_ext_factor",
    "rope.scaling.yarn_attn_factor", "rope.scaling.yarn_beta_fast", "rope.scaling.yarn_beta_slow",
  ]
}
