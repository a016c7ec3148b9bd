import Synchronization

/// A model as a person opens it: weights, tokenizer, and the file that they came from.
public final class LanguageModel: Sendable {
  /// The file, or the directory of a safetensors model.
  public let path: String
  public let transformer: Transformer
  public let tokenizer: Tokenizer
  /// How many tensors of each type the file has.
  public let tensorTypes: [(type: TensorType, count: Int)]
  /// Bytes on disk.
  public let fileSize: Int
  /// The tokens that end a text: the tokenizer's, and those that the files name for generation.
  public let endTokens: Set<Int>
  /// How conversations become text.
  public let chat: ChatTemplates
  /// The file that holds the weights.
  public let weightsPath: String
  /// Keys of the configuration that nothing reads and that are not known to be harmless.
  public let unknownKeys: [String]
  /// Whether the file has an unembedding of its own although its configuration ties it to the
  /// embedding. It is used.
  public let hasOwnHead: Bool

  /// The files that hold the weights, as they were opened.
  private let parts: [ReadableFile]
  private let digests = Mutex<[String]?>(nil)
  private let content = Mutex<ContentDigest?>(nil)

  public var configuration: Configuration { transformer.configuration }

  /// Opens a GGUF file, a safetensors file or index, or a directory that holds one of them;
  /// `config.json` and `tokenizer.json` are next to a safetensors file.
  ///
  /// - Throws: `ModelError` that says what is missing, damaged or not supported.
  public init(path: String, pool: WorkerPool) throws {
    if let complaint = Kernels.complaint() { throw complaint }
    let source = try CheckpointSource(path: path)
    self.path = path
    weightsPath = source.file.path
    parts = source.file.parts
    fileSize = source.size
    try source.blueprint.configuration.validate(path: path)
    tokenizer = try source.tokenizer(pool)
    endTokens = try tokenizer.endTokens.union(source.endTokens())
    chat = source.chat(tokenizer.namedTokens)
    transformer = try source.transformer(pool: pool)
    unknownKeys = source.blueprint.unknownKeys
    hasOwnHead = source.blueprint.configuration.isTied && !transformer.configuration.isTied
    tensorTypes = TensorType.allCases.compactMap { type in
      let count = source.file.tensors.count { $0.type == type }
      return count > 0 ? (type, count) : nil
    }
  }

  /// The files that hold the weights, one or the parts of a split checkpoint.
  public var weightFiles: [String] { parts.map(\.path) }

  /// Those of them at whose paths there is another file by now, or none.
  public var replacedFiles: [String] { parts.filter(\.isReplaced).map(\.path) }

  /// - Throws: `ModelError` where one of them was written to since it was opened.
  public func checkUnchanged() throws { for part in parts { try part.checkUnchanged() } }

  /// The SHA-256 of each of `weightFiles`, of what was opened.
  ///
  /// - Parameters:
  ///   - memory: where digests are kept from one process to the next. Without it every byte has been
  ///     read by this process.
  ///   - progress: given the number of bytes done, of `fileSize`.
  /// - Throws: `ModelError` where one was written to since.
  public func weightDigests(
    memory: (any DigestMemory)? = nil, progress: (Int) throws -> Void = { _ in }
  ) throws -> [String] {
    try checkUnchanged()
    return try digests.withLock { known in
      if let known { return known }
      if let memory {
        let remembered = parts.compactMap { $0.rememberedDigest(memory) }
        if remembered.count == parts.count { return remembered }
      }
      var done = 0
      let digests = try parts.map { part in
        defer { done += part.size }
        return try part.digest(memory: memory) { try progress(done + $0) }
      }
      known = digests
      return digests
    }
  }

  /// What tells this model from others: its weights and what was read of its configuration. The files
  /// are read for it once.
  ///
  /// - Throws: `ModelError` where one was written to since it was opened; `Interruption.Stopped`.
  public func contentDigest() throws -> ContentDigest {
    try content.withLock { known in
      if let known { return known }
      var bytes = ByteWriter()
      bytes.append(String(reflecting: configuration))
      for part in parts { bytes.append(try part.contentDigest().text) }
      let digest = ContentDigest(of: bytes.bytes)
      known = digest
      return digest
    }
  }

