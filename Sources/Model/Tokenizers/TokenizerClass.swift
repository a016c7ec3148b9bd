/// The class of transformers that reads a folder's tokenizer. Most take the `tokenizer.json` as it
/// stands. Five take only its vocabulary, merges and post-processor and bring the rest themselves.
enum TokenizerClass: String {
  case backend = "TokenizersBackend"
  case gpt2 = "GPT2Tokenizer"
  case gptNeoX = "GPTNeoXTokenizer"
  case llama = "LlamaTokenizer"
  case qwen2 = "Qwen2Tokenizer"
  case gemma = "GemmaTokenizer"

  /// As `AutoTokenizer.from_pretrained` of transformers 5.24 chooses.
  ///
  /// - Parameters:
  ///   - modelType: `model_type` of `config.json`.
  ///   - named: `tokenizer_class` of `tokenizer_config.json`, else of `config.json`.
  init(modelType: String, named: String?, isByteLevel: Bool) {
    let hub = named.map { $0.hasSuffix("Fast") ? String($0.dropLast(4)) : $0 }
    let usual: TokenizerClass? =
      switch modelType {
      case "gemma", "gemma2", "gemma3", "gemma3_text": .gemma
      case "gpt2", "gptj": .gpt2
      case "gpt_neox": .gptNeoX
      case "qwen2", "qwen3": .qwen2
      case "mistral", "phi3": .backend
      default: nil
      }
    guard let hub else {
      self = (usual ?? .backend).fitting(isByteLevel: isByteLevel)
      return
    }
    let isTrusted = !["phi3", "qwen2"].contains(modelType)
    let keepsTheFile =
      hub == TokenizerClass.llama.rawValue && isByteLevel && isTrusted && modelType != "mistral"
    if keepsTheFile || usual == .backend {
      self = .backend
    } else if let usual, !isTrusted {
      self = usual
    } else {
      let named = TokenizerClass(rawValue: hub) ?? .backend
      self = named.fitting(isByteLevel: isByteLevel)
    }
  }

  /// Gemma's class cannot encode with a byte-level vocabulary: transformers raises an error, and here
  /// the `tokenizer.json` is taken as it stands.
  private func fitting(isByteLevel: Bool) -> TokenizerClass {
    self == .gemma && isByteLevel ? .backend : self
  }

  /// Classes that bring parts of their own, which are not known here.
  static let unknown = ["CodeLlamaTokenizer", "CohereTokenizer", "CodeGenTokenizer"]

  /// The tokens that have a name though no file gives them one.
  var names: [String: String] {
    let end = "<|endoftext|>"
    return switch self {
    case .backend: [:]
    case .gpt2: ["unk_token": end, "bos_token": end, "eos_token": end]
    case .gptNeoX:
      ["unk_token": end, "bos_token": end, "eos_token": end, "pad_token": "<|padding|>"]
    case .llama: ["unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"]
    case .qwen2: ["unk_token": end, "eos_token": end, "pad_token": end]
    case .gemma:
      [
        "unk_token": "<unk>", "bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>",
        "mask_token": "<mask>",
      ]
    }
  }

  /// The parts that the class brings, by their names in a `tokenizer.json`; nil if it brings none.
  func parts(_ files: HubTokenizerFiles) -> (parts: [String: JSON], model: [String: JSON])? {
    let space = files.config?["add_prefix_space"]?.bool
    func type(_ name: String, _ more: [String: JSON] = [:]) -> JSON {
      .object(more.merging(["type": .string(name)]) { $1 })
    }
    func bytes(_ usesRegex: Bool) -> JSON {
      type(
        "ByteLevel",
        ["add_prefix_space": .bool(space ?? false), "use_regex": .bool(usesRegex)])
    }
    let byteLevel: [String: JSON] = ["byte_fallback": .bool(false), "fuse_unk": .bool(false)]
    let pieces: [String: JSON] = ["byte_fallback": .bool(true), "fuse_unk": .bool(true)]
    switch self {
    case .backend: return nil
    case .gpt2: return (["pre_tokenizer": bytes(true)], byteLevel)
    case .gptNeoX: return (["normalizer": type("NFC"), "pre_tokenizer": bytes(true)], byteLevel)
    case .qwen2:
      let split = type(
        "Split",
        [
          "pattern": .object(["Regex": .string(WordPattern.qwen2.expression)]),
          "behavior": .string("Isolated"), "invert": .bool(false),
        ])
      return (
        [
          "normalizer": type("NFC"),
          "pre_tokenizer": type("Sequence", ["pretokenizers": .array([split, bytes(false)])]),
        ], byteLevel
      )
    case .llama:
      let isLegacy = files.config?["legacy"]?.bool ?? false
      let scheme = space ?? true ? (isLegacy ? "always" : "first") : "never"
      return (
        [
          "pre_tokenizer": type(
            "Metaspace",
            [
              "replacement": .string("▁"), "prepend_scheme": .string(scheme), "split": .bool(false),
            ])
        ], pieces
      )
    case .gemma:
      let pattern = JSON.object(["String": .string(" ")])
      let unknown = files.token("unk_token")?.content ?? "<unk>"
      return (
        [
          "normalizer": type("Replace", ["pattern": pattern, "content": .string("▁")]),
          "pre_tokenizer": type(
            "Split", ["pattern": pattern, "behavior": .string("MergedWithPrevious")]),
        ], pieces.merging(["unk_token": .string(unknown)]) { $1 }
      )
    }
  }
}
