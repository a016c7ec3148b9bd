import Testing

/// A small random model of an architecture: `Fixtures/families/README.md` says what each has that
/// others have not.
struct Family: Sendable, CustomTestStringConvertible {
  let name: String
  /// Whether there is a folder that transformers opens.
  var hasFolder = true
  /// Whether there is a GGUF file of it.
  var hasGGUF = true
  /// Whether there is a configuration as transformers 4 wrote it.
  var hasOlder = false
  /// Whether it is also there within a model that reads images too.
  var hasVision = false
  /// What its GGUF file computes otherwise: Mistral's states no window.
  var ggufLogits = "logits"
  /// Whether both files hold the same numbers: RoPE's factors are rounded in GGUF.
  var isSameInGGUF = true

  var testDescription: String { name }

  /// Under `Fixtures`.
  var folder: String { "families/\(name)" }
  var gguf: String { folder + "/model.gguf" }
  /// The folder, or the GGUF file where there is nothing else.
  var path: String { hasFolder ? folder : gguf }
  var older: String { folder + "-v4" }
  var vision: String { folder + "-vision" }
  /// The same weights and numbers, told otherwise.
  var twins: [String] { (hasOlder ? [older] : []) + (hasVision ? [vision] : []) }
  var golden: String { folder + "/golden.safetensors" }

  static let all = [
    Family(name: "gpt2", hasOlder: true),
    Family(name: "gpt_neox", hasOlder: true),
    Family(name: "gptj", hasGGUF: false),
    Family(name: "llama2"),
    Family(name: "llama3", hasOlder: true, isSameInGGUF: false),
    Family(name: "llama-uneven", hasFolder: false, isSameInGGUF: false),
    Family(name: "mistral", ggufLogits: "logits.unwindowed", isSameInGGUF: false),
    Family(name: "qwen2"),
    Family(name: "qwen3"),
    Family(name: "gemma"),
    Family(name: "gemma2"),
    Family(name: "gemma2-27b", hasGGUF: false),
    Family(name: "gemma3", hasOlder: true, hasVision: true),
    Family(name: "phi3"),
    Family(name: "phi3-longrope", hasOlder: true, isSameInGGUF: false),
  ]
}
