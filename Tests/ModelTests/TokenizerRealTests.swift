import Foundation
import Testing

@testable import Model

/// Real tokenizers, which are too large and not all free to be committed: the folder that
/// Scripts/reference/tokens/real.py has made, named by `SUMMAND_TEST_TOKENIZERS`.
@Suite(.enabled(if: folder != nil, "SUMMAND_TEST_TOKENIZERS names no folder"))
struct TokenizerRealTests {
  @Test(arguments: ["gpt2", "llama3", "qwen2", "tekken", "mistral", "mistral-metaspace", "gemma3"])
  func aTokenizerJSON(name: String) throws {
    let folder = try #require(folder)
    let tokenizer = try opened(name) {
      try Tokenizer(tokenizerJSON: "\(folder)/\(name)/tokenizer.json", config: nil)
    }
    try tokenizer.check(TokenizerRecord(folder, name))
  }

  @Test(arguments: [("mistral", "mistral-pieces"), ("gemma3", "gemma3-pieces")])
  func scores(file: String, record: String) throws {
    let folder = try #require(folder)
    let tokenizer = try opened("\(file).gguf") {
      try Tokenizer(gguf: GGUFFile(path: "\(folder)/\(file).gguf"))
    }
    try tokenizer.check(TokenizerRecord(folder, record))
  }

  /// Says how long it took, which is to be read in a release build.
  private func opened(_ name: String, _ open: () throws -> Tokenizer) throws -> Tokenizer {
    let clock = ContinuousClock()
    let start = clock.now
    let tokenizer = try open()
    let opened = clock.now
    _ = tokenizer.encode("The capital of France is")
    print("\(name): opened in \(opened - start), first line in \(clock.now - opened)")
    return tokenizer
  }
}

private let folder = ProcessInfo.processInfo.environment["SUMMAND_TEST_TOKENIZERS"]
