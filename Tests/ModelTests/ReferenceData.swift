import Foundation
import TestSupport
import Testing

@testable import Model

// MARK: Tensors

/// A tensor of the reference, row-major.
struct ReferenceTensor: Sendable {
  let shape: [Int]
  let values: [Float]

  /// The element at one index per axis.
  subscript(indices: Int...) -> Float {
    self[row: indices][0]
  }

  /// What lies under the leading `indices`: at [head, position] of [heads, T, d_head], a vector.
  subscript(row indices: [Int]) -> [Float] {
    precondition(indices.count <= shape.count)
    var (start, count) = (0, values.count)
    for (index, size) in zip(indices, shape) {
      precondition(index >= 0 && index < size)
      count /= size
      start += index * count
    }
    return Array(values[start..<start + count])
  }
}

/// A safetensors fixture of F32 tensors.
struct ReferenceTensors: Sendable {
  let file: SafetensorsFile

  init(_ name: String) throws {
    file = try SafetensorsFile(path: Fixtures.path(name))
  }

  var names: [String] { file.tensors.map(\.name) }

  /// The token ids of the prompt, from the metadata.
  func tokens() throws -> [Int] {
    try metadata("tokens")
  }

  func metadata<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) throws -> Value {
    let text = try #require(file.metadata[key])
    return try JSONDecoder().decode(type, from: Data(text.utf8))
  }

  subscript(_ name: String) -> ReferenceTensor {
    get throws {
      let tensor = try file.require(name)
      try #require(tensor.type == .f32)
      let values = try [Float](unsafeUninitializedCapacity: tensor.elementCount) { buffer, count in
        try file.read(tensor, into: UnsafeMutableRawBufferPointer(buffer))
        count = tensor.elementCount
      }
      return ReferenceTensor(shape: tensor.shape, values: values)
    }
  }
}

/// A long vector in two numbers: its projection on fixed random signs, and its L2 norm.
struct Fingerprint: Sendable {
  var projection = 0.0
  var norm = 0.0

  /// Sources that a query does not see count as 0: leave them out.
  init(_ vector: some Sequence<Float>) {
    for (index, element) in vector.enumerated() {
      projection += Self.sign(index) * Double(element)
      norm += Double(element) * Double(element)
    }
    norm.formSquareRoot()
  }

  /// −1 where bit 63 of splitmix64(index) is set.
  static func sign(_ index: Int) -> Double {
    splitmix64(UInt64(index)) >> 63 == 1 ? -1 : 1
  }
}

// MARK: JSON

/// Direct logit attribution at the last position.
struct ReferenceAttribution: Decodable {
  /// What the parts sum to.
  var whole: Double
  var embed: Double
  /// [layers][heads]
  var head: [[Double]]
  /// [layers]
  var mlp: [Double]
  /// [layers][heads][T]
  var source: [[[Double]]]
}

/// The same attribution of three things.
struct ReferenceObjectives: Decodable {
  /// The answer's logit.
  var logit: ReferenceAttribution
  /// With W_U minus its mean over the vocabulary.
  var centred: ReferenceAttribution
  /// The answer minus the mean of the foils.
  var logitDiff: ReferenceAttribution
}

/// Where, as an ablation or an edit names it; `head` is a key/value head for `k` and `v`.
struct ReferencePlace: Decodable {
  enum Positions: String, Decodable { case last, all }
  enum Others: String, Decodable {
    case sameLength = "same_length"
    case anyLength = "any_length"
  }

  var site: String
  var layer: Int?
  var head: Int?
  var neuron: Int?
  var at: Positions
  /// The prompts whose mean takes the place; zero where there are none.
  var meanOver: Others?
  /// Of the file's `logitTokens`, at the last position.
  var logits: [Double]
}

/// `tiny-gqa.effects.json` and `tiny-mha.effects.json`.
struct TinyEffects: Decodable {
  struct OtherPrompts: Decodable {
    var sameLength: [[Int]]
    var anyLength: [[Int]]
  }
  struct Edited: Decodable {
    /// Each sets its site to zero; what is nil is all.
    struct Edit: Decodable {
      var site: String
      var layer: Int?
      var heads: [Int]?
      var positions: [Int]?
    }
    var edits: [Edit]
    var logits: [Double]
    var dla: ReferenceObjectives
  }

  var tokens: [Int]
  var others: OtherPrompts
  var logitTokens: [Int]
  var logits: [Double]
  var answer: Int
  var foils: [Int]
  var dla: ReferenceObjectives
  var edited: Edited
  /// [layers + 1][T][logitTokens]
  var lens: [[[Double]]]
  var ablations: [ReferencePlace]
}

// MARK: The fixtures themselves

@Suite("The reference data is readable and adds up")
struct ReferenceDataTests {
  @Test func splitmixIsTheStandardOne() {
    #expect(splitmix64(0) == 0xE220_A839_7B1D_CDAF)
    #expect(splitmix64(1) == 0x910A_2DEC_8902_5CC1)
  }

  @Test(arguments: ["tiny-gqa", "tiny-mha"])
  func tinyParts(_ model: String) throws {
    let effects: TinyEffects = try Fixtures.json("\(model).effects.json")
    for dla in [effects.dla, effects.edited.dla] {
      for parts in [dla.logit, dla.centred, dla.logitDiff] {
        let heads = parts.head.joined().reduce(0, +)
        let sources = parts.source.joined().joined().reduce(0, +)
        #expect(abs(heads - sources) < 1e-7)
        #expect(abs(parts.embed + heads + parts.mlp.reduce(0, +) - parts.whole) < 1e-7)
      }
    }
    let answer = try #require(effects.logitTokens.firstIndex(of: effects.answer))
    #expect(abs(effects.dla.logit.whole - effects.logits[answer]) < 1e-7)

    let activations = try ReferenceTensors("\(model).long.safetensors")
    #expect(try activations.tokens() == effects.tokens)
    let logits = try activations["logits"]
    let last = effects.tokens.count - 1
    for (token, logit) in zip(effects.logitTokens, effects.logits) {
      #expect(abs(Double(logits[last, token]) - logit) < 1e-6)
    }
  }

  @Test func smolLM2Agrees() throws {
    let reference: SmolLM2Reference = try Fixtures.json("smollm2.json")
    let colosseum: ColosseumReference = try Fixtures.json("colosseum.json")
    let prompt = try #require(reference.prompts.first { $0.name == "colosseum" })
    #expect(prompt.tokens == colosseum.tokenIds)
    #expect(Array(try #require(prompt.top.last).ids.prefix(10)) == colosseum.top10Ids)
    for prompt in reference.prompts {
      let tensors = try ReferenceTensors("smollm2.\(prompt.name).safetensors")
      #expect(try tensors.tokens() == prompt.tokens)
      #expect(try tensors["blocks.9.attn.hook_z"].shape == [9, prompt.tokens.count, 2])
    }
  }
}
