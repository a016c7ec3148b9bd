import TestSupport
import Testing

@testable import Model

@Suite("Derivatives")
struct GradientTests {
  /// What the goldens differentiate: each position's next token, weighted, and a difference of logits at the
  /// last.
  private static func terms(_ golden: ReferenceTensors) throws -> [LogitTerm] {
    let tokens = try golden.tokens()
    let weights: [Double] = try golden.metadata("weights")
    let answers: [Int] = try golden.metadata("answers")
    let difference: Double = try golden.metadata("difference")
    let following = weights.indices.map { i in
      LogitTerm(position: i, .logProbabilities([.init(tokens[i + 1], weights[i])]))
    }
    return following + [
      LogitTerm(
        position: tokens.count - 1,
        .logits([.init(answers[0], difference), .init(answers[1], -difference)]))
    ]
  }

  /// Against torch's autograd in float64. Measured at most: 1.2e-5 of the largest at the site.
  @Test("at every site of every architecture", arguments: Family.all)
  func everySite(family: Family) throws {
    let golden = try ReferenceTensors(family.folder + "/gradients.safetensors")
    let transformer = try TestModels.tiny(family.path).transformer
    let c = transformer.configuration
    let request = GradientRequest(
      tokens: try golden.tokens(), terms: try Self.terms(golden), wanted: .everywhere(in: c))
    let result = try transformer.gradients(of: request)
    let value = Double(try golden["value"].values[0])
    #expect(abs(result.value - value) < 1e-5 * abs(value))
    for site in Site.all(of: c) {
      let found = try #require(result.gradients[site])
      let wanted = try golden[site.hookName]
      let largest = wanted.values.reduce(0) { max($0, abs($1)) }
      #expect(largest > 0, "\(site.hookName)")
      let gap = Self.gap(found, wanted, site: site)
      #expect(gap.largest < 1e-4 * Double(largest), "\(site.hookName): \(gap), of \(largest)")
    }
    #expect(Set(golden.names) == Set(Site.all(of: c).map(\.hookName) + ["value"]))
  }

  private static func gap(
    _ found: CapturedActivation, _ wanted: ReferenceTensor, site: Site
  ) -> Gap {
    var gap = Gap()
    for (i, position) in found.positions.enumerated() {
      switch site.activation.units {
      case .none, .neurons: gap.add(found[i], wanted[row: [position]])
      case .heads, .keyValueHeads:
        for unit in 0..<found.units {
          // All heads share that of `result`.
          let row = wanted[row: [min(unit, wanted.shape[0] - 1), position]]
          gap.add(found[i, unit], Array(row.prefix(found[i, unit].count)))
        }
      }
    }
    return gap
  }

  // MARK: - Edits

  /// One of every kind, at sites before and after each other, among them norms' scales and what attention is
  /// made of.
  private static func edits(_ c: Configuration, seed: Int) -> [Edit] {
    var generator = SeededGenerator(seed)
    let layer = 0
    var edits =
      [
        Edit(
          site: Site(.v, layer: layer), units: [c.keyValueHeads - 1], positions: [1, 3],
          change: .scale(1.7)),
        Edit(
          site: Site(.attnScores, layer: layer), units: [0], positions: [4, 5],
          change: .cut(sources: [2])),
        Edit(
          site: Site(.pattern, layer: 1), units: [1], positions: [5], change: .scale(0.6)),
        Edit(site: Site(.z, layer: layer), units: [1], positions: [4], change: .zero),
        Edit(site: Site(.result, layer: 1), units: [0], positions: [2, 5], change: .scale(-1.2)),
        Edit(
          site: Site(.mlpPost, layer: layer), units: [0, 3], positions: [2],
          change: .replace([generator.floats(2)])),
        Edit(
          site: Site(.residPost, layer: layer), positions: [1],
          change: .add(generator.floats(c.width))),
        Edit(site: Site(.ln1Scale, layer: 1), positions: [3], change: .replace([[1.3]])),
        Edit(site: Site(.lnFinalScale), positions: [5], change: .scale(1.1)),
        Edit(site: Site(.q, layer: 1), units: [0], positions: [5], change: .scale(1.5)),
        Edit(site: Site(.mlpOut, layer: 1), positions: [4], change: .zero),
      ] + along(c, &generator)
    if c.hasPostNorms {
      edits.append(
        Edit(site: Site(.ln2PostScale, layer: layer), positions: [2], change: .scale(0.8)))
    }
    return edits
  }

