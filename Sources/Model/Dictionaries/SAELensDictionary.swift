/// SAELens' folders: `cfg.json` and `sae_weights.safetensors`.
///
/// Source: sae_lens 6.54 (`saes/*.py`; for older settings `loading/pretrained_sae_loaders.py`,
/// `handle_pre_6_0_config`).
enum SAELensDictionary {
  static let settings = "cfg.json"
  static let weights = "sae_weights.safetensors"

  static func open(folder: String) throws -> FeatureDictionary {
    let settings = try DictionarySettings(path: folder + "/" + Self.settings)
    let config = try Config(settings)
    let file = try SafetensorsFile(path: folder + "/" + weights)
    let reader = DictionaryReader(file)
    var facts = DictionaryFacts(
      path: file.path, format: "SAELens", architecture: config.architecture.rawValue)
    facts.isTranscoder = config.architecture.isTranscoder
    (facts.model, facts.hook, facts.outputHook) = (config.model, config.hook, config.outputHook)
    facts.prependsBOS = config.prependsBOS
    let (input, output, features) = (config.input, config.output, config.features)
    let isGated = config.architecture == .gated
    var parts = FeatureDictionary.Parts(
      facts: facts, rule: try rule(config, reader), norm: config.norm,
      subtractsBias: config.subtractsBias,
      encoder: try reader.matrix("W_enc", features, input, isTransposed: true),
      encoderBias: isGated ? nil : try reader.vector("b_enc", features),
      decoder: try reader.matrix("W_dec", features, output, isTransposed: false),
      decoderBias: try reader.vector("b_dec", output))
    parts.scalesByDecoderNorms = config.scalesByDecoderNorms
    if config.architecture.hasSkip {
      parts.skip = try reader.matrix("W_skip", output, input, isTransposed: false)
    }
    // What old versions save of a scale that is 1 unless it says otherwise, which `Config` refuses.
    try reader.refuseUnread(but: ["scaling_factor", "finetuning_scaling_factor"])
    return try FeatureDictionary(parts, reader)
  }

  private static func rule(_ config: Config, _ reader: DictionaryReader) throws -> FeatureRule {
    let features = config.features
    switch config.architecture {
    case .standard, .transcoder, .skipTranscoder: return .rectified
    case .jumpReLU, .jumpReLUTranscoder, .jumpReLUSkipTranscoder, .batchTopK:
      return .jump(try reader.vector("threshold", features))
    case .topK: return .top(config.k)
    case .gated:
      let scales = try reader.vector("r_mag", features).map { Float(Numerics.exp(Double($0))) }
      return .gated(
        FeatureRule.Gate(
          bias: try reader.vector("b_gate", features), scales: scales,
          magnitudeBias: try reader.vector("b_mag", features)))
    }
  }

  enum Architecture: String, CaseIterable {
    case standard, gated, transcoder
    case topK = "topk"
    /// Which is saved with the threshold that it was trained to.
    case batchTopK = "batchtopk"
    case jumpReLU = "jumprelu"
    case skipTranscoder = "skip_transcoder"
    case jumpReLUTranscoder = "jumprelu_transcoder"
    case jumpReLUSkipTranscoder = "jumprelu_skip_transcoder"

    var isTranscoder: Bool {
      switch self {
      case .transcoder, .skipTranscoder, .jumpReLUTranscoder, .jumpReLUSkipTranscoder: true
      case .standard, .gated, .topK, .batchTopK, .jumpReLU: false
      }
    }

    var hasSkip: Bool { self == .skipTranscoder || self == .jumpReLUSkipTranscoder }
  }

  /// What `cfg.json` says, in the words of version 6.
  struct Config {
    var architecture: Architecture
    var input, output, features: Int
    var k = 0
    var subtractsBias: Bool
    var norm: InputNorm
    var scalesByDecoderNorms: Bool
    var model, hook, outputHook: String?
    var prependsBOS: Bool?

