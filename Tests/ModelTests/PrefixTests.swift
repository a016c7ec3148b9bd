import TestSupport
import Testing

@testable import Model

@Suite("Prompts that begin alike share their beginning, to the bit")
struct PrefixTests {
  /// Prompts that are continuations of others, or the same, or shorter; edits that some of them have
  /// in common, here and there at other positions.
  private struct Maker {
    var runs: RunMaker

    init(_ transformer: Transformer, seed: Int) {
      runs = RunMaker(
        configuration: transformer.configuration, generator: SeededGenerator(seed))
    }

    mutating func prompts(_ count: Int) -> [[Int]] {
      var prompts = [runs.prompt(1...9)]
      while prompts.count < count {
        let other = prompts[runs.pick(0...prompts.count - 1)]
        let kept = other.prefix(runs.pick(0...other.count))
        let tail = runs.pick(0...3) == 0 && !kept.isEmpty ? [] : runs.prompt(1...5)
        prompts.append(Array((kept + tail).prefix(runs.configuration.context)))
      }
      return prompts
    }

    /// The same edits on all prompts, each where a prompt has its positions; some prompts lack some.
    mutating func requests(_ prompts: [[Int]]) -> [RunRequest] {
      let longest = prompts.map(\.count).max() ?? 1
      let edits = (0..<runs.pick(0...3)).map { _ in runs.edit(longest) }
      return prompts.map { tokens in
        let own = edits.compactMap { edit in
          runs.pick(0...4) == 0 ? nil : edit.within(tokens.count)
        }
        return runs.request(tokens, own.filter { isPossible($0, tokens) }, base: nil)
      }
    }

    /// A cut may be of what a prompt does not see.
    private func isPossible(_ edit: Edit, _ tokens: [Int]) -> Bool {
      let request = RunRequest(tokens: tokens, edits: [edit])
      return (try? request.check(in: runs.configuration, among: [])) != nil
    }
  }

  private static let models =
    ["tiny-gqa", "tiny-mha", "tiny-gqa.Q4_1.gguf"] + Family.all.map(\.path)

  @Test("random trees of prompts, with edits, captures and variants", arguments: models, 0..<8)
  func property(model: String, seed: Int) throws {
    let transformer = try TestModels.tiny(model).transformer
    var maker = Maker(transformer, seed: seed)
    var requests = maker.requests(maker.prompts(14))
    // Some of them are varied too.
    for base in requests.indices.prefix(4) {
      let tokens = requests[base].tokens
      for _ in 0..<3 {
        requests.append(
          maker.runs.request(
            tokens, requests[base].edits + [maker.runs.edit(tokens.count)], base: base))
      }
    }
    let wanted = try transformer.runNaively(requests)
    for (found, wanted) in zip(try transformer.run(requests), wanted) {
      expectSameBits(found, wanted, "seed \(seed)")
    }
    // In batches so small that each has to begin again.
    let largest = try requests.map { try Self.bytes([$0], transformer) }.max() ?? 0
    var results = try transformer.results(of: requests, memory: 3 * largest)
    for (i, wanted) in wanted.enumerated() {
      let found = try #require(try results.next())
      #expect(found.index == i)
      expectSameBits(found.result, wanted, "seed \(seed), small batches")
    }
  }

  private static func bytes(_ requests: [RunRequest], _ transformer: Transformer) throws -> Int {
    try requests.reduce(0) {
      $0 + $1.tokens.count * transformer.bytesPerRow
        + $1.resultBytes(in: transformer.configuration)
    }
  }

  // MARK: - What is shared

  /// How many rows there are in layer 0, of prompts all of whose positions are kept.
  private static func rows(_ requests: [RunRequest], of model: String = "tiny-gqa") throws -> Int {
    let transformer = try TestModels.tiny(model).transformer
    let requests = requests.map { request in
      var request = request
      request.captures[Site(.residPost, layer: 1)] = .all
      return request
    }
    for (found, wanted) in zip(
      try transformer.run(requests), try transformer.runNaively(requests))
    {
      expectSameBits(found, wanted)
    }
    return try RunPlanner(transformer, memory: .max).batches(requests).reduce(0) {
      $0 + $1.schedule.entering[0]
    }
  }

  private static func prompts(_ prompts: [Int]...) -> [RunRequest] {
    prompts.map { RunRequest(tokens: $0) }
  }

