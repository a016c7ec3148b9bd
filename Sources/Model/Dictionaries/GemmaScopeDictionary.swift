/// Gemma Scope: `params.npz` alone, or `params.safetensors` with `config.json` (Gemma Scope 2). JumpReLU,
/// without b_dec on what is read.
///
/// Source: the repositories google/gemma-scope-* and google/gemma-scope-2-*, and SAELens' loaders of both.
enum GemmaScopeDictionary {
  static let first = "params.npz"
  static let second = "params.safetensors"

  static func open(archive path: String) throws -> FeatureDictionary {
    let file = try NumpyArchive(path: path)
    let reader = DictionaryReader(file)
    let facts = DictionaryFacts(path: path, format: "Gemma Scope", architecture: "jumprelu")
    let (input, features) = try reader.shape("W_enc")
    let (_, output) = try reader.shape("W_dec")
    let parts = FeatureDictionary.Parts(
      facts: facts, rule: .jump(try reader.vector("threshold", features)),
      encoder: try reader.matrix("W_enc", features, input, isTransposed: true),
      encoderBias: try reader.vector("b_enc", features),
      decoder: try reader.matrix("W_dec", features, output, isTransposed: false),
      decoderBias: try reader.vector("b_dec", output))
    try reader.refuseUnread()
    return try FeatureDictionary(parts, reader)
  }

  /// Of Gemma Scope 2.
  static func settings(in folder: String) throws -> DictionarySettings {
    let settings = try DictionarySettings(path: folder + "/config.json")
    let architecture = try settings.required(settings.string("architecture"), "architecture")
    guard ["jump_relu", "jumprelu"].contains(architecture) else {
      throw settings.unsupported("architecture", architecture, "jump_relu is")
    }
    try settings.refuseUnknown([
      "architecture", "hf_hook_point_in", "hf_hook_point_out", "width", "model_name", "l0",
      "affine_connection", "type",
    ])
    return settings
  }

  static func open(folder: String) throws -> FeatureDictionary {
    let settings = try settings(in: folder)
    let kind = try settings.string("type")
    guard [nil, "sae", "transcoder"].contains(kind) else {
      throw settings.unsupported("type", kind ?? "", "sae and transcoder are")
    }
    let file = try SafetensorsFile(path: folder + "/" + second)
    let reader = DictionaryReader(file)
    let hasSkip = try settings.bool("affine_connection") ?? false
    let (input, features) = try reader.shape("w_enc")
    let (_, output) = try reader.shape("w_dec")
    if let width = try settings.int("width"), width != features {
      throw settings.unsupported("width", "\(width)", "the weights have \(features) features")
    }
    var facts = DictionaryFacts(
      path: file.path, format: "Gemma Scope 2", architecture: "jumprelu")
    facts.model = try settings.string("model_name")
    facts.hook = try settings.string("hf_hook_point_in")
    facts.outputHook = try settings.string("hf_hook_point_out")
    facts.isTranscoder =
      kind == "transcoder" || hasSkip
      || (facts.outputHook != nil && facts.outputHook != facts.hook)
    if facts.isTranscoder {
      facts.architecture = hasSkip ? "jumprelu_skip_transcoder" : "jumprelu_transcoder"
    }
    var parts = FeatureDictionary.Parts(
      facts: facts, rule: .jump(try reader.vector("threshold", features)),
      encoder: try reader.matrix("w_enc", features, input, isTransposed: true),
      encoderBias: try reader.vector("b_enc", features),
      decoder: try reader.matrix("w_dec", features, output, isTransposed: false),
      decoderBias: try reader.vector("b_dec", output))
    if hasSkip {
      // In the file it is [d_in, d_out].
      parts.skip = try reader.matrix(
        "affine_skip_connection", output, input, isTransposed: true)
    }
    try reader.refuseUnread()
    return try FeatureDictionary(parts, reader)
  }
}
