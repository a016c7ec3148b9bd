/// What people have on disk under the name of a model and that is none: recognised by how it begins,
/// so that the message can say what to do.
enum ForeignFile {
  /// What a file that begins with `bytes` is; nil if that is unknown.
  static func describe(_ bytes: some Sequence<UInt8>) -> (what: String, help: String)? {
    let start = Array(bytes.prefix(64))
    func begins(_ text: String) -> Bool { start.starts(with: text.utf8) }
    func begins(_ prefix: [UInt8]) -> Bool { start.starts(with: prefix) }
    if begins("version https://git-lfs") {
      return (
        "a Git LFS pointer, which stands for the file and is not it",
        "fetch the file itself: git lfs pull"
      )
    }
    if begins("PK\u{3}\u{4}") { return ("a zip archive, as PyTorch saves", conversion) }
    // The opcode of a pickle's protocol, and the protocols that there are.
    // Eight bytes like 80 02 00 00 … begin a safetensors file.
    if start.count > 8, start[0] == 0x80, (2...5).contains(start[1]),
      start[2..<8].contains(where: { $0 != 0 })
    {
      return ("a Python pickle, as PyTorch saves", conversion)
    }
    if begins([0x89, 0x48, 0x44, 0x46]) { return ("an HDF5 file, as Keras saves", conversion) }
    let text = String(decoding: start.drop { $0 <= 0x20 }, as: UTF8.self).lowercased()
    if text.hasPrefix("<!doctype") || text.hasPrefix("<html") || text.hasPrefix("<?xml") {
      return (
        "a web page, which some server sent in the file's place",
        "fetch it again: the address may need a login or be wrong"
      )
    }
    if begins([0x1F, 0x8B, 0x08]) { return ("a gzip archive", "unpack it: gunzip") }
    return nil
  }

  /// Whether a name is one of those that PyTorch, TensorFlow or JAX give to weights.
  static func isForeign(name: String) -> Bool {
    [
      ".bin", ".pt", ".pth", ".ckpt", ".bin.index.json", ".h5", ".msgpack", ".onnx", ".npz",
    ].contains { name.hasSuffix($0) }
  }

  /// What to do with weights in another format.
  static let conversion =
    "its hub page may have a safetensors copy; else convert it with Python's transformers: "
    + "AutoModelForCausalLM.from_pretrained(FOLDER).save_pretrained(NEW_FOLDER), and "
    + "AutoTokenizer likewise"

  /// The error for weights whose format is known by their name alone.
  static func refusal(_ path: String) -> ModelError {
    // PyTorch's are pickled Python objects.
    let isPickled = [".bin", ".pt", ".pth", ".ckpt", ".bin.index.json"].contains {
      path.hasSuffix($0)
    }
    let format = isPickled ? "can run code when it is opened" : "is not read"
    return ModelError(
      .file, "\(quoted(path)) holds weights in a format that \(format)",
      help: "GGUF and safetensors are read; \(conversion)")
  }
}

extension ReadableFile {
  /// An error for a file that is not what it should be: what it is, where that can be told.
  func foreign(otherwise message: String, help: String? = nil) -> ModelError {
    guard let start = try? bytes(at: 0, count: min(size, 64)),
      let (what, way) = ForeignFile.describe(start)
    else {
      if ForeignFile.isForeign(name: path) { return ForeignFile.refusal(path) }
      return damaged(message, help: help)
    }
    return damaged("this is \(what)", help: way)
  }
}
