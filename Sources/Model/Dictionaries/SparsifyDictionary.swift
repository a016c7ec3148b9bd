/// EleutherAI's sparsify: `cfg.json` and `sae.safetensors`. Top-k, of all or of one in each group.
///
/// Source: eai-sparsify 1.3.3 (`config.py`, `sparse_coder.py`, `fused_encoder.py`).
enum SparsifyDictionary {
  static let weights = "sae.safetensors"

  static func open(folder: String) throws -> FeatureDictionary {
    let settings = try DictionarySettings(path: folder + "/cfg.json")
    try settings.refuseUnknown([
      "activation", "expansion_factor", "normalize_decoder", "num_latents", "k", "multi_topk",
      "skip_connection", "transcode", "d_in", "signed",
    ])
    if try settings.bool("signed") ?? false {
      throw settings.unsupported("signed", "true", "features are not negative")
    }
    let file = try SafetensorsFile(path: folder + "/" + weights)
    let reader = DictionaryReader(file)
    let isTranscoder = try settings.bool("transcode") ?? false
    let hasSkip = try settings.bool("skip_connection") ?? false
    let input = try settings.required(settings.int("d_in"), "d_in")
    let (features, _) = try reader.shape("encoder.weight")
    let k = try settings.required(settings.int("k"), "k")
    guard k <= features else {
      throw settings.unsupported("k", "\(k)", "there are \(features) features")
    }
    let name = try settings.string("activation") ?? "topk"
    let rule: FeatureRule
    switch name {
    case "topk": rule = .top(k)
    case "groupmax" where features.isMultiple(of: k): rule = .groups(k)
    case "groupmax":
      throw settings.unsupported("k", "\(k)", "\(features) features have no \(k) equal groups")
    default: throw settings.unsupported("activation", name, "topk and groupmax are")
    }
    var facts = DictionaryFacts(path: file.path, format: "sparsify", architecture: name)
    facts.isTranscoder = isTranscoder
    if isTranscoder { facts.architecture += hasSkip ? "_skip_transcoder" : "_transcoder" }
    facts.hook = folder.split(separator: "/").last.map(String.init)
    var parts = FeatureDictionary.Parts(
      facts: facts, rule: rule, subtractsBias: !isTranscoder,
      encoder: try reader.matrix("encoder.weight", features, input, isTransposed: false),
      encoderBias: try reader.vector("encoder.bias", features),
      decoder: try reader.matrix("W_dec", features, input, isTransposed: false),
      decoderBias: try reader.vector("b_dec", input))
    if hasSkip { parts.skip = try reader.matrix("W_skip", input, input, isTransposed: false) }
    try reader.refuseUnread()
    return try FeatureDictionary(parts, reader)
  }
}
