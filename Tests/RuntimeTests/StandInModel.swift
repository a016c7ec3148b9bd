@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model of random weights in the shape of Pythia-2.8b where its heads are counted, 32 layers of 32, and
/// tiny elsewhere: for a script that names heads of Pythia, and must say that this is none.
struct StandInModel {
  let folder: URL

  private static let (layers, heads, width, inner) = (32, 32, 64, 16)

  /// - Parameter words: tokens of their own, with the space before them.
  init(words: [String]) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "stand-in-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let vocabulary = try writeTokenizer(words)
    try writeConfiguration(vocabulary)
    try writeWeights(vocabulary)
  }

  func remove() { try? FileManager.default.removeItem(at: folder) }

  /// A few of the facts that the script takes: it is slow in a test without optimization.
  func writeFacts() throws -> URL {
    let facts = folder.appending(path: "facts")
    try FileManager.default.createDirectory(at: facts, withIntermediateDirectories: true)
    for (name, rows) in [
      "relations": ["relation", "athlete_sport"],
      "facts": [
        "relation\tsubject\tanswer", "athlete_sport\tAnn Ash\tbasketball",
        "athlete_sport\tBo Beech\tfootball", "athlete_sport\tCy Cedar\tbaseball",
        "athlete_sport\tDi Elm\ttennis",
      ],
      "attributes": [
        "relation\tattribute", "athlete_sport\tbasketball", "athlete_sport\tfootball",
        "athlete_sport\ttennis",
      ],
    ] {
      try Data((rows.joined(separator: "\n") + "\n").utf8)
        .write(to: facts.appending(path: "\(name).tsv"))
    }
    return facts
  }

  /// Byte-level BPE that knows the bytes of plain text, with merges that make each word letter by letter.
  ///
  /// - Returns: the size of the vocabulary.
  private func writeTokenizer(_ words: [String]) throws -> Int {
    var model = Tokenizer.Merges()
    for token in ["<|endoftext|>", "Ġ", "Ċ"] + (33...126).map({ String(UnicodeScalar($0)) }) {
      model.add(token)
    }
    for word in words {
      var token = "Ġ"
      for letter in word.dropFirst().map(String.init) {
        model.merge(token, letter)
        token += letter
      }
    }
    try write(Tokenizer(model: model), to: "tokenizer.json")
    return model.vocab.count
  }

  private struct Tokenizer: Encodable {
    var version = "1.0"
    var addedTokens = [AddedToken()]
    var preTokenizer = ByteLevel()
    var decoder = ByteLevel()
    var model: Merges

    struct AddedToken: Encodable {
      var id = 0
      var content = "<|endoftext|>"
      var special = true
      var singleWord = false
      var lstrip = false
      var rstrip = false
      var normalized = false
    }

    struct ByteLevel: Encodable {
      var type = "ByteLevel"
      var addPrefixSpace = false
      var trimOffsets = true
      var useRegex = true
    }

    struct Merges: Encodable {
      var type = "BPE"
      var vocab: [String: Int] = [:]
      var merges: [[String]] = []

      mutating func add(_ token: String) {
        if vocab[token] == nil { vocab[token] = vocab.count }
      }

      mutating func merge(_ one: String, _ other: String) {
        guard vocab[one + other] == nil else { return }
        add(one + other)
        merges.append([one, other])
      }
    }
  }

  private func writeConfiguration(_ vocabulary: Int) throws {
    try write(Configuration(vocabSize: vocabulary), to: "config.json")
  }

  private struct Configuration: Encodable {
    var architectures = ["GPTNeoXForCausalLM"]
    var modelType = "gpt_neox"
    var hiddenAct = "gelu"
    var hiddenSize = width
    var intermediateSize = inner
    var numHiddenLayers = layers
    var numAttentionHeads = heads
    var layerNormEps = 1e-5
    var rotaryPct = 1.0
    var rotaryEmbBase = 10000
    var maxPositionEmbeddings = 512
    var tieWordEmbeddings = false
    var useParallelResidual = true
    var bosTokenId = 0
    var eosTokenId = 0
    var vocabSize: Int
  }

  /// Files of Hugging Face write `like_this`.
  private var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return encoder
  }

  private func write(_ value: some Encodable, to name: String) throws {
    try encoder.encode(value).write(to: folder.appending(path: name))
  }

  /// One safetensors file of F32.
  private func writeWeights(_ vocabulary: Int) throws {
    let (d, inner) = (Self.width, Self.inner)
    var tensors: [(name: String, shape: [Int])] = [
      ("gpt_neox.embed_in.weight", [vocabulary, d]), ("embed_out.weight", [vocabulary, d]),
      ("gpt_neox.final_layer_norm.weight", [d]), ("gpt_neox.final_layer_norm.bias", [d]),
    ]
    for layer in 0..<Self.layers {
      for (name, shape) in [
        ("input_layernorm", [d]), ("post_attention_layernorm", [d]),
        ("attention.query_key_value", [3 * d, d]), ("attention.dense", [d, d]),
        ("mlp.dense_h_to_4h", [inner, d]), ("mlp.dense_4h_to_h", [d, inner]),
      ] {
        tensors.append(("gpt_neox.layers.\(layer).\(name).weight", shape))
        tensors.append(("gpt_neox.layers.\(layer).\(name).bias", [shape[0]]))
      }
    }
    var header: [String: Entry] = [:]
    var numbers: [Float] = []
    var random = SplitMix64(seed: 28)
    for (name, shape) in tensors {
      let start = numbers.count * 4
      for _ in 0..<shape.reduce(1, *) {
        numbers.append((Float(random.next() >> 40) / Float(1 << 24) - 0.5) * 0.5)
      }
      header[name] = Entry(shape: shape, dataOffsets: [start, numbers.count * 4])
    }
    let text = try encoder.encode(header)
    var file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
    file += text
    numbers.withUnsafeBytes { file.append(contentsOf: $0) }
    try file.write(to: folder.appending(path: "model.safetensors"))
  }

  private struct Entry: Encodable {
    var dtype = "F32"
    var shape: [Int]
    var dataOffsets: [Int]
  }
}