  /// The text's tokens, BOS first where `addsBOS` says so.
  public func encode(_ text: String, addsBOS: Bool) -> [Int] {
    (addsBOS ? [tokenizer.bos].compactMap { $0 } : []) + tokenizer.encode(text).map(\.id)
  }
}

/// What a path turned out to be.
struct CheckpointSource {
  let file: any TensorFile
  let size: Int
  let blueprint: Blueprint
  /// Opened with the help of a pool, or on this thread alone.
  let tokenizer: (WorkerPool?) throws -> Tokenizer
  /// In addition to the tokenizer's.
  let endTokens: () throws -> [Int]
  /// Its chat templates, given the tokens that have a name.
  let chat: ([String: String]) -> ChatTemplates
  /// What has quantized the weights of a safetensors file, where something has: GPTQ, AWQ and others,
  /// whose tensors are not those of the architecture.
  let quantization: String?

  init(path: String) throws {
    let file = try CheckpointFiles.weights(at: path)
    if file.hasSuffix(".safetensors") || file.hasSuffix(".safetensors.index.json") {
      try self.init(safetensors: file)
    } else {
      try self.init(gguf: file)
    }
  }

  /// The weights, found and checked.
  func transformer(pool: WorkerPool) throws -> Transformer {
    do {
      return try Transformer(blueprint, file: file, pool: pool)
    } catch let error as ModelError {
      guard let quantization else { throw error }
      throw ModelError(
        error.kind, error.message,
        help:
          "config.json says that \(quoted(quantization)) has quantized the weights, which is not "
          + "read: load the model that was quantized, or a GGUF file of it")
    }
  }

  private init(gguf path: String) throws {
    let file = try GGUFFile(path: path)
    if file.metadata["general.type"]?.string == "adapter" {
      let kind = file.metadata["adapter.type"]?.string ?? "lora"
      throw CheckpointFiles.adapter(path, kind: kind)
    }
    guard let name = file.metadata["general.architecture"]?.string else {
      throw ModelError(
        .file, "\(quoted(path)) does not say its architecture (general.architecture)")
    }
    let family = try Architectures.named(gguf: name, path: path)
    self.file = file
    size = file.fileSize
    blueprint = try family.blueprint(gguf: file)
    tokenizer = { try Tokenizer(gguf: file, pool: $0) }
    quantization = nil
    endTokens = { [] }
    chat = { ChatTemplates(metadata: file.metadata, tokens: $0) }
  }

  private init(safetensors path: String) throws {
    let file = try SafetensorsFile(path: path)
    let directory = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
      .joined(separator: "/")
    try CheckpointFiles.refuseAdapter(path, directory: directory)
    let folder = directory.isEmpty ? (path.hasPrefix("/") ? "/" : "") : directory + "/"
    let config = try ConfigFile(path: folder + "config.json")
    guard let name = config.modelType else {
      throw ModelError(.file, "\(quoted(config.path)) does not say its model_type")
    }
    let family = try Architectures.named(modelType: name, path: config.path)
    self.file = file
    size = file.fileSize
    var blueprint = try family.blueprint(json: config)
    blueprint.findEmbedding(in: file)
    self.blueprint = blueprint
    quantization = config.quantization
    tokenizer = { pool in
      try TokenizerFolder.check(folder)
      return try Tokenizer(
        tokenizerJSON: folder + "tokenizer.json", config: folder + "tokenizer_config.json",
        model: (name, try JSON.read(path: config.path)["tokenizer_class"]?.string),
        pool: pool)
    }
    endTokens = { try GenerationConfig(folder: folder).endTokens }
    chat = { ChatTemplates(folder: folder, tokens: $0) }
  }
}
