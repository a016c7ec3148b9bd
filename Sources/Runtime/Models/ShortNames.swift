/// The names under which well-known models are asked for.
enum ShortNames {
  /// Models of the hub. The others are `PackagedModel.all`.
  static let ofHub: [(name: String, repository: String)] = [
    ("pythia-70m", "EleutherAI/pythia-70m"), ("pythia-160m", "EleutherAI/pythia-160m"),
    ("pythia-410m", "EleutherAI/pythia-410m"), ("pythia-1b", "EleutherAI/pythia-1b"),
    ("pythia-1.4b", "EleutherAI/pythia-1.4b"), ("pythia-2.8b", "EleutherAI/pythia-2.8b"),
    ("pythia-6.9b", "EleutherAI/pythia-6.9b"), ("pythia-12b", "EleutherAI/pythia-12b"),
    ("gpt2", "openai-community/gpt2"), ("gpt2-medium", "openai-community/gpt2-medium"),
    ("gpt2-large", "openai-community/gpt2-large"), ("gpt2-xl", "openai-community/gpt2-xl"),
    ("gpt-j", "EleutherAI/gpt-j-6b"), ("llama-2-7b", "meta-llama/Llama-2-7b-hf"),
    ("llama-3.1-8b", "meta-llama/Llama-3.1-8B"), ("llama-3.2-1b", "meta-llama/Llama-3.2-1B"),
    ("llama-3.2-3b", "meta-llama/Llama-3.2-3B"), ("mistral-7b", "mistralai/Mistral-7B-v0.1"),
    ("smollm2-135m", "HuggingFaceTB/SmolLM2-135M"), ("smollm2-360m", "HuggingFaceTB/SmolLM2-360M"),
    ("smollm2-1.7b", "HuggingFaceTB/SmolLM2-1.7B"), ("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B"),
    ("qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B"), ("qwen2.5-7b", "Qwen/Qwen2.5-7B"),
    ("qwen3-0.6b", "Qwen/Qwen3-0.6B-Base"), ("qwen3-1.7b", "Qwen/Qwen3-1.7B-Base"),
    ("gemma-2b", "google/gemma-2b"), ("gemma-2-2b", "google/gemma-2-2b"),
    ("gemma-3-1b", "google/gemma-3-1b-pt"), ("phi-2", "microsoft/phi-2"),
    ("phi-3-mini", "microsoft/Phi-3-mini-4k-instruct"),
  ]

  static func repository(of name: String) -> String? {
    ofHub.first { $0.name == name.lowercased() }?.repository
  }

  /// All of them, with what they stand for.
  static var all: [(name: String, meaning: String)] {
    PackagedModel.all.map { ($0.name, $0.file) } + ofHub.map { ($0.name, $0.repository) }
  }

  /// Under which names a repository may lie in the cache: the first models had no owner.
  static func repositories(of repository: String) -> [String] {
    let owner = "openai-community/"
    return repository.hasPrefix(owner)
      ? [repository, String(repository.dropFirst(owner.count))] : [repository]
  }
}
