/// A family of models: how its files name things and lay them out, told in the canonical form.
/// Everything after loading knows no family by name.
protocol Architecture: Sendable {
  /// As GGUF's `general.architecture` has them; none where GGUF has no such family.
  static var ggufNames: [String] { get }
  /// As Hugging Face's `model_type` has them.
  static var modelTypes: [String] { get }
  static func blueprint(gguf: GGUFFile) throws -> Blueprint
  static func blueprint(json: ConfigFile) throws -> Blueprint
  /// What the family's class declares: of a model that reads more than text, of its text model.
  static var keys: ConfigClass { get }
}

extension Architecture {
  /// For families that GGUF does not have, or has under another's name.
  static var ggufNames: [String] { [] }

  static func blueprint(gguf file: GGUFFile) throws -> Blueprint {
    throw ModelError(
      .file, "\(quoted(file.path)): there is no GGUF layout of this architecture",
      help: "load the safetensors files of the model")
  }
}

/// A model as its files describe it.
struct Blueprint {
  var configuration: Configuration
  var names: WeightNames
  /// The `config.json` that says so, read as the family's class reads it; nil of a GGUF file.
  var config: ConfigFile?
  /// Keys of the file that nothing reads and that are not known to be harmless.
  var unknownKeys: [String] = []
}

extension Blueprint {
  /// Of a file that keeps one matrix for the embedding and the unembedding, either name will do.
  mutating func findEmbedding(in file: any TensorFile) {
    let there = Set(file.tensors.map(\.name))
    func has(_ source: WeightSource) -> Bool {
      names.spellings(of: source.name).contains(where: there.contains)
    }
    if configuration.isTied, !has(names.embedding), has(names.unembedding) {
      names.embedding = names.unembedding
    }
  }
}

/// Every family that can be opened.
enum Architectures {
  static let all: [any Architecture.Type] = [
    GPT2.self, GPTNeoX.self, GPTJ.self, Llama.self, Mistral.self, Qwen2.self, Qwen3.self,
    Gemma.self, Gemma2.self, Gemma3.self, Phi3.self,
  ]

  static func named(gguf name: String, path: String) throws -> any Architecture.Type {
    try find(name, path) { $0.ggufNames }
  }

  static func named(modelType name: String, path: String) throws -> any Architecture.Type {
    try find(name, path) { $0.modelTypes }
  }

  private static func find(
    _ name: String, _ path: String, _ names: (any Architecture.Type) -> [String]
  ) throws -> any Architecture.Type {
    if let found = all.first(where: { names($0).contains(name) }) { return found }
    throw ModelError(
      .file,
      "\(quoted(path)) is a model of the architecture \(quoted(name)), which Summand cannot run",
      help: "it can run: \(all.flatMap(names).joined(separator: ", "))")
  }
}
