/// A `config.json` as Hugging Face's transformers writes it, 4.x and 5.x alike.
struct ConfigFile: Sendable {
  let path: String
  /// The keys that the file sets, null among them.
  let stated: [String: JSON]
  /// What stands before them in messages: "" or, for the language model within another, "text_config.".
  let prefix: String
  /// What the family's keys are, those that the file leaves out among them; empty until `resolved`.
  private(set) var values: [String: JSON] = [:]

  init(path: String) throws {
    guard ReadableFile.exists(path) else {
      throw ModelError(
        .file, "there is no config.json at \(quoted(path))",
        help: "a safetensors model needs its config.json and tokenizer.json next to it")
    }
    let bytes = try JSON.bytes(path: path, limit: 1 << 22)
    guard let members = try JSON(bytes, source: path).object else {
      throw ModelError(.file, "\(quoted(path)) is not a model's config.json: it is not an object")
    }
    self.init(path: path, stated: members, prefix: "")
  }

  private init(path: String, stated: [String: JSON], prefix: String) {
    self.path = path
    self.stated = stated
    self.prefix = prefix
  }

  /// The family's name.
  var modelType: String? { stated["model_type"]?.string }

  /// What has quantized the weights, where something has.
  var quantization: String? { stated["quantization_config"]?["quant_method"]?.string }

  /// The language model's part of the file of a model that reads more than text.
  var text: ConfigFile {
    get throws {
      guard let members = stated["text_config"], members != .null else {
        throw ModelError(.file, "\(quoted(path)) lacks the key 'text_config'")
      }
      guard let members = members.object else { throw mistyped("text_config", "an object") }
      return ConfigFile(path: path, stated: members, prefix: "text_config.")
    }
  }

  /// The file read as transformers reads it: keys that it leaves out have the class's defaults, and
  /// values of another type than the class declares are errors.
  ///
  /// - Parameter aliases: other names of keys, which win where both are there.
  func resolved(by keys: ConfigClass, aliases: [String: String] = [:]) throws -> ConfigFile {
    var file = self
    file.values = keys.mapValues(\.fallback)
    for (name, key) in keys {
      guard let value = stated[name] else { continue }
      guard key.allows(value) else { throw mistyped(name, key.wanted) }
      file.values[name] = value
    }
    for (alias, name) in aliases {
      guard let value = stated[alias], let key = keys[name] else { continue }
      guard key.allows(value) else { throw mistyped(alias, key.wanted) }
      file.values[name] = value
    }
    if let pad = file.values["pad_token_id"]?.int, let size = file.values["vocab_size"]?.int,
      keys["rms_norm_eps"] != nil, pad >= size || pad < -size
    {
      throw unsupported("the padding token \(pad) of a vocabulary of \(size)")
    }
    for key in ["is_causal", "per_layer_config"] {
      // Of no layers, where there are layers.
      let empty: [JSON] = keys["num_hidden_layers"] ?? keys["n_layer"] == nil ? [] : [.object([:])]
      let harmless = key == "is_causal" ? [.bool(true)] : [.null] + empty
      guard let value = stated[key], !harmless.contains(value) else { continue }
      throw unsupported(
        key == "is_causal" ? "attention that looks ahead (is_causal)" : "per_layer_config")
    }
    try file.checkLayerTypes()
    return file
  }

  /// Keys that the file sets, that nothing reads and that are not known to be harmless.
  func unknownKeys(_ keys: ConfigClass, read: Set<String> = []) -> [String] {
    stated.keys.filter {
      keys[$0] == nil && !read.contains($0) && !ConfigClass.harmless.contains($0)
        && !["is_causal", "per_layer_config"].contains($0)
        && ConfigClass.harmlessValues[$0] != stated[$0]
    }.sorted().map { prefix + $0 }
  }
}

// MARK: - Values

extension ConfigFile {
  /// A number that is there: `resolved` has looked at its type.
  func int(_ key: String) throws -> Int { try require(values[key]?.int, key) }

  func float(_ key: String) throws -> Float { Float(try require(values[key]?.double, key)) }

  func bool(_ key: String) throws -> Bool { try require(values[key]?.bool, key) }

  func string(_ key: String) throws -> String { try require(values[key]?.string, key) }

  /// Nil where the value is null.
  func optionalInt(_ key: String) -> Int? { values[key]?.int }

  func optionalFloat(_ key: String) -> Float? { values[key]?.double.map { Float($0) } }

  /// A count of layers for which something may be allocated.
  func layers(_ key: String) throws -> Int {
    let count = try int(key)
    guard (1...Configuration.mostLayers).contains(count) else {
      throw unsupported("\(count) layers")
    }
    return count
  }

  /// The width of one of `heads` heads that share `width` elements.
  func headWidth(_ width: Int, heads: Int) throws -> Int {
    guard heads > 0 else { throw unsupported("\(heads) attention heads") }
    guard width % heads == 0 else {
      throw unsupported("\(heads) attention heads that share \(width) elements")
    }
    return width / heads
  }

  /// The types of layers as the file lists them, by their names of today.
  var layerTypes: [String]? {
    (values["layer_types"] ?? stated["layer_types"])?.array?.compactMap(\.string).map {
      $0 == "attention" ? "full_attention" : $0
    }
  }

  /// transformers refuses another number of types than of layers, and unknown ones, in every family.
  private func checkLayerTypes() throws {
    guard let value = values["layer_types"] ?? stated["layer_types"], value != .null else { return }
    // The outer configuration of a model that reads more than text has no layers of its own.
    guard let layers = values["num_hidden_layers"] ?? values["n_layer"] else { return }
    guard let list = value.array, let types = layerTypes, types.count == list.count,
      types.count == layers.int
    else { throw mistyped("layer_types", "a list of one type for each layer") }
    if let other = types.first(where: { !["full_attention", "sliding_attention"].contains($0) }) {
      throw unsupported("layers of the type \(quoted(other))")
    }
  }

  /// An activation by transformers' name for it.
  func nonlinearity(_ key: String) throws -> MLPShape.Nonlinearity {
    switch try string(key) {
    case "silu", "swish": .silu
    case "gelu", "gelu_python": .gelu
    case "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_accurate":
      .geluTanh
    case let name: throw unsupported("the activation \(quoted(name))")
    }
  }
}

// MARK: - Errors

extension ConfigFile {
  func require<T>(_ value: T?, _ key: String) throws -> T {
    guard let value else {
      throw ModelError(.file, "\(quoted(path)) lacks the key '\(prefix)\(key)'")
    }
    return value
  }

  func unsupported(_ what: String) -> ModelError {
    ModelError(.file, "\(quoted(path)) asks for \(what), which is not supported")
  }

  func mistyped(_ key: String, _ wanted: String) -> ModelError {
    ModelError(
      .file, "\(quoted(path)): '\(prefix)\(key)' must be \(wanted)",
      help: "transformers refuses other values of this key too")
  }

  /// The keys that size tensors and that the file leaves out, with what transformers takes for them;
  /// nil where it sets all of them.
  var assumedSizes: String? {
    let sizes = [
      "vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
      "num_key_value_heads", "head_dim", "n_embd", "n_head", "n_layer", "n_positions", "rotary_dim",
    ]
    let assumed = sizes.compactMap { key -> String? in
      guard stated[key] == nil, let value = values[key]?.int else { return nil }
      return "\(prefix)\(key) (default: \(value))"
    }
    return assumed.isEmpty ? nil : "config.json does not set " + assumed.joined(separator: ", ")
  }
}
