/// circuit-tracer's cross-layer transcoders: of each layer l of a model `W_enc_l.safetensors`, with `W_enc_l`
/// [features, d], `b_enc_l`, `b_dec_l` and of jump-ReLUs `threshold_l`, and `W_dec_l.safetensors`, with `W_dec_l`
/// [features, layers − l, d]; `config.yaml` next to them.
///
/// A feature of layer l adds its activation times `W_dec_l[feature, k]` to what stands for the MLP of layer l + k.
///
/// Source: circuit-tracer 0.5.0 (`transcoder/cross_layer_transcoder.py`).
enum CrossLayerTranscoder {
  static let kind = "cross_layer_transcoder"

  static func encoderFile(of layer: Int) -> String { "W_enc_\(layer).safetensors" }

  /// Its layers, in their order.
  static func open(folder: String) throws -> [FeatureDictionary] {
    let config = try CircuitTracerDictionary.Config(folder: folder, kind: kind)
    var layers = 0
    while ReadableFile.exists(folder + "/" + encoderFile(of: layers)) { layers += 1 }
    var found: [FeatureDictionary] = []
    var isJump = false
    for layer in 0..<layers {
      try Interruption.check()
      let dictionary = try open(layer, of: layers, folder, config)
      if layer == 0 { isJump = dictionary.rule.isJump }
      let width = found.first?.inputWidth ?? dictionary.inputWidth
      guard dictionary.rule.isJump == isJump, dictionary.inputWidth == width else {
        throw ModelError(
          .file, "the layers 0 and \(layer) of \(quoted(folder)) have other widths or activations",
          help: "they are of different transcoders: fetch all files again")
      }
      found.append(dictionary)
    }
    return found
  }

  /// A folder that only lists files: of Gemma Scope 2. circuit-tracer's reader of these leaves out the last layer, so
  /// that no code tells for sure what the axes of their decoders are.
  static func refuseList(in folder: String) throws {
    let path = folder + "/" + CircuitTracerDictionary.settings
    guard ReadableFile.exists(path), try FlatYAML(path: path).values["model_kind"] == kind else {
      return
    }
    throw ModelError(
      .file,
      "\(quoted(path)) is of a cross-layer transcoder, and W_enc_0.safetensors is not next to it",
      help: "files of other layouts that it lists, such as Gemma Scope 2's, are not supported")
  }

  private static func open(
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
      path: path, format: "circuit-tracer", architecture: (rule.isJump ? "jumprelu_" : "") + kind)
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
