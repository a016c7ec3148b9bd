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
    // The names of whole models come first: a folder may hold an adapter too.
    for name in ["model.safetensors", "model.safetensors.index.json"] where names.contains(name) {
      return name
    }
    let safetensors = names.filter { $0.hasSuffix(".safetensors") }
    let hasModel = names.contains("config.json") && safetensors.contains { !isAdapter($0) }
    if !hasModel, names.contains(where: isAdapter) {
      throw adapter(path, kind: kind(ofAdapterIn: path))
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

  // MARK: - Adapters

  /// The error for weights that change another model, as PEFT and llama.cpp save them.
  ///
  /// - Parameter kind: `lora`, or what else the file says.
  static func adapter(_ path: String, kind: String) -> ModelError {
    let what = kind.lowercased() == "lora" ? "a LoRA adapter" : "an adapter (\(kind))"
    return ModelError(
      .file, "\(quoted(path)) is \(what), not a model: it changes the weights of another model",
      help:
        "merge the two and load the result: Python's peft has merge_and_unload(), llama.cpp has "
        + "llama-export-lora")
  }

  /// - Throws: `ModelError` if a safetensors file is an adapter.
  static func refuseAdapter(_ path: String, directory: String) throws {
    let folder = directory.isEmpty ? (path.hasPrefix("/") ? "/" : ".") : directory
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let hasConfig = ReadableFile.exists(folder + "/config.json")
    let isBesideOne = ReadableFile.exists(folder + "/adapter_config.json") && !hasConfig
    if isAdapter(name) || isBesideOne { throw adapter(path, kind: kind(ofAdapterIn: folder)) }
  }

  private static func isAdapter(_ name: String) -> Bool {
    ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"].contains(name)
  }

  private static func kind(ofAdapterIn folder: String) -> String {
    let config = try? JSON.read(path: folder + "/adapter_config.json", limit: 1 << 20)
    return config?["peft_type"]?.string.map { String($0.prefix(40)) } ?? "lora"
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