  /// Along directions: of one head's own output among other edits of it, of heads, of neurons, of a stream.
  private static func along(_ c: Configuration, _ generator: inout SeededGenerator) -> [Edit] {
    func along(
      _ activation: Activation, _ layer: Int, _ units: [Int]?, _ position: Int,
      _ change: Along.Change
    ) -> Edit {
      let site = Site(activation, layer: layer)
      let direction = generator.floats(c.alongWidth(site), in: -1...1).map(Double.init)
      return Edit(
        site: site, units: units, positions: [position], change: .along(Along(direction, change)))
    }
    return [
      along(.result, 1, [0, 1], 5, .removed), along(.z, 1, [1], 4, .set(0.4)),
      along(.mlpPost, 0, nil, 4, .alone), along(.residPre, 1, nil, 3, .removed),
      along(.attnOut, 0, nil, 5, .set(-0.3)),
    ]
  }

  private static let tokens = [41, 7, 90, 23, 58, 12]

  private static func request(_ c: Configuration, _ edits: [Edit]) -> GradientRequest {
    GradientRequest(
      tokens: tokens, edits: edits,
      terms: [
        LogitTerm(position: 5, .logProbabilities([.init(33, 1), .init(70, 0.5)])),
        LogitTerm(position: 3, .probabilities([.init(12, 2), .init(8, -1)])),
        LogitTerm(position: 5, .logits([.init(4, 0.3)])),
      ], wanted: .everywhere(in: c))
  }

