import TestSupport
import Testing

@testable import Model

/// Tokenizers from the metadata of GGUF files: what they make of them, and what they refuse.
@Suite struct TokenizerGGUFTests {
  private func gguf(
    architecture: String = "gpt2", _ edit: (inout [String: GGUFBuilder.Value]) -> Void
  ) throws -> Tokenizer {
    func strings(_ texts: [String]) -> GGUFBuilder.Value { .array(8, texts.map { .string($0) }) }
    var values: [String: GGUFBuilder.Value] = [
      "model": .string("gpt2"), "pre": .string("gpt-2"),
      "tokens": strings(["<|end|>", "a", "b", "ab", "Ġ", "1", "[PAD6]", "two words"]),
      "token_type": .array(5, [3, 1, 1, 1, 1, 1, 5, 4].map { .int32($0) }),
      "merges": strings(["a b"]),
      "bos_token_id": .uint32(0), "add_bos_token": .bool(true),
    ]
    edit(&values)
    return try build(architecture, values)
  }

  private func build(
    _ architecture: String, name: String? = nil, _ values: [String: GGUFBuilder.Value]
  ) throws -> Tokenizer {
    var builder = GGUFBuilder()
    builder.metadata = [("general.architecture", .string(architecture))]
    if let name { builder.metadata.append(("general.name", .string(name))) }
    builder.metadata += values.map { ("tokenizer.ggml.\($0)", $1) }
    let file = try TemporaryFile(builder.build().bytes)
    return try Tokenizer(gguf: GGUFFile(path: file.path))
  }

  @Test func kindsOfTokens() throws {
    let tokenizer = try gguf { _ in }
    #expect(tokenizer.encode("ab<|end|>two words 11").map(\.id) == [3, 0, 7, 4, 5, 5])
    #expect(tokenizer.bos == 0 && tokenizer.eos == nil && tokenizer.addsBOS)
    #expect(tokenizer.isSpecial(0) && !tokenizer.isSpecial(7))
    #expect(tokenizer.text(of: 6) == "<unused 6>")
    #expect(tokenizer.bytes(of: 6) == nil)
    #expect(tokenizer.text(of: 7) == "two words")
    #expect(tokenizer.text(of: 4) == " ")
    // No token for c: it is left out, and its neighbours are not.
    #expect(tokenizer.encode("acb").map(\.range) == [0..<3])
    #expect(try gguf { $0["pre"] = .string("smollm") }.preTokenizer == .smollm)
  }

  @Test func refusesBadGGUF() {
    func expect(_ message: String, _ edit: (inout [String: GGUFBuilder.Value]) -> Void) {
      expectFileError(message) { _ = try gguf(edit) }
    }
    expect("has no tokenizer") { $0["model"] = nil }
    expect("its tokenizer is of the kind 't5'") { $0["model"] = .string("t5") }
    expectFileError("does not say how its tokenizer cuts text") {
      _ = try gguf(architecture: "llama") { $0["pre"] = nil }
    }
    expectFileError("models of the architecture 'llama' do it in several ways") {
      _ = try gguf(architecture: "llama") { $0["pre"] = .string("default") }
    }
    expect("its pre-tokenizer is 'qwen9'") { $0["pre"] = .string("qwen9") }
    expect("has no tokens") { $0["tokens"] = nil }
    expect("has no tokens") { $0["tokens"] = .array(8, []) }
    expect("has no tokens") { $0["tokens"] = .array(5, [.int32(1)]) }
    expect("has no merges") { $0["merges"] = nil }
    expect("has 8 tokens and 1 types") { $0["token_type"] = .array(5, [.int32(1)]) }
    expect("merge 0 of its tokenizer, 'a c'") { $0["merges"] = .array(8, [.string("a c")]) }
    expect("merge 0 of its tokenizer, 'b a'") { $0["merges"] = .array(8, [.string("b a")]) }
    expect("merge 0 of its tokenizer, 'ab'") { $0["merges"] = .array(8, [.string("ab")]) }
    expect("merge 0 of its tokenizer, ''") { $0["merges"] = .array(8, [.string("")]) }
    expect("bos_token_id is 8, but there are 8 tokens") { $0["bos_token_id"] = .uint32(8) }
    expect("eos_token_id is -1, but there are 8 tokens") { $0["eos_token_id"] = .int32(-1) }
  }

  @Test func families() throws {
    func family(_ pre: String?, _ architecture: String = "test") throws -> Tokenizer {
      try gguf(architecture: architecture) {
        $0["pre"] = pre.map { .string($0) }
        $0["add_bos_token"] = nil
      }
    }
    #expect(try family(nil, "gpt2").name == "gpt2 (default)")
    #expect(try family("default", "gpt2").preTokenizer == .gpt2)
    #expect(try family("default", "gptneox").normalizer == .nfc)
    #expect(try family(nil, "qwen3").preTokenizer == .qwen2)
    for name in ["gpt-2", "olmo", "gpt-neox", "smollm", "qwen2"] {
      let tokenizer = try family(name)
      #expect(!tokenizer.addsBOS && !tokenizer.ignoresMerges)
      #expect((tokenizer.normalizer == .nfc) == ["olmo", "gpt-neox", "qwen2"].contains(name))
    }
    let llama = try family("llama-bpe")
    #expect(llama.addsBOS && llama.ignoresMerges && llama.preTokenizer == .llama3)
    for (name, pattern, ignoresMerges) in [
      ("dbrx", WordPattern.llama3, false), ("smaug-bpe", .llama3, false), ("tekken", .tekken, true),
      ("gpt-4o", .gpt4o, false), ("deepseek-r1-qwen", .qwen2, false),
    ] {
      let tokenizer = try family(name)
      #expect(tokenizer.preTokenizer.steps == [.pattern(pattern)], "\(name)")
      #expect(tokenizer.ignoresMerges == ignoresMerges, "\(name)")
      #expect(tokenizer.addsBOS == (name == "tekken"), "\(name)")
    }
    let unasked = try gguf {
      $0["pre"] = .string("llama-bpe")
      $0["add_bos_token"] = .bool(false)
    }
    #expect(!unasked.addsBOS && unasked.bos == 0)
    #expect(unasked.notes.count == 1 && unasked.notes[0].contains("says add_bos_token false"))
    #expect(llama.notes == [])
    // Without a BOS there is none to be fed.
    #expect(try !gguf { $0["bos_token_id"] = nil }.addsBOS)
  }

