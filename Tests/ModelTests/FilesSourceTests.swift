import Foundation
import TestSupport
import Testing

@testable import Model

/// What a path turns out to be, and what is said of what cannot be opened.
@Suite struct FilesSourceTests {
  /// The folder with empty files of these names, and what is chosen of them.
  private func choose(_ names: String...) throws -> String {
    let directory = try TemporaryDirectory()
    for name in names { try directory.write([], name) }
    let chosen = try CheckpointFiles.weights(at: directory.path)
    return String(chosen.dropFirst(directory.path.count + 1))
  }

  @Test func choosesTheWeightsOfADirectory() throws {
    #expect(try choose("model.safetensors", "x.gguf", "pytorch_model.bin") == "model.safetensors")
    #expect(
      try choose("model-00001-of-00002.safetensors", "model.safetensors.index.json")
        == "model.safetensors.index.json")
    #expect(try choose("other.safetensors", "config.json") == "other.safetensors")
    #expect(try choose("x.gguf", "README.md") == "x.gguf")
    #expect(
      try choose("x-00001-of-00002.gguf", "x-00002-of-00002.gguf") == "x-00001-of-00002.gguf")
  }

  @Test func saysWhyItCannotChoose() throws {
    expectFileError("has 2 GGUF files: 'a.gguf', 'b.gguf'", "path of one of them") {
      _ = try choose("b.gguf", "a.gguf")
    }
    expectFileError("has 2 safetensors files") { _ = try choose("a.safetensors", "b.safetensors") }
    expectFileError("parts of a model, but not the index") {
      _ = try choose("model-00001-of-00002.safetensors")
    }
    for names in [
      ["adapter_model.safetensors"], ["adapter_config.json", "adapter_model.safetensors"],
      ["adapter_config.json", "adapter_model.bin"],
      ["adapter_config.json", "adapter_model.safetensors", "tokenizer.json"],
    ] {
      expectFileError("is a LoRA adapter, not a model", "merge_and_unload") {
        let directory = try TemporaryDirectory()
        for name in names { try directory.write([], name) }
        _ = try CheckpointFiles.weights(at: directory.path)
      }
    }
    #expect(
      try choose("adapter_config.json", "adapter_model.safetensors", "model.safetensors")
        == "model.safetensors")
    expectFileError("has no model.safetensors and no GGUF file") { _ = try choose("README.md") }
    expectFileError("there is no file") { _ = try CheckpointFiles.weights(at: "/nowhere") }
    for name in ["pytorch_model.bin", "model.pt", "pytorch_model.bin.index.json", "a.pth"] {
      expectFileError("run code when it is opened", "save_pretrained") { _ = try choose(name) }
    }
    for name in ["model.onnx", "flax_model.msgpack", "tf_model.h5"] {
      expectFileError("in a format that is not read", "save_pretrained") { _ = try choose(name) }
    }
  }

  @Test(
    arguments: [
      (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0".utf8), "Git LFS pointer"),
      (Array("PK\u{3}\u{4}archive/data.pkl".utf8), "zip archive"),
      ([0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20], "Python pickle"),
      (Array("\n<!DOCTYPE html><html>Not found</html>".utf8), "web page"),
      ([0x1F, 0x8B, 0x08, 0, 0, 0, 0, 0, 0, 0], "gzip archive"),
      ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A, 0], "HDF5 file"),
    ] as [([UInt8], String)])
  func recognisesOtherFiles(bytes: [UInt8], what: String) throws {
    // Long enough for a header's length to be believable or not.
    let file = try TemporaryFile(bytes + [UInt8](repeating: 0x20, count: 100))
    expectFileError(what) { _ = try GGUFFile(path: file.path) }
    expectFileError(what) { _ = try SafetensorsFile(path: file.path) }
    if what != "Python pickle" { expectFileError(what) { _ = try JSON.read(path: file.path) } }
  }

  // MARK: - What opens but for one thing

  /// A model of `Fixtures/families` with some files changed.
  private func folder(of name: String, _ changes: [String: String]) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
      let path = Fixtures.path("families/\(name)/\(file)")
      try directory.write(changes[file].map { Array($0.utf8) } ?? contents(path), file)
    }
    return directory
  }

  private func contents(_ path: String) throws -> [UInt8] {
    try Array(Data(contentsOf: URL(filePath: path)))
  }

  @Test func saysWhatHasQuantizedTheWeights() throws {
    let config = String(
      decoding: try contents(Fixtures.path("families/llama3/config.json")), as: UTF8.self)
    let more = #"{"quantization_config": {"quant_method": "gptq", "bits": 4}, "#
    let quantized = more + config.dropFirst()
    // With the weights of another family, as with those of a quantizer.
    let directory = try folder(of: "qwen3", ["config.json": quantized])
    expectFileError("model.safetensors", "'gptq' has quantized the weights") {
      _ = try LanguageModel(path: directory.path, pool: TestModels.pool(width: 1))
    }
    // Weights that are all there open, whatever once quantized them.
    let whole = try folder(of: "llama3", ["config.json": quantized])
    #expect(throws: Never.self) {
      _ = try LanguageModel(path: whole.path, pool: TestModels.pool(width: 1))
    }
  }

  /// What `models` lists must be what `load` does.
  @Test func summariesSayWhatCannotBeOpened() throws {
    func summary(_ changes: [String: String]) throws -> ModelSummary {
      let directory = try folder(of: "llama3", changes)
      return withExtendedLifetime(directory) { ModelSummary(path: directory.path) }
    }
    let whole = try summary([:])
    #expect(whole.problem == nil && whole.architecture == "llama")
    let silent = try summary(["tokenizer.json": "{}"])
    #expect(silent.problem?.contains("has no tokenizer") == true)
    #expect(silent.bytes == whole.bytes && silent.architecture == "llama")
    #expect(!silent.types.isEmpty)
    let other = String(
      decoding: try contents(Fixtures.path("families/qwen3/config.json")), as: UTF8.self)
    #expect(try summary(["config.json": other]).problem?.contains("ask for [56, 40]") == true)
    let unknown = try summary(["config.json": #"{"model_type": "mamba"}"#])
    #expect(unknown.problem?.contains("'mamba'") == true && unknown.architecture == "mamba")
  }

  @Test func anAdapterByItsFile() throws {
    let directory = try TemporaryDirectory()
    try directory.write(#"{"peft_type": "IA3"}"#.utf8, "adapter_config.json")
    for name in ["adapter_model.safetensors", "model.safetensors"] {
      try directory.write(contents(Fixtures.path("families/qwen3/model.safetensors")), name)
      expectFileError("is an adapter (IA3), not a model") {
        _ = try CheckpointSource(path: directory.path + "/" + name)
      }
    }
  }

  /// A head of the file's own wins over `tie_word_embeddings`; the walk checks its numbers.
  @Test func saysWhichHeadIsUsed() throws {
    let config = String(
      decoding: try contents(Fixtures.path("families/llama3/config.json")), as: UTF8.self)
    func open(_ config: String) throws -> LanguageModel {
      let directory = try folder(of: "llama3", ["config.json": config])
      return try LanguageModel(path: directory.path, pool: TestModels.pool(width: 1))
    }
    let (off, on) = ("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true")
    let tied = try open(config.replacing(off, with: on))
    #expect(tied.hasOwnHead && !tied.configuration.isTied)
    #expect(try open(config).hasOwnHead == false)
    let unknown = try open(config.replacing(off, with: off + ", \"logit_scale\": 2.0"))
    #expect(unknown.unknownKeys == ["logit_scale"])
  }

  @Test func saysWhichSizesAreAssumed() throws {
    let config = String(
      decoding: try contents(Fixtures.path("families/llama3/config.json")), as: UTF8.self)
    let short = config.replacing("\"vocab_size\": 96", with: "\"model_name\": \"x\"")
    let directory = try folder(of: "llama3", ["config.json": short])
    expectFileError("ask for [32000, 40]", "does not set vocab_size (default: 32000)") {
      _ = try LanguageModel(path: directory.path, pool: TestModels.pool(width: 1))
    }
  }

  @Test func readsWhichTokensEndAText() throws {
    /// As of a folder with these files; values by transformers 5.24's `generate`.
    func read(_ generation: String?, config: String = #"{"eos_token_id":28}"#) throws -> [Int] {
      let folder = try TemporaryDirectory()
      try folder.write(config.utf8, "config.json")
      if let generation { try folder.write(generation.utf8, "generation_config.json") }
      return try GenerationConfig(folder: folder.path + "/").endTokens
    }
    #expect(try read(#"{"eos_token_id":2}"#) == [2])
    #expect(try read(#"{"eos_token_id":[128001,128009]}"#) == [128001, 128009])
    #expect(try read(#"{"eos_token_id":null}"#) == [])
    #expect(try read("{}") == [])
    #expect(try read(nil) == [28])
    #expect(try read(nil, config: #"{"eos_token_id":[28,95]}"#) == [28, 95])
    #expect(try read(nil, config: #"{"eos_token_id":null}"#) == [])
    #expect(try read(nil, config: #"{"text_config":{"eos_token_id":5}}"#) == [5])
    #expect(try read(nil, config: #"{"eos_token_id":1,"text_config":{"eos_token_id":5}}"#) == [1])
    for text in [#"{"eos_token_id":"2"}"#, #"{"eos_token_id":[2,"3"]}"#, #"{"eos_token_id":2.5}"#] {
      expectFileError("eos_token_id is not a token id") { _ = try read(text) }
    }
  }

  /// The file is read long after it was opened.
  @Test func aFileThatChangesIsAnError() throws {
    let source = Fixtures.path("tiny-gqa.Q4_1.gguf")
    let file = try TemporaryFile(Data(contentsOf: URL(filePath: source)), name: "x.gguf")
    for change in ["written", "shortened"] {
      let transformer = try TestModels.transformer(gguf: file.path, width: 2)
      let request = RunRequest(tokens: [5, 6, 7], logits: .all([2]))
      if change == "written" {
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: 1)], ofItemAtPath: file.path)
      } else {
        #expect(truncate(file.path, to: 9000))
      }
      expectFileError("load it again") { _ = try transformer.run([request]) }
      // For good: what is in memory is no model any more.
      expectFileError("load it again") { _ = try transformer.runNaively([request]) }
    }
  }

  /// Every member of config.json and tokenizer.json missing, of another type, and at its extremes.
  @Test(arguments: ["config.json", "tokenizer.json"])
  func hostileMembers(name: String) throws {
    let folder = Fixtures.path("tiny-gqa")
    let directory = try TemporaryDirectory()
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
      try directory.write(Data(contentsOf: URL(filePath: folder + "/" + file)), file)
    }
    let data = try Data(contentsOf: URL(filePath: folder + "/" + name))
    let whole = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    let extremes: [Any] = [
      NSNull(), true, 0, -1, 1, 3, Int.max, Int.min, 1e300, -0.5, "", "x", [Any](), [1, "x"],
      [String: Any](), ["a": ["b": 1]],
    ]
    func open() throws -> Bool {
      do {
        let model = try LanguageModel(path: directory.path, pool: TestModels.pool(width: 1))
        _ = model.encode("a b", addsBOS: true)
        return true
      } catch is ModelError { return false }
    }
    #expect(try open())
    var refused = 0
    for path in Self.paths(in: whole, depth: 3) {
      for value in [nil] + extremes.map(Optional.some) {
        let edited = Self.replace(whole, path[...], by: value)
        try directory.write(JSONSerialization.data(withJSONObject: edited), name)
        if try !open() { refused += 1 }
      }
    }
    #expect(refused > 100)
  }

  /// config.json, tokenizer.json and the index, cut short.
  @Test(arguments: ["config.json", "tokenizer.json"])
  func truncated(name: String) throws {
    let directory = try TemporaryDirectory()
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
      try directory.write(
        Data(contentsOf: URL(filePath: Fixtures.path("tiny-gqa") + "/" + file)), file)
    }
    let data = try Data(contentsOf: URL(filePath: Fixtures.path("tiny-gqa") + "/" + name))
    // The last byte may be a newline.
    let end = data.count - 2
    for length in Swift.stride(from: 0, to: end, by: max(1, end / 400)) {
      try directory.write(data[..<length], name)
      do {
        _ = try LanguageModel(path: directory.path, pool: TestModels.pool(width: 1))
        Issue.record("\(length) bytes of \(name) are a model")
      } catch is ModelError {}
    }
  }

  /// The places of members, those within members to some depth; of a large object, a few.
  private static func paths(in value: Any, depth: Int) -> [[String]] {
    guard depth > 0, let object = value as? [String: Any] else { return [] }
    return object.keys.sorted().prefix(depth == 3 ? 24 : 6).flatMap { key in
      [[key]] + paths(in: object[key] ?? 0, depth: depth - 1).map { [key] + $0 }
    }
  }

  private static func replace(
    _ object: [String: Any], _ path: ArraySlice<String>, by value: Any?
  ) -> [String: Any] {
    var object = object
    guard let key = path.first else { return object }
    if path.count == 1 {
      object[key] = value
    } else if let inner = object[key] as? [String: Any] {
      object[key] = replace(inner, path.dropFirst(), by: value)
    }
    return object
  }
}
