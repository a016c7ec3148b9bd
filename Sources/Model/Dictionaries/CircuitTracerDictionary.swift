/// circuit-tracer's per-layer transcoders: one safetensors file a layer, `config.yaml` next to them.
///
/// Source: circuit-tracer 0.5.0 (`transcoder/single_layer_transcoder.py`, `activation_functions.py`,
/// `utils/hf_utils.py`).
enum CircuitTracerDictionary {
  static let settings = "config.yaml"

  /// - Parameter path: of a layer's file.
  static func open(file path: String) throws -> FeatureDictionary {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let config = try Config(folder: folder, kind: "transcoder_set")
    let file = try SafetensorsFile(path: path)
    let reader = DictionaryReader(file)
    let (features, input) = try reader.shape("W_enc")
    let (_, output) = try reader.shape("W_dec")
    let thresholdName = "activation_function.threshold"
    var rule = FeatureRule.rectified
    if reader.has(thresholdName) {
      rule = .jump(try thresholds(reader.vector(thresholdName, features), path))
    }
    let hasSkip = reader.has("W_skip")
    var facts = DictionaryFacts(
      path: path, format: "circuit-tracer",
      architecture: (rule.isJump ? "jumprelu_" : "") + (hasSkip ? "skip_transcoder" : "transcoder"))
    facts.isTranscoder = true
    (facts.model, facts.hook, facts.outputHook) = (
      config?.model, config?.inputHook, config?.outputHook
    )
    var parts = FeatureDictionary.Parts(
      facts: facts, rule: rule,
      encoder: try reader.matrix("W_enc", features, input, isTransposed: false),
      encoderBias: try reader.vector("b_enc", features),
      decoder: try reader.matrix("W_dec", features, output, isTransposed: false),
      decoderBias: try reader.vector("b_dec", output))
    if hasSkip { parts.skip = try reader.matrix("W_skip", output, input, isTransposed: false) }
    try reader.refuseUnread()
    return try FeatureDictionary(parts, reader)
  }

  /// There a feature below 0 is kept where it is above its threshold.
  static func thresholds(_ thresholds: [Float], _ path: String) throws -> [Float] {
    guard thresholds.allSatisfy({ $0 >= 0 }) else {
      throw ModelError(
        .file, "\(quoted(path)) has thresholds below 0, with which features could be negative")
    }
    return thresholds
  }

  /// Of a set: which model it is of, and where its transcoders read and write.
  struct Config {
    var model, inputHook, outputHook: String?

    /// Nil where there is no such file.
    ///
    /// - Parameter kind: what the weights are.
    init?(folder: String, kind wanted: String) throws {
      let path = folder + "/" + settings
      guard ReadableFile.exists(path) else { return nil }
      let file = try FlatYAML(path: path)
      if let kind = file.values["model_kind"], kind != wanted {
        throw ModelError(
          .file,
          "\(quoted(path)): 'model_kind' is \(quoted(kind)), and the weights are a \(wanted)",
          help: "layer_N.safetensors are a transcoder_set, and W_enc_N.safetensors a "
            + CrossLayerTranscoder.kind)
      }
      model = file.values["model_name"]
      inputHook = file.values["feature_input_hook"]
      outputHook = file.values["feature_output_hook"]
    }
  }
}