  // MARK: - SentencePiece

  private func pieces(
    name: String? = nil, _ edit: (inout [String: GGUFBuilder.Value]) -> Void
  ) throws -> Tokenizer {
    let tokens = ["<unk>", "<s>", "</s>", "<0x0A>", "▁", "a", "b", "ab", "▁a", "a b", "<|end|>"]
    var values: [String: GGUFBuilder.Value] = [
      "model": .string("llama"),
      "tokens": .array(8, tokens.map { .string($0) }),
      "scores": .array(6, [0, 0, 0, 0, -5, -6, -7, -2, -1, 0, 0].map { .float32($0) }),
      "token_type": .array(5, [2, 3, 3, 6, 1, 1, 1, 1, 1, 4, 3].map { .int32($0) }),
    ]
    edit(&values)
    return try build("llama", name: name, values)
  }

  @Test func piecesByScore() throws {
    let tokenizer = try pieces { _ in }
    // The higher score first: `▁a` before `ab`.
    #expect(tokenizer.encode("ab").map(\.id) == [8, 6])
    #expect(tokenizer.encode("ab", isContinuation: true).map(\.id) == [7])
    // A token by decree, which the file writes with a space; a byte; text of no token and no bytes.
    #expect(tokenizer.encode("ba b\nzzb").map(\.id) == [4, 6, 9, 4, 3, 0, 6])
    #expect(
      tokenizer.encode("ba b\nzzb").map(\.range) == [
        0..<0, 0..<1, 1..<4, 4..<4, 4..<5, 5..<7, 7..<8,
      ])
    #expect(tokenizer.bos == 1 && tokenizer.eos == 2 && tokenizer.unknown == 0)
    #expect(tokenizer.addsBOS)
    #expect(tokenizer.text(of: 8) == " a" && tokenizer.text(of: 3) == "\n")
    #expect(tokenizer.isWholeToken(" a") == 8)
    let plain = try pieces {
      $0["add_space_prefix"] = .bool(false)
      $0["add_bos_token"] = .bool(false)
    }
    #expect(plain.encode("ab").map(\.id) == [7] && !plain.addsBOS)
    // Phi-3's marks take the white space after them, but for BOS.
    #expect(
      try pieces(name: "Phi-3 mini") { _ in }.encode("<|end|>\n\n<s>\n").map(\.id) == [10, 1, 4, 3])
    #expect(tokenizer.encode("<|end|>\n").map(\.id) == [10, 4, 3])
  }

  @Test func refusesBadPieces() {
    func expect(_ message: String, _ edit: (inout [String: GGUFBuilder.Value]) -> Void) {
      expectFileError(message) { _ = try pieces(edit) }
    }
    expect("needs a score for each token") { $0["scores"] = nil }
    expect("needs a score for each token") { $0["scores"] = .array(6, [.float32(1)]) }
    expect("the score of token 1 of its tokenizer is not a number") {
      $0["scores"] = .array(6, (0..<11).map { .float32($0 == 1 ? .nan : 0) })
    }
    expect("drops white space") { $0["remove_extra_whitespaces"] = .bool(true) }
    expect("by a table") { $0["precompiled_charsmap"] = .array(0, [.uint8(1)]) }
    expect("bos_token_id is 11, but there are 11 tokens") { $0["bos_token_id"] = .uint32(11) }
  }
}

/// Tokens of every type, against llama.cpp; made by Scripts/reference/tokens/llamacpp.py.
@Suite struct TokenizerLlamaTests {
  @Test(arguments: ["pieces-1", "pieces-2", "pieces-3", "bytes-1", "bytes-2", "bytes-3"])
  func asLlamaDoes(name: String) throws {
    let path = Fixtures.path("tokenizer-llamacpp/\(name)")
    let tokenizer = try Tokenizer(gguf: GGUFFile(path: path + ".gguf"))
    let lines = try JSON.bytes(path: path + ".ndjson", limit: 1 << 20).split(separator: 0x0A)
      .map { try JSON(Array($0), source: path) }
    let head = try #require(lines.first)
    #expect(tokenizer.bos == head["bos"]?.int && tokenizer.eos == head["eos"]?.int)
    #expect(tokenizer.endTokens == Set(head["ends"]?.array?.compactMap(\.int) ?? []))
    #expect(lines.count > 120)
    var wrong: [String] = []
    for line in lines.dropFirst() {
      let text = try #require(line["text"]?.string)
      let wanted = line["ids"]?.array?.compactMap(\.int)
      let found = tokenizer.encode(text).map(\.id)
      if found != wanted { wrong.append("\(quoted(text)): \(found), not \(wanted ?? [])") }
    }
    #expect(wrong.isEmpty, "\(wrong.count) of \(lines.count): \(wrong.prefix(5))")
  }
}
