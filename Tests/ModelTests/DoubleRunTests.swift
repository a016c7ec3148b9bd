import TestSupport
import Testing

@testable import Model

/// The double-precision run against the oracles, which are float64 too: what their goldens were
/// rounded to is all that may lie between.
@Suite struct DoubleRunTests {
  @Test(
    arguments: [
      ("tiny-gqa", "tiny-gqa.F32"), ("tiny-gqa.F32.gguf", "tiny-gqa.F32"),
      ("tiny-gqa.F16.gguf", "tiny-gqa.F16"), ("tiny-gqa.BF16.gguf", "tiny-gqa.BF16"),
      ("tiny-gqa.Q8_0.gguf", "tiny-gqa.Q8_0"), ("tiny-gqa.Q4_1.gguf", "tiny-gqa.Q4_1"),
      ("tiny-mha", "tiny-mha.F32"), ("tiny-mha.F32.gguf", "tiny-mha.F32"),
      ("tiny-mha-f16", "tiny-mha-f16"), ("tiny-mha-bf16", "tiny-mha-bf16"),
      ("tiny-q6k.gguf", "tiny-q6k"),
    ], ["short", "long"])
  func tinyModels(model: (path: String, golden: String), prompt: String) throws {
    let reference = try ReferenceTensors("\(model.golden).logits.safetensors")
    let prompts: [String: [Int]] = try reference.metadata("tokens")
    let tokens = try #require(prompts[prompt])
    let run = try DoubleRun(path: Fixtures.path(model.path), pool: TestModels.pool(width: 2))
    var done: [Int] = []
    let logits = try run.logits(of: tokens) { layer, _ in done.append(layer) }
    #expect(done == Array(done.indices) && !done.isEmpty)
    let gap = Gap(logits.joined().map { Float($0) }, try reference[prompt].values)
    #expect(gap.relative < 2e-7, "\(gap)")
  }

  /// What is recorded was rounded to f32, and `transformers` keeps some norms and RoPE in it.
  @Test("every architecture", arguments: Family.all)
  func families(family: Family) throws {
    let golden = try ReferenceTensors(family.golden)
    let tokens = try golden.tokens()
    let files =
      [(family.path, "logits")] + family.twins.map { ($0, "logits") }
      + (family.hasGGUF ? [(family.gguf, family.ggufLogits)] : [])
    for (path, logits) in files {
      let run = try DoubleRun(path: Fixtures.path(path), pool: TestModels.pool(width: 2))
      let found = try run.logits(of: tokens) { _, _ in }
      let gap = Gap(found.joined().map { Float($0) }, try golden[logits].values)
      #expect(gap.relative < 2e-6, "\(path): \(gap)")
    }
  }

  /// From tables of the functions.
  @Test func functions() {
    for (x, erf) in [
      (0.0, 0.0), (0.1, 0.112_462_916_018_284_89), (1, 0.842_700_792_949_714_9),
      (-2, -0.995_322_265_018_952_7), (5, 0.999_999_999_998_462_5), (7, 1), (-9, -1),
    ] { #expect(abs(DoubleMath.erf(x) - erf) < 4e-16, "erf \(x)") }
    for (x, tanh) in [
      (0.0, 0.0), (0.5, 0.462_117_157_260_009_8), (-1, -0.761_594_155_955_764_9), (50, 1),
    ] { #expect(abs(DoubleMath.tanh(x) - tanh) < 2e-16, "tanh \(x)") }
  }

  @Test func tokensThatAreNone() throws {
    let run = try DoubleRun(path: Fixtures.path("tiny-gqa"), pool: TestModels.pool(width: 1))
    for tokens in [[], [-1], [320]] {
      #expect(throws: ModelError.self) { try run.logits(of: tokens) { _, _ in } }
    }
  }

  @Test func weightsThatRunsWillRead() throws {
    let model = try LanguageModel(
      path: Fixtures.path("tiny-mha"), pool: TestModels.pool(width: 1))
    let transformer = model.transformer
    #expect(transformer.unreadWeightBytes == transformer.weightBytes)
    _ = try transformer.run([RunRequest(tokens: [1, 2], logits: .all([1]))])
    let left = transformer.unreadWeightBytes
    #expect(left < transformer.weightBytes / 2)
    // 2 layers of q, k, v, o (24 × 24 each), gate, up, down (64 × 24), and twice 320 × 24.
    let count = try transformer.readWeights { _, _ in }
    #expect(count == 2 * (4 * 24 * 24 + 3 * 64 * 24) + 2 * 320 * 24)
    #expect(transformer.unreadWeightBytes == 0)
  }
}