    init(_ settings: DictionarySettings) throws {
      let metadata = settings["metadata"]
      let version = metadata?["sae_lens_version"]?.string ?? settings["sae_lens_version"]?.string
      let isOld = Self.isBefore6(version)
      func either(_ key: String) -> JSON? { settings[key] ?? metadata?[key] }
      let function = settings["activation_fn"] ?? settings["activation_fn_str"]
      let isOldTopK = isOld && function?.string == "topk"
      let name = try settings.string("architecture") ?? "standard"
      architecture = try Self.architecture(isOldTopK ? "topk" : name, settings)
      (input, features) = (
        try settings.required(settings.int("d_in"), "d_in"),
        try settings.required(settings.int("d_sae"), "d_sae")
      )
      output =
        architecture.isTranscoder
        ? try settings.required(settings.int("d_out"), "d_out") : input
      if architecture == .topK {
        let old = settings["activation_fn_kwargs"]?["k"]?.int
        k = try settings.required((try settings.int("k")) ?? old, "k")
        guard (1...features).contains(k) else {
          throw settings.unsupported("k", "\(k)", "there are \(features) features")
        }
      }
      if isOld, !isOldTopK, let other = function?.string, other != "relu" {
        throw settings.unsupported("activation_fn", other, "relu and topk are")
      }
      let appliesBias = try settings.bool("apply_b_dec_to_input") ?? !architecture.isTranscoder
      if appliesBias, architecture.isTranscoder {
        throw settings.unsupported(
          "apply_b_dec_to_input", "true",
          "a transcoder's b_dec is of what it writes, and SAELens refuses it too")
      }
      subtractsBias = appliesBias
      norm = try Self.norm(settings, isTranscoder: architecture.isTranscoder)
      scalesByDecoderNorms = try settings.bool("rescale_acts_by_decoder_norm") ?? false
      if scalesByDecoderNorms, architecture != .topK {
        throw settings.unsupported(
          "rescale_acts_by_decoder_norm", "true", "it goes with the architecture topk")
      }
      if try settings.bool("finetuning_scaling_factor") ?? false {
        throw settings.unsupported(
          "finetuning_scaling_factor", "true", "the factor is folded into W_dec by newer versions",
          help: "load it with SAELens 6 and save it again")
      }
      if let head = settings["hook_head_index"] ?? settings["hook_point_head_index"]
        ?? metadata?["hook_head_index"]
      {
        throw settings.unsupported(
          "hook_head_index", "\(head.int ?? -1)", "a dictionary of one head has no site")
      }
      model = either("model_name")?.string
      hook = either("hook_name")?.string ?? settings["hook_point"]?.string
      outputHook = either("hook_name_out")?.string
      prependsBOS = either("prepend_bos")?.bool
      if !isOld { try settings.refuseUnknown(Self.known) }
    }

    /// Of version 6 and later; older files repeat all that their training took.
    private static let known: Set = [
      "architecture", "d_in", "d_sae", "d_out", "dtype", "device", "apply_b_dec_to_input",
      "normalize_activations", "reshape_activations", "metadata", "k",
      "rescale_acts_by_decoder_norm", "hook_name", "hook_name_out", "model_name", "prepend_bos",
      "sae_lens_version", "finetuning_scaling_factor", "hook_head_index", "use_sparse_activations",
      "context_size", "dataset_path", "neuronpedia_id", "sae_lens_training_version",
      "model_from_pretrained_kwargs", "hook_layer", "hook_layer_out", "seqpos_slice",
      "dataset_trust_remote_code", "model_class_name", "exclude_special_tokens",
    ]

    private static func isBefore6(_ version: String?) -> Bool {
      guard let major = version?.split(separator: ".").first.flatMap({ Int($0) }) else {
        return true
      }
      return major < 6
    }

    private static func architecture(_ name: String, _ settings: DictionarySettings) throws
      -> Architecture
    {
      if let known = Architecture(rawValue: name) { return known }
      let names = Architecture.allCases.map(\.rawValue).joined(separator: ", ")
      throw settings.unsupported("architecture", name, "these are: \(names)")
    }

    private static func norm(_ settings: DictionarySettings, isTranscoder: Bool) throws
      -> InputNorm
    {
      let key = "normalize_activations"
      let name: String
      switch settings[key] {
      case nil, .bool(false)?: name = "none"
      case .bool(true)?: name = "expected_average_only_in"
      case .string(let text)?: name = text
      case .some: throw ModelError(.file, "\(quoted(settings.path)): '\(key)' must be text")
      }
      switch name {
      case "none": return .none
      case "constant_norm_rescale": return .constantNorm
      case "layer_norm": return .layer
      case "expected_average_only_in", "covariance_whitening":
        throw settings.unsupported(
          key, name,
          "it needs statistics of the training's activations, which the files do not have",
          help: "fold them into the weights with SAELens (fold_activation_norm_scaling_factor, "
            + "fold_activation_whitening) and save it again")
      default: throw settings.unsupported(key, name, "it is not known")
      }
    }
  }
}
