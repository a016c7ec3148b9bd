import TestSupport
import Testing

@testable import Model

/// The planner's sharing against the reference way, which shares nothing but the kernels.
@Suite("Runs that fork from another equal those that do not, to the bit")
struct ForkTests {
  /// 600 variants on each model.
  @Test(
    "random edits, prompts and captures",
    arguments: ["tiny-gqa", "tiny-mha", "tiny-gqa.Q4_1.gguf"] + Family.all.map(\.path), 0..<10)
  func property(model: String, seed: Int) throws {
    let transformer = try TestModels.tiny(model).transformer
    var maker = RunMaker(
      configuration: transformer.configuration, generator: SeededGenerator(seed))
    var requests: [RunRequest] = []
    for _ in 0..<6 {
      requests += maker.family(at: requests.count, variants: 10, lengths: 1...12)
    }
    let found = try transformer.run(requests)
    let wanted = try transformer.runNaively(requests)
    for (i, request) in requests.enumerated() {
      expectSameBits(found[i], wanted[i], "\(request)")
    }
  }

  @Test("random edits on the real model")
  func smolLM2() throws {
    let transformer = try TestModels.smolLM2().transformer
    var maker = RunMaker(configuration: transformer.configuration, generator: SeededGenerator(1))
    let requests = maker.family(at: 0, variants: 16, lengths: 7...7)
    let found = try transformer.run(requests)
    let wanted = try transformer.runNaively(requests)
    for (i, request) in requests.enumerated() {
      expectSameBits(found[i], wanted[i], "\(request.edits.map(\.site.hookName))")
    }
  }

  @Test(
    "prompts of different lengths in one call give what each gives alone",
    arguments: ["tiny-gqa", "tiny-mha", "tiny-gqa.Q4_1.gguf"] + Family.all.map(\.path))
  func lengths(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    var maker = RunMaker(
      configuration: transformer.configuration, generator: SeededGenerator(3))
    let longest = min(40, transformer.configuration.context)
    let requests = (1...longest).shuffled(using: &maker.generator).map { length in
      RunRequest.everything(maker.prompt(length...length), of: transformer.configuration)
    }
    let found = try transformer.run(requests)
    for (request, together) in zip(requests, found) {
      expectSameBits(
        together, try transformer.run([request])[0], "\(request.tokens.count) tokens")
    }
  }

  @Test("the same on the real model")
  func lengthsSmolLM2() throws {
    let transformer = try TestModels.smolLM2().transformer
    var maker = RunMaker(
      configuration: transformer.configuration, generator: SeededGenerator(4))
    let requests = [5, 1, 13, 8].map { length in
      let tokens = maker.prompt(length...length)
      return RunRequest(
        tokens: tokens, captures: [Site(.residPost, layer: 29): .all],
        logits: .all([length - 1]))
    }
    let found = try transformer.run(requests)
    for (request, together) in zip(requests, found) {
      expectSameBits(
        together, try transformer.run([request])[0], "\(request.tokens.count) tokens")
    }
  }

  // MARK: - The tests can fail

  private static func batch(
    _ requests: [RunRequest], layers: Int, fork: (Fork) -> Fork = { $0 }
  ) -> Batch {
    Batch(
      requests.enumerated().map { i, request in
        let count = request.tokens.count
        guard let base = request.base, let further = request.edits(beyond: requests[base]) else {
          return (i, request, nil, Fork(unsharedOf: count))
        }
        return (i, request, base, fork(Fork(further, count: count, layers: layers)))
      }, layers: layers)
  }

  private static func results(
    _ transformer: Transformer, _ requests: [RunRequest], fork: (Fork) -> Fork
  ) throws -> [RunResult] {
    var executor = try Executor(
      transformer,
      batch: batch(requests, layers: transformer.configuration.layers, fork: fork))
    var results = [RunResult](repeating: RunResult(), count: requests.count)
    try executor.run(advanced: { _, _ in })
    while let (index, result) = try executor.nextResult() { results[index] = result }
    return results
  }

