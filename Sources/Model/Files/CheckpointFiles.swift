#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Which file of a path holds the weights.
enum CheckpointFiles {
  /// The GGUF file, safetensors file or index that `path`, a file or a directory, stands for.
  ///
  /// - Throws: `ModelError` if there is none, or if one of several must be chosen.
  static func weights(at path: String) throws -> String {
    var isDirectory = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw ModelError(
        .file, "there is no file \(quoted(path))",
        help: "give the path of a GGUF or safetensors file, or of a directory that holds one")
    }
    guard isDirectory else { return path }
    return (path.hasSuffix("/") ? path : path + "/") + (try weights(inDirectory: path))
  }

  private static func weights(inDirectory path: String) throws -> String {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    for name in ["model.safetensors", "model.safetensors.index.json"] where names.contains(name) {
      return name
    }
    let safetensors = names.filter { $0.hasSuffix(".safetensors") }
    if safetensors == ["adapter_model.safetensors"] {
      throw ModelError(
        .file, "the directory \(quoted(path)) holds an adapter, which changes another model",
        help: "merge the two with Python's peft: merge_and_unload(), then save_pretrained()")
    }
    if safetensors.contains(where: { $0.contains("-of-") }) {
      throw ModelError(
        .file, "the directory \(quoted(path)) has parts of a model, but not the index of them",
        help: "fetch model.safetensors.index.json too")
    }
    if let name = try only(safetensors, in: path, "safetensors") { return name }
    if let name = try only(firstParts(names), in: path, "GGUF") { return name }
    if let name = names.first(where: ForeignFile.isForeign) {
      throw ForeignFile.refusal(path + "/" + name)
    }
    throw ModelError(
      .file, "the directory \(quoted(path)) has no model.safetensors and no GGUF file",
      help: "give a directory that holds one, or the path of a GGUF file")
  }

  /// The GGUF files, those of a split checkpoint by their first part alone.
  private static func firstParts(_ names: [String]) -> [String] {
    names.filter { name in
      guard name.hasSuffix(".gguf") else { return false }
      return name.firstRange(of: "-of-").map { range in
        name[..<range.lowerBound].hasSuffix("-00001")
      } ?? true
    }
  }

  private static func only(_ names: [String], in path: String, _ kind: String) throws -> String? {
    guard names.count > 1 else { return names.first }
    throw ModelError(
      .file,
      "the directory \(quoted(path)) has \(names.count) \(kind) files: "
        + names.prefix(20).map { quoted($0) }.joined(separator: ", "),
      help: "give the path of one of them")
  }
}
