import Testing

@testable import Model

@Suite("Generation with kept keys and values equals whole runs, to the bit")
struct GenerationTests {
  /// The tokens and logits that come when every step runs the whole text anew.
  private func naively(
    _ model: Transformer, _ tokens: [Int], _ edits: [Edit], _ everywhere: [Edit], count: Int
  ) throws -> [[Float]] {
    var tokens = tokens
    return try (0..<count).map { _ in
      let positions = Array(tokens.indices)
      let all = everywhere.map {
        Edit(
          site: $0.site, units: $0.units, positions: Array(positions[$0.firstPosition...]),
          change: $0.change)
      }
      let request = RunRequest(
        tokens: tokens, edits: edits + all, logits: .all([tokens.count - 1]))
      let logits = try model.runNaively([request])[0].logits[0]
      tokens.append(largest(logits))
      return logits
    }
  }

  private func largest(_ logits: [Float]) -> Int {
    logits.indices.max { logits[$0] < logits[$1] } ?? 0
  }

  @Test(
    arguments: ["tiny-gqa", "tiny-mha", "tiny-gqa.Q4_1.gguf"] + Family.all.map(\.path))
  func tiny(name: String) throws {
    let model = try TestModels.tiny(name).transformer
    let tokens = [41, 300, 9, 266].map { $0 % model.configuration.vocabulary }
    let steering = [Float](repeating: 0.25, count: model.configuration.width)
    let cases: [(edits: [Edit], everywhere: [Edit])] = [
      ([], []),
      ([Edit(site: Site(.z, layer: 0), units: [1], positions: [3], change: .zero)], []),
      (
        [Edit(site: Site(.v, layer: 1), positions: [0, 2], change: .scale(0.5))],
        [
          Edit(site: Site(.residPre, layer: 1), positions: [], change: .add(steering)),
          Edit(site: Site(.attnScores, layer: 0), positions: [], change: .cut(sources: [1])),
          Edit(site: Site(.k, layer: 1), positions: [], change: .scale(-1)),
        ]
      ),
    ]
    for (edits, everywhere) in cases {
      let wanted = try naively(model, tokens, edits, everywhere, count: 6)
      let ofPrompt = everywhere.map {
        Edit(
          site: $0.site, units: $0.units,
          positions: Array($0.firstPosition..<tokens.count), change: $0.change)
      }
      var generation = try Generation(
        model, [.init(tokens: tokens, edits: edits + ofPrompt, addedEdits: everywhere)], count: 6)
      var found = try generation.logits()
      for (step, logits) in wanted.enumerated() {
        if step > 0 { found = try generation.logits(after: [(0, largest(found[0]))]) }
        expectSameBits(found[0], logits)
      }
    }
  }

  /// Prompts of different lengths and edits, each of which ends at another step; the shortest grows past
  /// where a long text's keys are turned differently.
  @Test(arguments: ["tiny-gqa", "families/gpt2", "families/gemma2", "families/phi3-longrope"])
  func together(name: String) throws {
    let model = try TestModels.tiny(name).transformer
    let ids = [41, 300, 9, 266, 5, 17, 80, 33, 12].map { $0 % model.configuration.vocabulary }
    let steering = [Float](repeating: 0.25, count: model.configuration.width)
    let added = Edit(site: Site(.residPre, layer: 1), positions: [], change: .add(steering))
    let zero = Edit(site: Site(.z, layer: 0), units: [1], positions: [1], change: .zero)
    let prompts: [Generation.Prompt] = [
      .init(tokens: Array(ids.prefix(8))), .init(tokens: Array(ids.suffix(3)), edits: [zero]),
      .init(
        tokens: ids,
        edits: [Edit(site: added.site, positions: Array(ids.indices), change: added.change)],
        addedEdits: [added]),
      .init(tokens: [ids[2]]),
    ]
    let counts = [6, 3, 5, 9]
    let wanted = try zip(prompts, counts).map { prompt, count in
      try naively(
        model, prompt.tokens, prompt.addedEdits.isEmpty ? prompt.edits : [], prompt.addedEdits,
        count: count)
    }
    var generation = try Generation(model, prompts, count: 9)
    let first = try generation.logits()
    for turn in 0..<2 {
      if turn > 0 { generation.rewind() }
      var (open, found) = (Array(prompts.indices), first)
      for step in 0..<9 {
        for (text, logits) in zip(open, found) { expectSameBits(logits, wanted[text][step]) }
        let chosen = zip(open, found).filter { counts[$0.0] > step + 1 }
          .map { (text: $0.0, token: largest($0.1)) }
        open = chosen.map(\.text)
        if !open.isEmpty { found = try generation.logits(after: chosen) }
      }
      #expect(generation.tokens(of: 1).count == 3 + 2)
    }
  }

  /// What comes after `rewind` is what came before it, for a text whose keys are turned anew too.
  @Test(arguments: ["tiny-gqa", "families/phi3-longrope"])
  func rewinds(name: String) throws {
    let model = try TestModels.tiny(name).transformer
    let tokens = Array(
      [41, 300, 9, 266, 5, 17, 80, 33].map { $0 % model.configuration.vocabulary })
    let count = 8
    var generation = try Generation(model, [.init(tokens: tokens)], count: count)
    let first = try generation.logits()
    func run() throws -> [[Float]] {
      var token = largest(first[0])
      return try (1..<count).map { _ in
        let logits = try generation.logits(after: [(0, token)])
        token = largest(logits[0])
        return logits[0]
      }
    }
    let wanted = try run()
    for _ in 0..<2 {
      generation.rewind()
      #expect(generation.tokens(of: 0) == tokens)
      for (found, wanted) in zip(try run(), wanted) { expectSameBits(found, wanted) }
    }
  }

  @Test func contextEnds() throws {
    func room(_ model: String, _ count: (_ context: Int) -> Int) throws {
      let model = try TestModels.tiny(model).transformer
      let count = count(model.configuration.context)
      _ = try Generation(model, [.init(tokens: [1, 2])], count: count)
    }
    for model in ["families/gpt2", "families/gptj"] {
      try room(model) { $0 - 2 }
      #expect(throws: ModelError.self) { try room(model) { $0 - 1 } }
    }
    // With RoPE there is a position after every other.
    try room("tiny-gqa") { $0 + 1 }
    for count in [Int.max, 1 << 40] {
      #expect(throws: ModelError.self) { try room("tiny-gqa") { _ in count } }
    }
  }

  @Test func promptsLongerThanTheContext() throws {
    func run(_ model: String) throws -> Int {
      let model = try TestModels.tiny(model).transformer
      let tokens = (0...model.configuration.context).map { $0 % 90 }
      let request = RunRequest(tokens: tokens, logits: .all([tokens.count - 1]))
      return try model.run([request])[0].logits[0].count
    }
    #expect(try run("tiny-gqa") == 320 && run("families/gemma2") == 96)
    #expect(throws: ModelError.self) { try run("families/gpt2") }
    #expect(throws: ModelError.self) { try run("families/gptj") }
  }
}

extension Edit {
  /// The first query that can be left without what is cut: that after it.
  fileprivate var firstPosition: Int {
    if case .cut(let sources) = change { (sources.max() ?? -1) + 1 } else { 0 }
  }
}
