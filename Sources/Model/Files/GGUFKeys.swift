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
      help: "the file is damaged or was converted by something else: fetch it again")
  }

  private func mistyped(_ key: String, _ wanted: String) -> ModelError {
    ModelError(.file, "\(quoted(file.path)): the key '\(prefix).\(key)' is not \(wanted)")
  }
}

extension GGUFKeys {
  /// RoPE as the keys and tensors of most families have it.
  ///
  /// - Parameters:
  ///   - headWidth: d_head, of which `rope.dimension_count` elements are rotated.
  ///   - fallback: the base where the file gives none.
  /// - Throws: `ModelError` for a scaling that is not supported.
  func rotary(headWidth: Int, base fallback: Double = 10_000) throws -> Rotary {
    let width = try int("rope.dimension_count", default: headWidth)
    guard width > 0, width <= headWidth else {
      throw ModelError(
        .file, "\(quoted(file.path)): RoPE cannot rotate \(width) of a head of \(headWidth)")
    }
    var rotary = Rotary(width: width, base: try double("rope.freq_base", default: fallback))
    switch file.metadata["\(prefix).rope.scaling.type"]?.string ?? "none" {
    case "none", "longrope": break
    case "linear":
      rotary.factors = RopeScaling.linear(rotary, factor: try double("rope.scaling.factor"))
    case let other:
      throw ModelError(
        .file, "\(quoted(file.path)) scales its RoPE by \(quoted(other)), which is not supported")
    }
    if let factors = file.tensor(named: "rope_freqs.weight") {
      rotary.factors = try numbers(factors, count: width / 2)
    }
    if let long = file.tensor(named: "rope_factors_long.weight") {
      let original = try int("rope.scaling.original_context_length")
      rotary.factors = try numbers(
        try file.require("rope_factors_short.weight"), count: width / 2)
      rotary.long = Rotary.LongFactors(
        context: original, factors: try numbers(long, count: width / 2))
      rotary.magnitude = try double(
        "rope.scaling.attn_factor",
        default: RopeScaling.longMagnitude(
          context: try int("context_length"), original: original))
    }
    return rotary
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
