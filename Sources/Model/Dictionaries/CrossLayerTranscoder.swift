/// Cross-layer transcoders: one dictionary of each layer of a model. A feature of layer l adds its activation times a
/// decoder row to what stands for the MLP of layer l, and times others to those of later layers.
enum CrossLayerTranscoder {
  static let kind = "cross_layer_transcoder"

  /// Its layers, in their order; nil where the folder has no files of one.
  ///
  /// - Throws: `ModelError` that says what is missing, damaged or not supported.
  static func open(folder: String) throws -> [FeatureDictionary]? {
    for format in Format.allCases {
      var layers = 0
      while ReadableFile.exists(folder + "/" + format.firstFile(of: layers)) { layers += 1 }
      guard layers > 0 else { continue }
      let open = try format.reader(of: layers, in: folder)
      var found: [FeatureDictionary] = []
      for layer in 0..<layers {
        try Interruption.check()
        let dictionary = try open(layer)
        let first = found.first ?? dictionary
        guard dictionary.rule.isJump == first.rule.isJump,
          dictionary.inputWidth == first.inputWidth,
          (dictionary.skip == nil) == (first.skip == nil)
        else {
          throw ModelError(
            .file,
            "the layers 0 and \(layer) of \(quoted(folder)) differ in width or kind",
            help: "they are of different transcoders: fetch all files again")
        }
        found.append(dictionary)
      }
      return found
    }
    return nil
  }

  /// How their files are laid out.
  private enum Format: CaseIterable {
    case circuitTracer, gemmaScope

    /// Of a layer's files.
    func firstFile(of layer: Int) -> String {
      switch self {
      case .circuitTracer: CircuitTracerLayers.encoderFile(of: layer)
      case .gemmaScope: GemmaScopeLayers.file(of: layer)
      }
    }

    /// What opens a layer.
    func reader(of layers: Int, in folder: String) throws -> (Int) throws -> FeatureDictionary {
      switch self {
      case .circuitTracer:
        let config = try CircuitTracerDictionary.Config(folder: folder, kind: kind)
        return { try CircuitTracerLayers.open($0, of: layers, folder, config) }
      case .gemmaScope:
        let settings = try GemmaScopeLayers.settings(in: folder)
        return { try GemmaScopeLayers.open($0, of: layers, folder, settings) }
      }
    }
  }

  /// Whether a file is one layer of one.
  static func isLayer(_ name: String) -> Bool {
    name.hasSuffix(".safetensors")
      && ["W_enc_", "W_dec_", "params_layer_"].contains(where: name.hasPrefix)
  }

  /// A folder that only lists files, of other folders.
  static func refuseList(in folder: String) throws {
    let path = folder + "/" + CircuitTracerDictionary.settings
    guard ReadableFile.exists(path), try FlatYAML(path: path).values["model_kind"] == kind else {
      return
    }
    throw ModelError(
      .file,
      "\(quoted(path)) is of a cross-layer transcoder, and no file of its layer 0 is next to it",
      help:
        "open the folder with W_enc_0.safetensors, or with Gemma Scope's params_layer_0.safetensors"
    )
  }
}

/// circuit-tracer's: of each layer l `W_enc_l.safetensors`, with `W_enc_l` [features, d], `b_enc_l`, `b_dec_l` and of
/// jump-ReLUs `threshold_l`, and `W_dec_l.safetensors`, with `W_dec_l` [features, layers − l, d]; `config.yaml` next to
/// them.
///
/// Source: circuit-tracer 0.5.0 (`transcoder/cross_layer_transcoder.py`).
private enum CircuitTracerLayers {
  static func encoderFile(of layer: Int) -> String { "W_enc_\(layer).safetensors" }

  static func open(
    _ layer: Int, of layers: Int, _ folder: String, _ config: CircuitTracerDictionary.Config?
  ) throws -> FeatureDictionary {
    let path = folder + "/" + encoderFile(of: layer)
    let encoder = DictionaryReader(try SafetensorsFile(path: path))
    let decoder = DictionaryReader(
      try SafetensorsFile(path: folder + "/W_dec_\(layer).safetensors"), failures: encoder.failures)
    let (features, width) = try encoder.shape("W_enc_\(layer)")
    var rule = FeatureRule.rectified
    let threshold = "threshold_\(layer)"
    if encoder.has(threshold) {
      rule = .jump(
        try CircuitTracerDictionary.thresholds(encoder.vector(threshold, features), path))
    }
    var facts = DictionaryFacts(
      path: path, format: "circuit-tracer",
      architecture: (rule.isJump ? "jumprelu_" : "") + CrossLayerTranscoder.kind)
    facts.isTranscoder = true
    (facts.model, facts.hook, facts.outputHook) = (
      config?.model, config?.inputHook, config?.outputHook
    )
    let written = layers - layer
    let parts = FeatureDictionary.Parts(
      facts: facts, rule: rule,
      encoder: try encoder.matrix("W_enc_\(layer)", features, width, isTransposed: false),
      encoderBias: try encoder.vector("b_enc_\(layer)", features),
      decoder: try decoder.matrix("W_dec_\(layer)", rows: features, of: written, width),
      decoderBias: try encoder.vector("b_dec_\(layer)", width), layersWritten: written)
    try encoder.refuseUnread()
    try decoder.refuseUnread()
    return try FeatureDictionary(parts, encoder, decoder)
  }
}
