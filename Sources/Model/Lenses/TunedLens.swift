/// A tuned lens (Belrose et al. 2023): for the stream before each layer an affine map to what the stream
/// after the last layer is expected to be.
///
/// Layout, as the package tuned-lens 0.2.0 has it: a folder with `config.json` and the parameters
/// `N.weight` [d, d] and `N.bias` [d] for layers N = 0 to L − 1, here in `params.safetensors`. The map is
/// h + W h + b; the final norm and the unembedding follow.
public struct TunedLens: Sendable {
  /// The model that it was trained on, as its file names it.
  public let modelName: String
  /// One for each layer, of the stream that enters it.
  public let translators: [AffineMap]

  static let parameters = "params.safetensors"

  /// - Parameters:
  ///   - folder: that has the two files.
  ///   - configuration: of the model that is read.
  /// - Throws: `ModelError` for files that are missing, damaged or of another kind of lens, and for a lens
  ///   of another width or number of layers.
  public init(folder: String, for configuration: Configuration) throws {
    let path = folder + "/config.json"
    guard ReadableFile.exists(path) else {
      throw ModelError(
        .file, "\(quoted(folder)) has no config.json, and is not the folder of a tuned lens",
        help: "a tuned lens has config.json and \(Self.parameters)")
    }
    let settings = try TunedLensSettings(try JSON.read(path: path, limit: 1 << 20), path: path)
    try settings.check(for: configuration)
    modelName = settings.modelName
    let file = try SafetensorsFile(path: try Self.parametersPath(in: folder))
    try Self.checkNames(of: file, settings)
    translators = try (0..<settings.layers).map { layer in
      let map = try AffineMap(
        weight: "\(layer).weight", bias: settings.hasBias ? "\(layer).bias" : nil, in: file,
        isResidual: true)
      guard map.inputWidth == settings.width, map.outputWidth == settings.width else {
        throw ModelError(
          .file,
          "tensor \(quoted("\(layer).weight")) in \(quoted(file.path)) has shape "
            + "[\(map.outputWidth), \(map.inputWidth)], and config.json says d_model = "
            + "\(settings.width)")
      }
      return map
    }
  }

  private static func parametersPath(in folder: String) throws -> String {
    let path = folder + "/" + parameters
    if ReadableFile.exists(path) { return path }
    if ReadableFile.exists(folder + "/params.pt") {
      throw ModelError(
        .file,
        "the parameters in \(quoted(folder)) are in params.pt, a file of PyTorch, which can hold "
          + "programs and is not read",
        help: "convert it: Scripts/convert-lens \(quoted(folder))")
    }
    throw ModelError(.file, "\(quoted(folder)) has no \(parameters)")
  }

  /// What nothing reads would be left out of the sum.
  private static func checkNames(of file: SafetensorsFile, _ settings: TunedLensSettings) throws {
    let known = Set(
      (0..<settings.layers).flatMap { layer in
        ["\(layer).weight"] + (settings.hasBias ? ["\(layer).bias"] : [])
      })
    let names = file.tensors.map(\.name) + file.unsupported.keys.sorted()
    guard let other = names.first(where: { !known.contains($0) }) else { return }
    throw ModelError(
      .file,
      "\(quoted(file.path)) has a tensor \(quoted(other)) that a lens of \(settings.layers) layers "
        + (settings.hasBias ? "" : "without biases ") + "has no place for",
      help: "config.json and \(parameters) do not belong together")
  }
}

/// What config.json says of a tuned lens.
private struct TunedLensSettings {
  let path: String
  let modelName: String
  let width: Int
  let layers: Int
  let hasBias: Bool

  init(_ json: JSON, path: String) throws {
    self.path = path
    func refuse(_ message: String, help: String? = nil) -> ModelError {
      ModelError(.file, "\(quoted(path)): \(message)", help: help)
    }
    guard let members = json.object else { throw refuse("this is not an object") }
    let known: Set = [
      "base_model_name_or_path", "d_model", "num_hidden_layers", "bias", "base_model_revision",
      "unembed_hash", "lens_type",
    ]
    if let other = members.keys.sorted().first(where: { !known.contains($0) }) {
      throw refuse(
        "the key \(quoted(other)) is not one of a linear tuned lens",
        help: "it may be of an older version of tuned-lens, whose lenses differ")
    }
    let type = json["lens_type"] ?? .string("linear_tuned_lens")
    guard type == .string("linear_tuned_lens") else {
      throw refuse("only lenses of the type linear_tuned_lens are read")
    }
    guard let name = json["base_model_name_or_path"]?.string, !name.isEmpty else {
      throw refuse("base_model_name_or_path must be a text")
    }
    guard let width = json["d_model"]?.int, width > 0 else {
      throw refuse("d_model must be a whole number above 0")
    }
    guard let layers = json["num_hidden_layers"]?.int,
      (1...Configuration.mostLayers).contains(layers)
    else { throw refuse("num_hidden_layers must be a whole number above 0") }
    let bias = members["bias"] ?? .bool(true)
    guard let hasBias = bias.bool else { throw refuse("bias must be true or false") }
    (modelName, self.width, self.layers, self.hasBias) = (name, width, layers, hasBias)
  }

  func check(for c: Configuration) throws {
    guard width == c.width, layers == c.layers else {
      throw ModelError(
        .file,
        "the lens in \(quoted(path)) is of \(quoted(modelName)), with \(layers) layers of width "
          + "\(width); the model in use has \(c.layers) layers of width \(c.width)",
        help: "take a lens of the model in use, or `use` the lens' model")
    }
  }
}
