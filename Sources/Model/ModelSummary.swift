/// What a checkpoint's headers, its configuration and its tokenizer tell, without a matrix.
public struct ModelSummary: Sendable {
  /// On disk; nil where the file cannot be read at all.
  public private(set) var bytes: Int?
  public private(set) var architecture: String?
  /// How many tensors of each type there are.
  public private(set) var types: [(type: TensorType, count: Int)] = []
  /// Why the model cannot be opened.
  public private(set) var problem: String?

  /// - Parameter path: what `LanguageModel` takes.
  public init(path: String) {
    do {
      let source = try CheckpointSource(path: path)
      try source.blueprint.configuration.validate(path: path)
      describe(source.file.tensors, bytes: source.size)
      architecture = source.blueprint.configuration.architecture
      _ = try source.tokenizer(nil)
      _ = try source.transformer(pool: WorkerPool(width: 1))
    } catch {
      problem = (error as? ModelError)?.message ?? "\(error)"
      if architecture == nil { describeWhatCannotBeOpened(path: path) }
    }
  }

  private mutating func describe(_ tensors: [TensorInfo], bytes: Int) {
    self.bytes = bytes
    types = TensorType.allCases.compactMap { type in
      let count = tensors.count { $0.type == type }
      return count > 0 ? (type, count) : nil
    }
  }

  /// A family that is not supported has a name, a size and types all the same.
  private mutating func describeWhatCannotBeOpened(path: String) {
    if path.hasSuffix(".gguf") {
      guard let file = try? GGUFFile(path: path) else { return }
      describe(file.tensors, bytes: file.fileSize)
      architecture = file.metadata["general.architecture"]?.string
    } else {
      let candidates = [path + "/model.safetensors", path + "/model.safetensors.index.json"]
      if let weights = candidates.first(where: ReadableFile.exists),
        let file = try? SafetensorsFile(path: weights)
      {
        describe(file.tensors, bytes: file.fileSize)
      }
      architecture = (try? ConfigFile(path: path + "/config.json"))?.modelType
    }
  }
}
