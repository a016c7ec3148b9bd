import Foundation

@testable import Model

/// Sparse autoencoders and transcoders.
extension FuzzTarget {
  /// A byte that chooses what the others are: an archive of NumPy, settings of one of the formats next to
  /// weights that fit the seeds, a transcoder's weights, YAML, or one of the files of a cross-layer transcoder.
  static func dictionaries(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    guard let kind = bytes.first else { return }
    let rest = bytes.dropFirst()
    switch kind % 9 {
    case 0: try use(DictionarySource.open(path: folder.write(rest, "params.npz")))
    case 1:
      let lens = ["W_enc": [2, 3], "W_dec": [3, 2]].merging(biases) { one, _ in one }
      try settings(rest, "cfg.json", lens, "sae_weights.safetensors", folder)
    case 2:
      let sparsify = [
        "encoder.weight": [3, 2], "encoder.bias": [3], "W_dec": [3, 2], "b_dec": [2],
      ]
      try settings(rest, "cfg.json", sparsify, "sae.safetensors", folder)
    case 3:
      let scope = ["w_enc": [2, 3], "w_dec": [3, 2]].merging(biases) { one, _ in one }
      try settings(rest, "config.json", scope, "params.safetensors", folder)
    case 4: try use(DictionarySource.open(path: folder.write(rest, "layer_1.safetensors")))
    case 6:
      try crossLayer(
        rest, "W_enc_0.safetensors", ["W_dec_0": [3, 1, 2]], "W_dec_0.safetensors")
    case 7:
      let encoder = ["W_enc_0": [3, 2], "b_enc_0": [3], "b_dec_0": [2], "threshold_0": [3]]
      try crossLayer(rest, "W_dec_0.safetensors", encoder, "W_enc_0.safetensors")
    case 8:
      let own = try ScratchFolder()
      try own.write(#"{"architecture":"jump_relu"}"#.utf8, "config.json")
      try crossLayer(rest, "params_layer_0.safetensors", own)
    default:
      let file = try FlatYAML(path: folder.write(rest, "config.yaml"))
      try promise(file.values.keys.allSatisfy { !$0.isEmpty }, "a key of no text")
    }
  }

  private static let biases = ["b_enc": [3], "b_dec": [2], "threshold": [3]]

  private static func settings(
    _ bytes: some Sequence<UInt8>, _ name: String, _ shapes: [String: [Int]], _ weights: String,
    _ folder: ScratchFolder
  ) throws {
    let own = try ScratchFolder()
    try write(shapes, weights, own)
    try own.write(bytes, name)
    try use(DictionarySource.open(path: own.path))
  }

  /// Damaged bytes next to a file that is whole.
  private static func crossLayer(
    _ bytes: some Sequence<UInt8>, _ name: String, _ shapes: [String: [Int]], _ weights: String
  ) throws {
    let own = try ScratchFolder()
    try write(shapes, weights, own)
    try crossLayer(bytes, name, own)
  }

  private static func crossLayer(
    _ bytes: some Sequence<UInt8>, _ name: String, _ folder: ScratchFolder
  ) throws {
    try folder.write(bytes, name)
    for layer in try DictionarySource.crossLayer(path: folder.path) ?? [] { try use(layer) }
  }

  private static func write(_ shapes: [String: [Int]], _ name: String, _ folder: ScratchFolder)
    throws
  {
    var (header, end): ([String], Int) = ([], 0)
    for (key, shape) in shapes.sorted(by: { $0.key < $1.key }) {
      let size = 4 * shape.reduce(1, *)
      let axes = shape.map(String.init).joined(separator: ",")
      header.append(
        #""\#(key)":{"dtype":"F32","shape":[\#(axes)],"data_offsets":[\#(end),\#(end + size)]}"#)
      end += size
    }
    let text = "{" + header.joined(separator: ",") + "}"
    // Each number is about 0.0000002.
    try folder.write(framed(text.utf8) + (0..<end).map { $0 % 4 == 3 ? 0x34 : 0x10 }, name)
  }

  private static func use(_ dictionary: FeatureDictionary) throws {
    let (width, features) = (dictionary.inputWidth, dictionary.features)
    guard width < 4096, features < 4096 else { return }
    let pool = WorkerPool(width: 1)
    let row = (0..<width).map { Float($0 % 3) - 0.5 }
    let active = try dictionary.encode([row], on: pool)[0]
    try promise(active.allSatisfy { $0.feature < features && $0.activation != 0 }, "\(active)")
    if width == dictionary.outputWidth || dictionary.isTranscoder {
      let output = try dictionary.reconstruct(row, from: active, on: pool)
      try promise(output.count == dictionary.outputWidth, "\(output.count) numbers")
    }
    _ = try dictionary.decoderRow(features - 1)
  }
}