  /// Forking a layer or a position too early is only slower; too late by one shows at every site.
  @Test(
    "a fork that is one layer or one position off is seen", arguments: Activation.ofLlama)
  func shifted(_ activation: Activation) throws {
    let transformer = try TestModels.tiny("tiny-gqa").transformer
    let configuration = transformer.configuration
    let site = Site(activation, layer: 1)
    let tokens = [41, 300, 9, 266, 91, 277, 18]
    var maker = RunMaker(configuration: configuration, generator: SeededGenerator(2))
    var edit = maker.edit(tokens.count, at: site)
    edit.units = nil
    edit.positions = [3]
    edit.change = .replace([
      maker.generator.floats(
        configuration.unitCount(site) * configuration.unitWidth(activation, sources: 4),
        in: 0.1...2)
    ])
    let logits = RunRequest.Logits.all([3, 6])
    let requests = [
      RunRequest(tokens: tokens, logits: logits),
      RunRequest(tokens: tokens, edits: [edit], base: 0, logits: logits),
    ]
    let wanted = try transformer.runNaively(requests)
    func isRight(layer: Int, position: Int) throws -> Bool {
      let found = try Self.results(transformer, requests) { fork in
        var shifted = fork
        let forks = fork.layers
        shifted.layers = forks.indices.map { p in
          let neighbour = forks.indices.contains(p - position) ? forks[p - position] : Fork.never
          let fork = position > 0 ? max(forks[p], neighbour) : min(forks[p], neighbour)
          return fork == Fork.never ? fork : max(0, min(configuration.layers, fork + layer))
        }
        return shifted
      }
      return zip(found, wanted).allSatisfy { $0.logits == $1.logits }
    }
    #expect(wanted[1].logits != wanted[0].logits, "the edit has an effect")
    #expect(try isRight(layer: 0, position: 0))
    #expect(try isRight(layer: -1, position: 0))
    #expect(try isRight(layer: 0, position: -1))
    #expect(try !isRight(layer: 0, position: 1))
    if activation != .lnFinalScale { #expect(try !isRight(layer: 1, position: 0)) }
  }

  // MARK: - How much is shared

  @Test("a sweep over heads at the last position costs one row a variant, from its own layer on")
  func rowsOfASweep() {
    let tokens = [1, 2, 3, 4, 5]
    var requests = [RunRequest(tokens: tokens, logits: .all([4]))]
    for layer in 0..<3 {
      for head in 0..<4 {
        let edit = Edit(
          site: Site(.z, layer: layer), units: [head], positions: [4], change: .zero)
        requests.append(
          RunRequest(tokens: tokens, edits: [edit], base: 0, logits: .all([4])))
      }
    }
    let shared = Self.batch(requests, layers: 3).schedule
    #expect(shared.entering == [5 + 4, 5 + 8, 5 + 12, 1 + 12])
    #expect(shared.through == [5 + 4, 5 + 8, 1 + 12])
    #expect(shared.sources == [15 + 4 * 5, 15 + 8 * 5, 5 + 12 * 5])
    for i in requests.indices { requests[i].base = nil }
    let alone = Self.batch(requests, layers: 3).schedule
    #expect(alone.entering == [65, 65, 65, 13] && alone.through == [65, 65, 13])
  }

  @Test("what nothing that is asked for reads is not computed")
  func rowsThatEnd() {
    func through(_ captures: [Site: RunRequest.Positions], _ logits: RunRequest.Logits = .none)
      -> [Int]
    {
      let request = RunRequest(tokens: [1, 2, 3, 4, 5], captures: captures, logits: logits)
      return Self.batch([request], layers: 3).schedule.through
    }
    #expect(through([:]) == [0, 0, 0])
    #expect(through([:], .all([2])) == [3, 3, 1])
    #expect(through([:], .tokens([7], position: 4)) == [5, 5, 1])
    #expect(through([:], .all([0, 4])) == [5, 5, 2])
    #expect(through([Site(.embed): .all]) == [0, 0, 0])
    #expect(through([Site(.v, layer: 1): .all]) == [5, 0, 0])
    #expect(through([Site(.residPre, layer: 2): .some([3])]) == [4, 1, 0])
    #expect(through([Site(.z, layer: 1): .some([3])]) == [4, 1, 0])
    #expect(through([Site(.z, layer: 1): .some([3])], .all([1])) == [4, 3, 1])
    #expect(through([Site(.lnFinalScale): .some([1])]) == [2, 2, 1])
  }

  /// Every element that is asked for, followed back through all that it reads: no row more and no
  /// row less goes through a layer.
  @Test("exactly the rows that are read", arguments: 0..<40)
  func exactRows(seed: Int) throws {
    let configuration = try TestModels.tiny("tiny-gqa").configuration
    let layers = configuration.layers
    var maker = RunMaker(configuration: configuration, generator: SeededGenerator(seed))
    let request = maker.family(at: 0, variants: 0, lengths: 1...9)[0]
    // [layer][position], the last layer's being the final norm's.
    var streams = [Set<Int>](repeating: [], count: layers + 1)
    var wholes = [Set<Int>](repeating: [], count: layers)
    func read(stream position: Int, of layer: Int) {
      guard streams[layer].insert(position).inserted, layer > 0 else { return }
      compute(position, in: layer - 1)
    }
    func compute(_ position: Int, in layer: Int) {
      guard wholes[layer].insert(position).inserted else { return }
      for source in 0...position { read(stream: source, of: layer) }
    }
    for (site, positions) in request.captures {
      let wanted =
        if case .some(let some) = positions { some } else { Array(request.tokens.indices) }
      for position in wanted {
        switch site.activation {
        case .embed: read(stream: position, of: 0)
        case .residPre, .ln1Scale, .k, .v: read(stream: position, of: site.layer)
        case .lnFinalScale: read(stream: position, of: layers)
        default: compute(position, in: site.layer)
        }
      }
    }
    switch request.logits {
    case .none: break
    case .all(let positions): for position in positions { read(stream: position, of: layers) }
    case .chosen(let chosen): for chosen in chosen { read(stream: chosen.position, of: layers) }
    case .summaries(let queries): for query in queries { read(stream: query.position, of: layers) }
    }
    var batch = Self.batch([request], layers: layers)
    #expect(batch.schedule.through == wholes.map(\.count))
    #expect(batch.schedule.entering == streams.map(\.count))
    for layer in 0..<layers {
      _ = batch.drop(before: .keysAndValues(of: layer))
      #expect(Set(batch.rows.map(\.position)) == streams[layer])
      _ = batch.drop(before: .through(layer))
      #expect(Set(batch.rows.map(\.position)) == wholes[layer])
    }
  }

  @Test("a variant without further edits costs nothing")
  func noFurtherEdits() throws {
    let transformer = try TestModels.tiny("tiny-mha").transformer
    let edit = Edit(site: Site(.z, layer: 0), positions: [1], change: .zero)
    let base = RunRequest(tokens: [9, 8, 7], edits: [edit], logits: .all([2]))
    var variant = base
    variant.base = 0
    variant.captures = [Site(.residPost, layer: 1): .all, Site(.embed): .some([1])]
    let schedule = Self.batch([base, variant], layers: 2).schedule
    #expect(schedule.entering == [3, 3, 1] && schedule.through == [3, 3])
    let results = try transformer.run([base, variant])
    expectSameBits(results[1].logits[0], results[0].logits[0])
    expectSameBits(results[1], try transformer.runNaively([base, variant])[1])
  }
}