  /// Central differences through the naive run, along the derivative itself.
  @Test(
    "agree with differences, whatever is edited",
    arguments: ["llama3", "gemma2", "gptj", "gpt_neox", "qwen3", "gpt2", "mistral"])
  func differences(name: String) throws {
    let transformer = try TestModels.tiny("families/\(name)").transformer
    let c = transformer.configuration
    for edits in [[], Self.edits(c, seed: 1)] {
      let request = Self.request(c, edits)
      let result = try transformer.gradients(of: request)
      #expect(
        abs(try Self.value(transformer, request, []) - result.value) < 2e-5)
      for site in Site.all(of: c) {
        let g = try #require(result.gradients[site])
        for position in [2, 4, 5] {
          try compare(transformer, request, site, position, g[position])
        }
      }
    }
  }

  private func compare(
    _ transformer: Transformer, _ request: GradientRequest, _ site: Site, _ position: Int,
    _ g: [Float]
  ) throws {
    let size = g.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    let kept = try transformer.runNaively([
      RunRequest(tokens: request.tokens, edits: request.edits, captures: [site: .all])
    ])[0].activations[site]
    let at = try #require(kept)[position]
    // Far enough for the step to be seen in F32, near enough for the curve not to be.
    let length = at.reduce(0.0) { $0.isFinite && $1.isFinite ? $0 + Double($1 * $1) : $0 }
    let step = 2e-3 * max(length.squareRoot(), 0.05)
    guard size > 0.02 else { return }
    let values = try [step, -step].map { step in
      let moved = zip(at, g).map { $0 + Float(step * Double($1) / size) }
      let edit = Edit(site: site, positions: [position], change: .replace([moved]))
      return try Self.value(transformer, request, [edit])
    }
    let slope = (values[0] - values[1]) / (2 * step)
    #expect(
      abs(slope - size) < 0.02 * size + 2e-6 / step,
      "\(site.hookName) at \(position): \(slope) where \(size) was found")
  }

  static func value(
    _ transformer: Transformer, _ request: GradientRequest, _ further: [Edit]
  ) throws -> Double {
    let result = try transformer.runNaively([
      RunRequest(
        tokens: request.tokens, edits: request.edits + further,
        logits: .all(request.terms.map(\.position)))
    ])[0]
    return zip(request.terms, result.logits).reduce(0) { sum, pair in
      let (term, logits) = pair
      let largest = Double(logits.max() ?? 0)
      let all = logits.reduce(0) { $0 + Numerics.exp(Double($1) - largest) }
      return sum
        + term.weights.reduce(0) { sum, weight in
          let logit = Double(logits[weight.token])
          let logProbability = logit - largest - Numerics.log(all)
          let number =
            switch term.function {
            case .logits: logit
            case .probabilities: Numerics.exp(logProbability)
            case .logProbabilities: logProbability
            case .divergence, .scores: Double.nan
            }
          return sum + weight.weight * number
        }
    }
  }

  // MARK: - Bits

  @Test(
    "are the same bits alone, in batches, recomputed, and on any number of threads",
    arguments: ["llama3", "gemma2", "gptj", "qwen3", "phi3"])
  func sameBits(name: String) throws {
    let transformer = try TestModels.tiny("families/\(name)").transformer
    let c = transformer.configuration
    let requests = [3, 6, 1, 5].map { count in
      var request = Self.request(c, count == 6 ? Self.edits(c, seed: 2) : [])
      request.tokens = Array(request.tokens.prefix(count))
      request.terms = request.terms.filter { $0.position < count }
      request.terms.append(LogitTerm(position: 0, .logits([.init(9, 1)])))
      return request
    }
    let alone = try requests.map { try transformer.gradients(of: $0) }
    // Too little to keep what the layers computed, or for more than one or two prompts at a time.
    for memory in [Int.max, 1 << 20, 1 << 19] {
      var results = try transformer.gradients(of: requests, memory: memory)
      for wanted in alone {
        let (_, found) = try #require(try results.next())
        #expect(found.value == wanted.value)
        expectSameBits(found, wanted, "\(memory) bytes")
      }
      #expect(try results.next() == nil)
    }
    for width in [1, 3] {
      let other = try LanguageModel(
        path: Fixtures.path("families/\(name)"), pool: TestModels.pool(width: width)
      ).transformer
      for (request, wanted) in zip(requests, alone) {
        expectSameBits(try other.gradients(of: request), wanted, "\(width) threads")
      }
    }
  }

  @Test("whose numbers alone are asked go no way back, and stay in their order")
  func numbersAlone() throws {
    let transformer = try TestModels.tiny("families/llama3").transformer
    let c = transformer.configuration
    let whole = try transformer.gradients(of: Self.request(c, Self.edits(c, seed: 3)))
    let full = Self.request(c, Self.edits(c, seed: 3))
    var bare = full
    bare.wanted = [:]
    for memory in [Int.max, 1 << 19] {
      let requests = [bare, full, bare, bare, full]
      var results = try transformer.gradients(of: requests, memory: memory)
      for (index, request) in requests.enumerated() {
        let (place, found) = try #require(try results.next())
        #expect(place == index && found.value == whole.value)
        #expect(found.gradients.isEmpty == request.wanted.isEmpty)
        if !request.wanted.isEmpty { expectSameBits(found, whole, "\(memory) bytes") }
      }
      #expect(try results.next() == nil)
      let rows = full.tokens.count * transformer.layers.count
      #expect(results.record.rowLayers == (3 + 2 * 2) * rows)
      let plan = try transformer.planGradients(
        of: requests, memory: memory, speed: try transformer.speed())
      #expect(plan.rowLayers == results.record.rowLayers)
      #expect(plan.batches == results.record.batches)
    }
  }

  @Test("where nothing is read, nothing moves anything")
  func nothing() throws {
    let transformer = try TestModels.tiny("families/llama3").transformer
    let result = try transformer.gradients(
      of: GradientRequest(
        tokens: Self.tokens, terms: [], wanted: .everywhere(in: transformer.configuration)))
    #expect(result.value == 0)
    #expect(result.gradients.values.allSatisfy { $0.rows.allSatisfy { $0.allSatisfy { $0 == 0 } } })
  }

  @Test("of what is not there are refused")
  func refused() throws {
    let transformer = try TestModels.tiny("families/llama3").transformer
    var request = Self.request(transformer.configuration, [])
    request.terms = [LogitTerm(position: 6, .logits([.init(0, 1)]))]
    #expect(throws: ModelError.self) { try transformer.gradients(of: request) }
    request.terms = [LogitTerm(position: 5, .logits([.init(96, 1)]))]
    #expect(throws: ModelError.self) { try transformer.gradients(of: request) }
    request.terms = [LogitTerm(position: 5, .divergence(from: [1]))]
    #expect(throws: ModelError.self) { try transformer.gradients(of: request) }
  }
}

extension Transformer {
  /// Those of one run.
  func gradients(of request: GradientRequest) throws -> GradientResult {
    var results = try gradients(of: [request])
    return try #require(try results.next()).result
  }
}

extension [Site: RunRequest.Positions] {
  fileprivate static func everywhere(in configuration: Configuration) -> Self {
    Dictionary(uniqueKeysWithValues: Site.all(of: configuration).map { ($0, .all) })
  }
}

private func expectSameBits(_ found: GradientResult, _ wanted: GradientResult, _ what: String) {
  var (one, other) = (RunResult(), RunResult())
  one.activations = found.gradients
  other.activations = wanted.gradients
  expectSameBits(one, other, what)
}
