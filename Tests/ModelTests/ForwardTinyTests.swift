import Testing

@testable import Model

@Suite("Forward pass on tiny models against the numpy oracle")
struct ForwardTinyTests {
  /// The largest gap measured at any site, relative to its magnitude where that is above 1: 8e-7.
  @Test(
    "every activation at every site, and the logits",
    arguments: [
      ("tiny-gqa", "tiny-gqa"), ("tiny-gqa.F32.gguf", "tiny-gqa"),
      ("tiny-mha", "tiny-mha"), ("tiny-mha.F32.gguf", "tiny-mha"),
    ], ["short", "long"])
  func everySite(model: (path: String, reference: String), prompt: String) throws {
    let reference = try ReferenceTensors("\(model.reference).\(prompt).safetensors")
    let transformer = try TestModels.tiny(model.path).transformer
    let tokens = try reference.tokens()
    let configuration = transformer.configuration
    let result = try transformer.run([.everything(tokens, of: configuration)])[0]

    let sites = Site.all(of: configuration)
    #expect(Set(sites.map(\.hookName)).union(["logits"]) == Set(reference.names))
    for site in sites {
      let kept = try #require(result.activations[site])
      let wanted = try reference[site.hookName]
      let gap = try Self.gap(kept, wanted, site: site, configuration)
      #expect(gap.relative < 1e-5, "\(site.hookName): \(gap)")
    }
    let logits = try reference["logits"]
    let gap = Gap(Array(result.logits.joined()), logits.values)
    #expect(gap.relative < 1e-5, "logits: \(gap)")
  }

  /// The reference has a divided site as [units, T, width], but neurons as [T, neurons]; sources
  /// after the query are 0 there and absent here.
  static func gap(
    _ kept: CapturedActivation, _ wanted: ReferenceTensor, site: Site,
    _ configuration: Configuration
  ) throws -> Gap {
    var gap = Gap()
    let isHeaded = site.activation.units == .heads || site.activation.units == .keyValueHeads
    try #require(kept.units == configuration.unitCount(site))
    for (i, position) in kept.positions.enumerated() {
      if isHeaded {
        for unit in 0..<kept.units {
          let row = wanted[row: [unit, position]]
          let seen = site.activation.isOverSources ? row.prefix(position + 1) : row[...]
          gap.add(kept[i, unit], seen)
        }
      } else {
        gap.add(kept[i], wanted[row: [position]])
      }
    }
    return gap
  }

