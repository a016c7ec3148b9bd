/// Gemma Scope 2's cross-layer transcoders: of each layer l `params_layer_l.safetensors`, with `w_enc` [d, features],
/// `b_enc`, `threshold`, `w_dec` [features, layers, d], `b_dec` and maybe `affine_skip_connection` [d_in, d_out];
/// `config.json` next to them.
///
/// A feature has a decoder row for each layer of the model. Those of layers before its own are of nothing that it could
/// write in, and are left out.
///
/// Source: circuit-tracer 0.5.0 (`load_gemma_scope_2_clt`), which leaves the last file out where it counts them from 0.
enum GemmaScopeLayers {
  static func settings(in folder: String) throws -> DictionarySettings {
    let settings = try GemmaScopeDictionary.settings(in: folder)
    let kind = try settings.string("type")
    guard [nil, "clt", "cross_layer_transcoder", "transcoder"].contains(kind) else {
      throw settings.unsupported("type", kind ?? "", "cross-layer transcoders are")
    }
    return settings
  }

  static func file(of layer: Int) -> String { "params_layer_\(layer).safetensors" }

  static func open(
    _ layer: Int, of layers: Int, _ folder: String, _ settings: DictionarySettings
  ) throws -> FeatureDictionary {
    let path = folder + "/" + file(of: layer)
    let reader = DictionaryReader(try SafetensorsFile(path: path))
    let (width, features) = try reader.shape("w_enc")
    let hasSkip = reader.has("affine_skip_connection")
    if let wanted = try settings.bool("affine_connection"), wanted != hasSkip {
      throw settings.unsupported(
        "affine_connection", "\(wanted)",
        "\(quoted(path)) has \(hasSkip ? "an" : "no") affine_skip_connection")
    }
    var facts = DictionaryFacts(
      path: path, format: "Gemma Scope 2",
      architecture: "jumprelu_" + (hasSkip ? "skip_" : "") + CrossLayerTranscoder.kind)
    facts.isTranscoder = true
    facts.model = try settings.string("model_name")
    facts.hook = try hook("hf_hook_point_in", layer, of: layers, settings)
    facts.outputHook = try hook("hf_hook_point_out", layer, of: layers, settings)
    var parts = FeatureDictionary.Parts(
      facts: facts, rule: .jump(try reader.vector("threshold", features)),
      encoder: try reader.matrix("w_enc", features, width, isTransposed: true),
      encoderBias: try reader.vector("b_enc", features),
      decoder: try reader.matrix("w_dec", rows: features, of: layers, width),
      decoderBias: try reader.vector("b_dec", width), rowsBefore: layer,
      layersWritten: layers - layer)
    if hasSkip {
      parts.skip = try reader.matrix("affine_skip_connection", width, width, isTransposed: true)
    }
    try reader.refuseUnread()
    return try FeatureDictionary(parts, reader)
  }

  /// A text for all layers, or one for each.
  private static func hook(
    _ key: String, _ layer: Int, of layers: Int, _ settings: DictionarySettings
  ) throws -> String? {
    guard let names = settings[key]?.array else { return try settings.string(key) }
    guard names.count == layers, let name = names[layer].string else {
      throw settings.unsupported(
        key, "\(names.count) values", "the folder has files of \(layers) layers")
    }
    return name
  }
}
