import Foundation
import TestSupport
import Testing

@testable import Model

/// Keys of GGUF files that few files have, read as llama.cpp reads them.
@Suite struct GGUFKeysTests {
  private static let tokens = [267, 5, 100, 33, 200, 77, 61, 19, 140, 8]

  private static func contents(_ name: String) throws -> [UInt8] {
    try Array(Data(contentsOf: URL(filePath: Fixtures.path(name))))
  }

  private static func logits(_ path: String) throws -> [Float] {
    let model = try LanguageModel(path: path, pool: TestModels.pool(width: 1))
    let request = RunRequest(tokens: tokens, logits: .all([tokens.count - 1]))
    return try model.transformer.run([request])[0].logits[0]
  }

  /// tiny-gqa with more keys of metadata.
  private static func logits(keys: [(String, GGUFValue)]) throws -> [Float] {
    let file = try TemporaryFile(
      withKeys(keys, in: contents("tiny-gqa.F32.gguf")), name: "x.gguf")
    return try logits(file.path)
  }

  /// The same model by its config.json, whose RoPE the walk holds against transformers.
  private static func logits(rope: String) throws -> [Float] {
    let directory = try TemporaryDirectory()
    for file in ["model.safetensors", "tokenizer.json"] {
      try directory.write(contents("tiny-gqa/" + file), file)
    }
    let config = String(decoding: try contents("tiny-gqa/config.json"), as: UTF8.self)
    try directory.write(
      (#"{"rope_scaling": \#(rope), "original_max_position_embeddings": 64, "#
        + config.replacing("\"rope_scaling\"", with: "\"_\"").replacing(
          "\"rope_parameters\"", with: "\"__\""
        ).trimmingPrefix("{")).utf8, "config.json")
    return try logits(directory.path)
  }

  private static let linear = #"{"rope_type": "linear", "factor": 4.0, "rope_theta": 50000.0}"#

  @Test(
    "linear scaling under every name",
    arguments: [
      [("rope.scaling.type", .string("linear")), ("rope.scaling.factor", .float(4))],
      [("rope.scaling.factor", .float(4))], [("rope.scale_linear", .float(4))],
      [("rope.scale_linear", .float(9)), ("rope.scaling.factor", .float(4))],
    ] as [[(String, GGUFValue)]])
  func linear(keys: [(String, GGUFValue)]) throws {
    let found = try Self.logits(keys: keys.map { ("llama." + $0.0, $0.1) })
    #expect(Gap(found, try Self.logits(rope: Self.linear)).largest < 1e-5)
    #expect(Gap(found, try Self.logits(Fixtures.path("tiny-gqa.F32.gguf"))).largest > 1e-2)
  }

  @Test(
    "no scaling",
    arguments: [
      [("rope.scaling.type", .string("none")), ("rope.scaling.factor", .float(4))],
      [("rope.scaling.factor", .float(0))], [("rope.scaling.type", .string("linear"))],
      [("rope.scaling.attn_factor", .float(1))],
    ] as [[(String, GGUFValue)]])
  func none(keys: [(String, GGUFValue)]) throws {
    let found = try Self.logits(keys: keys.map { ("llama." + $0.0, $0.1) })
    #expect(found == (try Self.logits(Fixtures.path("tiny-gqa.F32.gguf"))))
  }

  /// A longrope whose factors are all 1 does nothing but this.
  @Test("the attention factor, whatever the scaling")
  func attentionFactor() throws {
    let found = try Self.logits(keys: [("llama.rope.scaling.attn_factor", .float(1.25))])
    let ones = "[" + Array(repeating: "1.0", count: 12).joined(separator: ", ") + "]"
    let rope =
      #"{"rope_type": "longrope", "short_factor": \#(ones), "long_factor": \#(ones), "#
      + #""attention_factor": 1.25, "rope_theta": 50000.0}"#
    #expect(Gap(found, try Self.logits(rope: rope)).largest < 1e-5)
    #expect(Gap(found, try Self.logits(Fixtures.path("tiny-gqa.F32.gguf"))).largest > 1e-3)
  }

  @Test("what is refused")
  func refusals() throws {
    for (key, value, message) in [
      ("llama.rope.scaling.type", .string("yarn"), "scales its RoPE by 'yarn'"),
      ("llama.rope.scaling.type", .float(1), "scales its RoPE by"),
      ("llama.rope.scaling.factor", .string("4"), "is not a number"),
      ("llama.rope.scaling.factor", .float(-1), "positive numbers"),
      ("llama.rope.scaling.attn_factor", .float(0), "magnitude is 0.0"),
      ("llama.attention.causal", .bool(false), "attention that looks ahead"),
      ("general.type", .string("adapter"), "is a LoRA adapter, not a model"),
    ] as [(String, GGUFValue, String)] {
      expectFileError(message) { _ = try Self.logits(keys: [(key, value)]) }
    }
  }