  @Test func tokens() throws {
    #expect(try Self.rows(Self.prompts([1, 2, 3, 4], [1, 2, 5, 4])) == 4 + 2)
    // The same again; one that the other begins with, before and after it.
    #expect(try Self.rows(Self.prompts([1, 2, 3, 4], [1, 2, 3, 4])) == 4)
    #expect(try Self.rows(Self.prompts([1, 2, 3, 4], [1, 2])) == 4)
    #expect(try Self.rows(Self.prompts([1, 2], [1, 2, 3, 4])) == 2 + 2)
    // A branch of a branch; nothing in common but the end.
    #expect(
      try Self.rows(Self.prompts([1, 2, 3, 4], [1, 2, 5, 6, 7], [1, 2, 5, 6, 8])) == 4 + 3 + 1)
    #expect(try Self.rows(Self.prompts([9, 2, 3, 4], [1, 2, 3, 4])) == 8)
    #expect(try Self.rows(Self.prompts([1], [2], [1])) == 2)
  }

  @Test func edits() throws {
    func rows(_ one: Edit, _ other: Edit) throws -> Int {
      try Self.rows([
        RunRequest(tokens: [1, 2, 3, 4, 5], edits: [one]),
        RunRequest(tokens: [1, 2, 3, 4, 6], edits: [other]),
      ])
    }
    let width = try TestModels.tiny("tiny-gqa").configuration.width
    let zeros = [Float](repeating: 0, count: width)
    var minus = zeros
    minus[3] = -0.0
    func zero(_ positions: [Int]) -> Edit {
      Edit(site: Site(.z, layer: 1), units: [1], positions: positions, change: .zero)
    }
    func stream(_ change: Edit.Change) -> Edit {
      Edit(site: Site(.residPre, layer: 1), positions: [2], change: change)
    }
    func cut(_ positions: [Int], _ sources: [Int]) -> Edit {
      Edit(
        site: Site(.attnScores, layer: 1), positions: positions, change: .cut(sources: sources))
    }
    // The same edits, beyond where they part too; at another position, unit or layer.
    #expect(try rows(zero([1, 4]), zero([1, 4])) == 6)
    #expect(try rows(zero([1, 4]), zero([1])) == 6)
    #expect(try rows(zero([1, 4]), zero([2, 4])) == 5 + 4)
    var other = zero([3])
    other.units = [0]
    #expect(try rows(zero([3]), other) == 5 + 2)
    other = zero([0])
    other.site = Site(.z, layer: 0)
    #expect(try rows(zero([0]), other) == 10)
    // By their bits.
    #expect(try rows(stream(.replace([zeros])), stream(.replace([zeros]))) == 6)
    #expect(try rows(stream(.replace([zeros])), stream(.replace([minus]))) == 5 + 3)
    #expect(try rows(stream(.scale(0)), stream(.scale(-0.0))) == 5 + 3)
    #expect(try rows(stream(.add(zeros)), stream(.add(minus))) == 5 + 3)
    #expect(try rows(stream(.zero), stream(.scale(0))) == 5 + 3)
    // What is cut counts where it is seen.
    #expect(try rows(cut([2, 4], [1, 3]), cut([2, 4], [1])) == 6)
    #expect(try rows(cut([2, 4], [0, 3]), cut([2, 4], [1])) == 5 + 3)
    // Of two edits at a position the order counts.
    let both = [stream(.scale(2)), stream(.zero)]
    #expect(
      try Self.rows([
        RunRequest(tokens: [1, 2, 3, 4, 5], edits: both),
        RunRequest(tokens: [1, 2, 3, 4, 6], edits: both.reversed()),
      ]) == 5 + 3)
  }

  @Test("prompts whose queries and keys are rotated otherwise share nothing")
  func rotation() throws {
    // The long factors serve prompts of more than 8 tokens.
    let tokens = [3, 8, 21, 5, 9, 33, 2, 17, 40, 12]
    let prompts = [Array(tokens.prefix(8)), tokens, Array(tokens.prefix(9)), [3, 8, 7]]
    #expect(
      try Self.rows(prompts.map { RunRequest(tokens: $0) }, of: "families/phi3-longrope")
        == 8 + 10 + 1)
  }

  @Test("windows that end within what is shared", arguments: ["mistral", "gemma3", "phi3"])
  func windows(family: String) throws {
    let shared = [3, 8, 21, 5, 9, 33, 2, 17, 40]
    #expect(
      try Self.rows(
        [[1, 2], [4], [6, 7, 8]].map { RunRequest(tokens: shared + $0) },
        of: "families/\(family)") == 9 + 2 + 1 + 3)
  }

  @Test("variants cost what they cost alone, whatever their bases share")
  func variants() throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    func sweep(_ tokens: [Int], base: Int) -> [RunRequest] {
      let last = tokens.count - 1
      let logits = RunRequest.Logits.all([last])
      return [RunRequest(tokens: tokens, logits: logits)]
        + (0..<4).map { head in
          let edit = Edit(
            site: Site(.z, layer: 0), units: [head], positions: [last], change: .zero)
          return RunRequest(tokens: tokens, edits: [edit], base: base, logits: logits)
        }
    }
    let requests = sweep([1, 2, 3, 4, 5], base: 0) + sweep([1, 2, 3, 9, 7, 8], base: 5)
    let batches = try RunPlanner(transformer, memory: .max).batches(requests)
    let entering = batches.map { $0.schedule.entering[0] }
    // Five tokens and four variants, three tokens more and four variants.
    #expect(entering == [16])
    for (found, wanted) in zip(
      try transformer.run(requests), try transformer.runNaively(requests))
    {
      expectSameBits(found, wanted)
    }
  }

  // MARK: - Batches

  /// Of `kinds` beginnings of 40 tokens, one after the other.
  private static func interleaved(_ kinds: Int, _ count: Int) -> [RunRequest] {
    (0..<count).map { i in
      let beginning = (0..<40).map { (i % kinds * 31 + $0 * 7) % 90 }
      return RunRequest(
        tokens: beginning + [i % 90, i / 7 % 90], logits: .tokens([4], position: 41))
    }
  }

  @Test("prompts that begin alike are put together, and their results come in order")
  func together() throws {
    let transformer = try TestModels.tiny("tiny-mha").transformer
    let requests = Self.interleaved(40, 160)
    let batches = try RunPlanner(transformer, memory: .max).batches(requests)
    // Each beginning once, but for those that a batch's end divides.
    let rows = batches.reduce(0) { $0 + $1.schedule.entering[0] }
    #expect(rows <= 40 * 40 + 160 * 2 + 2 * 40 && batches.count == 3)
    #expect(batches[0].members[0].index == 0)
    var results = try transformer.results(of: requests)
    for (i, request) in requests.enumerated() {
      let found = try #require(try results.next())
      #expect(found.index == i)
      if i.isMultiple(of: 9) {
        expectSameBits(found.result, try transformer.run([request])[0])
      }
    }
    #expect(try results.next() == nil)
    let plan = try transformer.plan(requests, speed: try transformer.speed())
    #expect(plan.rowLayers == results.record.rowLayers)
    #expect(plan.batches == 3 && plan.rowLayersUnshared == 160 * 42 * 2)
  }

  @Test("they stay in order where little is spared, and where too much would have to wait")
  func inOrder() throws {
    let transformer = try TestModels.tiny("tiny-mha").transformer
    func indices(_ requests: [RunRequest], memory: Int = .max) throws -> [Int] {
      try RunPlanner(transformer, memory: memory).batches(requests).flatMap {
        $0.members.map(\.index)
      }
    }
    let few = Self.interleaved(3, 500)
    #expect(try indices(few) == Array(few.indices))
    var large = Self.interleaved(40, 160)
    #expect(try indices(large) != Array(large.indices))
    for i in large.indices { large[i].captures = [Site(.mlpPost, layer: 0): .all] }
    let bytes = try Self.bytes(large, transformer)
    #expect(try indices(large, memory: bytes / 4) == Array(large.indices))
  }

  // MARK: - The tests can fail

  @Test("one position too many is seen", arguments: 1..<5)
  func tooMany(common: Int) throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let prompts = [[41, 300, 9, 266, 91, 18], [41, 300, 9, 266, 91, 18]].enumerated().map {
      (i, tokens) in
      var tokens = tokens
      if i == 1 { tokens[common] = 77 }
      return RunRequest(tokens: tokens, logits: .all([5]))
    }
    let wanted = try transformer.runNaively(prompts)
    func found(sharing count: Int) throws -> [Float] {
      var executor = try Executor(
        transformer,
        batch: Batch(
          [
            (0, prompts[0], nil, Fork(unsharedOf: 6)),
            (1, prompts[1], 0, Fork(after: count, of: 6)),
          ], layers: transformer.configuration.layers))
      var found: [Float] = []
      try executor.run(advanced: { _, _ in })
      while let (_, result) = try executor.nextResult() { found = result.logits[0] }
      return found
    }
    #expect(try found(sharing: common) == wanted[1].logits[0])
    #expect(try found(sharing: common - 1) == wanted[1].logits[0])
    #expect(try found(sharing: common + 1) != wanted[1].logits[0])
  }
}

extension Edit {
  /// What of it a shorter prompt has; nil: nothing.
  fileprivate func within(_ count: Int) -> Edit? {
    let kept = positions.indices.filter { positions[$0] < count }
    guard !kept.isEmpty else { return nil }
    var edit = self
    edit.positions = kept.map { positions[$0] }
    switch change {
    case .replace(let rows): edit.change = .replace(kept.map { rows[$0] })
    case .cut(let sources): edit.change = .cut(sources: sources.filter { $0 < count })
    case .edge(let edge, let rows): edit.change = .edge(edge, kept.map { rows[$0] })
    case .zero, .scale, .add, .along, .outside, .features: break
    }
    return edit
  }
}
