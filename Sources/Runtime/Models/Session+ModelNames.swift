import Model

extension Session {
  /// Whether a model is the one that a file names, as far as names tell: by what it is loaded as, by its
  /// file, folder or repository, whatever the owner, the case and the quantization.
  func goes(_ model: LanguageModel, by name: String) -> Bool {
    let parts = model.path.split(separator: "/").map(String.init)
    let names =
      [self.name(of: model), ModelStore.shortName(of: model.path, asked: model.path)]
      + parts.suffix(2) + [ModelFiles.withoutEnding(parts.last ?? "")]
      + [ShortNames.repository(of: self.name(of: model))].compactMap { $0 }
    let wanted = ModelWords(name)
    return !wanted.words.isEmpty && names.contains { ModelWords($0) == wanted }
  }
}

/// A model's name as it is compared with others.
private struct ModelWords: Equatable {
  let words: [String]

  init(_ name: String) {
    let words = ModelFiles.withoutEnding(name.lastPart).lowercased()
      .split { $0 == "-" || $0 == "_" || $0 == "." }.map(String.init)
    self.words = Array(words.prefix { !Self.isOfWeights($0) })
  }

  /// Words that say how the weights are kept, and everything after them: Q4_K_M, IQ4, F16, gguf.
  private static func isOfWeights(_ word: String) -> Bool {
    if ["gguf", "f16", "f32", "bf16", "fp16", "fp32", "safetensors"].contains(word) { return true }
    let rest =
      word.hasPrefix("iq") ? word.dropFirst(2) : word.hasPrefix("q") ? word.dropFirst() : ""
    return rest.count == 1 && rest.allSatisfy(\.isNumber)
  }
}