  /// Layer widths of `llama-uneven`: `FamilyTests` checks what is computed with them.
  @Test("a number for all layers, or a list of one for each")
  func numbersOfLayers() throws {
    let list: [GGUFBuilder.Value] = [24, 104, 56].map { .int32($0) }
    for (value, found) in [
      (.uint32(64), [64, 64, 64]), (.array(5, list), [24, 104, 56]),
      (.array(10, [.uint64(1), .uint64(2), .uint64(.max)]), nil), (.array(5, [list[0]]), nil),
      (.array(5, []), nil), (.array(8, [.string("a"), .string("b"), .string("c")]), nil),
      (.string("64"), nil), (.float32(64), nil),
    ] as [(GGUFBuilder.Value, [Int]?)] {
      var builder = GGUFBuilder()
      builder.metadata.append(("test.length", value))
      let file = try TemporaryFile(builder.build().bytes)
      let keys = GGUFKeys(file: try GGUFFile(path: file.path), prefix: "test")
      if let found {
        #expect(try keys.ints("length", layers: 3) == found)
      } else {
        expectFileError("'test.length' is not a whole number, or a list of one for each of the 3") {
          _ = try keys.ints("length", layers: 3)
        }
      }
      #expect(try keys.ints("other", layers: 2, default: 7) == [7, 7])
      expectFileError("lacks the key 'test.other'") { _ = try keys.ints("other", layers: 2) }
    }
    #expect(
      try TestModels.tiny("families/llama-uneven/model.gguf").configuration.mlp.map(\.neurons)
        == [24, 104, 56])
  }

  @Test("a layer without neurons is refused")
  func noNeurons() throws {
    var bytes = try Self.contents("families/llama-uneven/model.gguf")
    // The list's second number, of four bytes, follows its first.
    let list = [24, 0, 0, 0, 104, 0, 0, 0, 56, 0, 0, 0] as [UInt8]
    let start = try #require(bytes.firstRange(of: list)).lowerBound
    bytes[start + 4] = 0
    let file = try TemporaryFile(bytes, name: "x.gguf")
    expectFileError("layer 1's feed-forward width is 0") { _ = try Self.logits(file.path) }
  }

  @Test("keys that nobody knows are named")
  func unknownKeys() throws {
    let file = try TemporaryFile(
      withKeys(
        [
          ("llama.logit_scale", .float(2)), ("llama.rope.scaling.finetuned", .bool(true)),
          ("llama.pooling_type", .float(0)),
        ],
        in: Self.contents("tiny-gqa.F32.gguf")), name: "x.gguf")
    let model = try LanguageModel(path: file.path, pool: TestModels.pool(width: 1))
    #expect(model.unknownKeys == ["llama.logit_scale"])
    for family in Family.all {
      #expect(try TestModels.tiny(family.path).unknownKeys == [], "\(family.name)")
      if family.hasGGUF { #expect(try TestModels.tiny(family.gguf).unknownKeys == []) }
      for twin in family.twins { #expect(try TestModels.tiny(twin).unknownKeys == []) }
    }
  }
}

enum GGUFValue: Sendable {
  case string(String)
  case float(Float)
  case bool(Bool)
}

/// A GGUF file with more keys; a last one fills up to the alignment, so that the data stay in place.
func withKeys(_ keys: [(String, GGUFValue)], in file: [UInt8]) -> [UInt8] {
  func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
  func text(_ text: String) -> [UInt8] { bytes(UInt64(text.utf8.count)) + text.utf8 }
  var added: [UInt8] = []
  for (key, value) in keys {
    added += text(key)
    switch value {
    case .string(let string): added += bytes(UInt32(8)) + text(string)
    case .float(let float): added += bytes(UInt32(6)) + bytes(float.bitPattern)
    case .bool(let bool): added += bytes(UInt32(7)) + [bool ? 1 : 0]
    }
  }
  let filler = text("filler") + bytes(UInt32(8))
  let rest = (64 - (added.count + filler.count + 8) % 32) % 32
  added += filler + text(String(repeating: "x", count: rest))
  let count = file[16..<24].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  return file[..<16] + bytes(count + UInt64(keys.count + 1)) + added + file[24...]
}