  @Test("results are pulled in the order of the requests, however small the batches")
  func pulled() throws {
    let model = try TestModels.tiny("tiny-gqa").transformer
    let requests = (0..<9).map { i in
      let tokens = [5, 17, 30, 42, 7 + i / 3]
      let edit = Edit(site: Site(.mlpOut, layer: 0), positions: [3], change: .scale(Float(i)))
      return i.isMultiple(of: 3)
        ? RunRequest(tokens: tokens, logits: .all([4]))
        : RunRequest(tokens: tokens, edits: [edit], base: i / 3 * 3, logits: .all([4]))
    }
    let wanted = try model.run(requests)
    let memory = 8 * model.bytesPerRow + 3 * 4 * model.configuration.vocabulary
    var results = try model.results(of: requests, memory: memory)
    #expect(results.record.batches > 3 && results.record.rowLayers == 0)
    for (i, wanted) in wanted.enumerated() {
      let found = try #require(try results.next())
      #expect(found.index == i && found.result.logits == wanted.logits)
      // Nothing is computed before it is asked for.
      if i == 0 { #expect(results.record.rowLayers <= 2 * 5 * model.configuration.layers) }
    }
    #expect(try results.next() == nil)
    #expect(try results.next() == nil)
  }

  @Test("a layer that keeps its intermediates computes the same bits", arguments: Family.all)
  func intermediates(_ family: Family) throws {
    let model = try TestModels.tiny(family.path).transformer
    let last = model.configuration.layers - 1
    let tokens = [5, 17, 30, 42, 42, 7, 21]
    // Everything, so that no row ends before the last layer's end.
    let request = RunRequest.everything(tokens, of: model.configuration)
    let wanted = try model.run([request])[0]
    var executor = Executor(
      model,
      batch: Batch(
        [(0, request, nil, Fork(unsharedOf: tokens.count))], layers: model.configuration.layers),
      rope: try RotaryTables(model.configuration, tokens: tokens.count),
      buffers: Buffers(model, rows: tokens.count, keepsIntermediates: true))
    var found = RunResult()
    try executor.run(advanced: { _, _ in })
    while let (_, result) = try executor.nextResult() { found = result }
    #expect(found.logits == wanted.logits)
    let (buffers, layer) = (executor.buffers, model.layers[last])
    for (activation, buffer, stride) in [
      (Activation.q, buffers.q, layer.q.stride), (.z, buffers.z, layer.q.stride),
      (.attnOut, buffers.attentionOut, layer.o.stride),
      (.mlpPre, buffers.hidden, layer.mlp.hiddenStride),
      (.mlpPost, buffers.activated, layer.mlp.hiddenStride),
      (.mlpOut, buffers.mlpOut, layer.mlp.outputStride),
    ] {
      let kept = try #require(wanted.activations[Site(activation, layer: last)])
      for position in tokens.indices {
        let row = UnsafeBufferPointer(
          start: buffer.pointer + position * stride, count: kept[position].count)
        #expect(Array(row) == kept[position], "\(activation) at \(position)")
      }
    }
  }

  /// Against the oracle on the very numbers that each file holds. Measured: 2e-6.
  @Test(
    "logits from every type of file",
    arguments: [
      "tiny-gqa.F32.gguf", "tiny-gqa.F16.gguf", "tiny-gqa.BF16.gguf", "tiny-gqa.Q8_0.gguf",
      "tiny-gqa.Q4_1.gguf", "tiny-mha.F32.gguf", "tiny-q6k.gguf", "tiny-mha-f16", "tiny-mha-bf16",
    ], ["short", "long"])
  func everyType(model: String, prompt: String) throws {
    let stem = model.hasSuffix(".gguf") ? String(model.dropLast(5)) : model
    let reference = try ReferenceTensors("\(stem).logits.safetensors")
    let prompts: [String: [Int]] = try reference.metadata("tokens")
    let tokens = try #require(prompts[prompt])
    let transformer = try TestModels.tiny(model).transformer
    let result = try transformer.run([
      RunRequest(tokens: tokens, logits: .all(Array(tokens.indices)))
    ])[0]
    let gap = Gap(Array(result.logits.joined()), try reference[prompt].values)
    #expect(gap.relative < 1e-5, "\(gap)")
  }

  /// A GGUF file has the rows of q and k in another order than a safetensors file; once both are in
  /// the canonical order nothing differs any more, and F32 is F32.
  @Test(
    "the same weights from GGUF and safetensors give the same bits",
    arguments: [("tiny-gqa", "tiny-gqa.F32.gguf"), ("tiny-mha", "tiny-mha.F32.gguf")])
  func formats(safetensors: String, gguf: String) throws {
    let (one, other) = (try TestModels.tiny(safetensors), try TestModels.tiny(gguf))
    #expect(one.configuration == other.configuration)
    let tokens = try ReferenceTensors("\(safetensors).long.safetensors").tokens()
    let request = RunRequest.everything(tokens, of: one.configuration)
    expectSameBits(
      try one.transformer.run([request])[0], try other.transformer.run([request])[0])
  }

  @Test func configurations() throws {
    let gqa = try TestModels.tiny("tiny-gqa.F32.gguf").configuration
    #expect(gqa.layers == 3 && gqa.heads == 4 && gqa.keyValueHeads == 2 && gqa.headWidth == 24)
    #expect(
      gqa.width == 32 && gqa.mlp.allSatisfy { $0.neurons == 64 } && gqa.vocabulary == 320
        && gqa.context == 64)
    #expect(gqa.isTied && gqa.attention[2].rotary?.base == 50_000 && gqa.epsilon == 1e-5)
    #expect((0..<4).map(gqa.keyValueHead(of:)) == [0, 0, 1, 1])
    #expect((0..<2).map(gqa.heads(reading:)) == [0..<2, 2..<4])
    let mha = try TestModels.tiny("tiny-mha").configuration
    #expect(mha.layers == 2 && mha.heads == 3 && mha.keyValueHeads == 3 && mha.headWidth == 8)
    #expect(!mha.isTied && mha.attention[0].rotary?.base == 10_000)
    let q6 = try TestModels.tiny("tiny-q6k.gguf")
    #expect(q6.tensorTypes.map(\.type) == [.f32, .q8_0, .q6_K])
  }
}
