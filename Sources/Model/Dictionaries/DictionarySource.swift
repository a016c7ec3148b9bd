/// Finds out what kind of files a dictionary is in.
public enum DictionarySource {
  /// Opens a folder or a file of any format that is read.
  ///
  /// - Parameter layer: which, where a folder has a file for each layer.
  /// - Throws: `ModelError` that says what is missing, damaged or not supported.
  public static func open(path: String, layer: Int? = nil) throws -> FeatureDictionary {
    if let complaint = Kernels.complaint() { throw complaint }
    guard ReadableFile.exists(path) else {
      throw ModelError(.file, "there is no file or folder \(quoted(path))")
    }
    return try isFolder(path) ? open(folder: path, layer: layer) : open(file: path)
  }

  /// The layers of a cross-layer transcoder, in their order; nil where the path is no folder of one.
  ///
  /// - Throws: `ModelError` that says what is missing, damaged or not supported.
  public static func crossLayer(path: String) throws -> [FeatureDictionary]? {
    if let complaint = Kernels.complaint() { throw complaint }
    return try CrossLayerTranscoder.open(folder: path)
  }

  private static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  private static func open(file path: String) throws -> FeatureDictionary {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[..<$0]) } ?? "."
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    switch name {
    case SAELensDictionary.weights: return try SAELensDictionary.open(folder: folder)
    case SparsifyDictionary.weights: return try SparsifyDictionary.open(folder: folder)
    case GemmaScopeDictionary.second: return try GemmaScopeDictionary.open(folder: folder)
    default: break
    }
    if name.hasSuffix(".npz") { return try GemmaScopeDictionary.open(archive: path) }
    if CrossLayerTranscoder.isLayer(name) {
      throw ModelError(
        .file, "\(quoted(path)) is one layer of a cross-layer transcoder",
        help: "open its folder: \(quoted(folder))")
    }
    if name.hasSuffix(".safetensors") { return try CircuitTracerDictionary.open(file: path) }
    if isPickle(name) { throw pickled(path) }
    throw ModelError(
      .file, "\(quoted(path)) is not a dictionary's file",
      help:
        "these are sae_weights.safetensors, params.npz, params.safetensors, sae.safetensors, or a "
        + "folder with one of them")
  }

  private static func open(folder: String, layer: Int?) throws -> FeatureDictionary {
    func has(_ name: String) -> Bool { ReadableFile.exists(folder + "/" + name) }
    if hasSAELens(folder) { return try SAELensDictionary.open(folder: folder) }
    if has(SparsifyDictionary.weights) { return try SparsifyDictionary.open(folder: folder) }
    if has(GemmaScopeDictionary.second) { return try GemmaScopeDictionary.open(folder: folder) }
    if has(GemmaScopeDictionary.first) {
      return try GemmaScopeDictionary.open(archive: folder + "/" + GemmaScopeDictionary.first)
    }
    if let layer, has("layer_\(layer).safetensors") {
      return try CircuitTracerDictionary.open(file: folder + "/layer_\(layer).safetensors")
    }
    try CrossLayerTranscoder.refuseList(in: folder)
    if has("ae.pt") { throw pickled(folder + "/ae.pt") }
    throw ModelError(
      .file, "\(quoted(folder)) has no dictionary that is read",
      help:
        "SAELens (cfg.json, sae_weights.safetensors), Gemma Scope (params.npz, params.safetensors; all "
        + "layers' params_layer_N.safetensors), sparsify (cfg.json, sae.safetensors) and circuit-tracer "
        + "(layer_N.safetensors; all layers' W_enc_N.safetensors and W_dec_N.safetensors) are")
  }

  private static func hasSAELens(_ folder: String) -> Bool {
    ReadableFile.exists(folder + "/" + SAELensDictionary.weights)
  }

  private static func isPickle(_ name: String) -> Bool {
    [".pt", ".pth", ".bin", ".pkl", ".ckpt"].contains(where: name.hasSuffix)
  }

  /// Pickles can run programs.
  private static func pickled(_ path: String) -> ModelError {
    ModelError(
      .file, "\(quoted(path)) is a pickle of PyTorch's, which can run programs and is not read",
      help: "convert it: Scripts/convert-dictionary FILE.pt FOLDER")
  }
}
