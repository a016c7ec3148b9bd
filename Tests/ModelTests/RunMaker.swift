import TestSupport

@testable import Model

/// Random prompts, edits, positions and captures.
struct RunMaker {
  let configuration: Configuration
  var generator: SeededGenerator

  mutating func pick(_ range: ClosedRange<Int>) -> Int {
    Int.random(in: range, using: &generator)
  }

  /// At least one of 0..<count, in any order.
  mutating func some(of count: Int, atMost: Int = .max) -> [Int] {
    let size = pick(1...min(count, atMost))
    return Array((0..<count).shuffled(using: &generator).prefix(size))
  }

  mutating func prompt(_ lengths: ClosedRange<Int>) -> [Int] {
    (0..<pick(lengths)).map { _ in pick(0...configuration.vocabulary - 1) }
  }

  mutating func site() -> Site {
    let all = configuration.activations
    return Site(all[pick(0...all.count - 1)], layer: pick(0...configuration.layers - 1))
  }

  mutating func edit(_ count: Int, at site: Site? = nil) -> Edit {
    let site = site ?? self.site()
    let unitCount = configuration.unitCount(site)
    let units = pick(0...2) == 0 ? nil : some(of: unitCount, atMost: 5)
    let positions = some(of: count)
    func edit(_ change: Edit.Change) -> Edit {
      Edit(site: site, units: units, positions: positions, change: change)
    }
    if site.activation == .attnScores, pick(0...1) == 0 {
      // No query is cut off from itself, so that none is left without a source.
      let sources = some(of: count).filter { !positions.contains($0) }
      let attention = configuration.attention[site.layer]
      if positions.contains(where: { attention.sees(sources, from: $0) }) {
        return edit(.cut(sources: sources))
      }
    }
    let width = (units?.count ?? unitCount) * configuration.unitWidth(site.activation, sources: 1)
    if pick(0...5) == 0, let along = along(site) {
      return Edit(
        site: site, units: site.activation.units == .neurons ? nil : units, positions: positions,
        change: .along(along))
    }
    switch pick(0...4) {
    case 0 where !site.activation.isScale: return edit(.zero)
    case 1: return edit(.scale(generator.floats(1, in: 0.5...2)[0]))
    case 2 where !site.activation.isOverSources:
      return edit(.add(generator.floats(width, in: 0.1...1)))
    default: break
    }
    let rows = positions.map { position in
      generator.floats(
        (units?.count ?? unitCount)
          * configuration.unitWidth(site.activation, sources: position + 1), in: 0.1...2)
    }
    return edit(.replace(rows))
  }

  /// A change along a direction; nil where a site has none.
  mutating func along(_ site: Site) -> Along? {
    guard !site.activation.isScale, !site.activation.isOverSources else { return nil }
    let direction = generator.floats(configuration.alongWidth(site), in: -1...1).map(Double.init)
    switch pick(0...2) {
    case 0: return Along(direction, .removed)
    case 1: return Along(direction, .alone)
    default: return Along(direction, .set(generator.floats(1, in: -1...1)[0]))
    }
  }

  /// An edit of one edge.
  mutating func edgeEdit(_ count: Int) -> Edit {
    let graph = EdgeGraph(configuration)
    let reader = graph.reader(at: pick(0...graph.readerCount - 1))
    let writer = graph.writer(at: pick(0...graph.writerCount(before: reader) - 1))
    let positions = some(of: count)
    return Edit(
      edge: Edge(from: writer, to: reader), positions: positions,
      rows: positions.map { _ in generator.floats(configuration.width, in: -1...1) })
  }

  /// What every writer is taken to give.
  mutating func givenWrites(_ count: Int) -> GivenWrites {
    let c = configuration
    if pick(0...5) == 0 { return GivenWrites() }
    func rows(_ width: Int) -> [[Float]] {
      (0..<count).map { _ in generator.floats(width, in: -1...1) }
    }
    return GivenWrites(
      embed: rows(c.width), heads: (0..<c.layers).map { _ in rows(c.heads * c.width) },
      mlps: (0..<c.layers).map { _ in rows(c.width) })
  }

  /// Edits of what is outside of a random circuit.
  mutating func outsideEdits(_ count: Int) -> [Edit] {
    let graph = EdgeGraph(configuration)
    let (given, share) = (givenWrites(count), pick(0...4))
    let positions = some(of: count).sorted()
    let numbers = (0..<graph.count).filter { _ in pick(0...4) < share }
    return Circuit(graph, edges: numbers).outside.map {
      Edit(
        outside: OutsideReads(reader: $0.reader, writers: $0.writers, given: given),
        positions: positions)
    }
  }

  /// A prompt in which a circuit is kept, and some that vary it by edits of edges and others.
  mutating func circuitFamily(at index: Int, variants: Int) -> [RunRequest] {
    let tokens = prompt(1...7)
    let shared = outsideEdits(tokens.count)
    // Without what writers gave, nothing says what an edit of the stream is a part of.
    let isBare = shared.contains {
      if case .outside(let reads) = $0.change { reads.given.isZero } else { false }
    }
    let streams: Set<Activation> = isBare ? [.residPre, .residMid, .residPost] : []
    var requests = [request(tokens, shared, base: nil)]
    for _ in 0..<variants {
      var edits = shared
      for _ in 0..<pick(0...2) {
        var more = edit(tokens.count)
        while more.site.activation == .attnOut || streams.contains(more.site.activation) {
          more = edit(tokens.count)
        }
        edits.append(pick(0...1) == 0 ? edgeEdit(tokens.count) : more)
      }
      requests.append(request(tokens, edits, base: index))
    }
    // The prompt as it is, which circuits vary.
    requests.append(request(tokens, [], base: nil))
    for _ in 0..<2 {
      requests.append(request(tokens, outsideEdits(tokens.count), base: index + variants + 1))
    }
    return requests
  }

  /// A prompt and some that vary it, with edits of edges and others. Attention as a whole is not edited:
  /// no head's share of it can be told then.
  mutating func edgeFamily(at index: Int, variants: Int) -> [RunRequest] {
    let tokens = prompt(1...8)
    func edit(_ maker: inout RunMaker) -> Edit {
      if maker.pick(0...2) > 0 { return maker.edgeEdit(tokens.count) }
      var edit = maker.edit(tokens.count)
      while edit.site.activation == .attnOut { edit = maker.edit(tokens.count) }
      return edit
    }
    let shared = (0..<pick(0...3)).map { _ in edit(&self) }
    var requests = [request(tokens, shared, base: nil)]
    for _ in 0..<variants {
      var edits = shared
      for _ in 0..<pick(0...3) { edits.insert(edit(&self), at: pick(0...edits.count)) }
      requests.append(request(tokens, edits, base: index))
    }
    // Another prompt that begins like this one, with the same edits there.
    if tokens.count > 1 {
      let other =
        Array(tokens.dropLast()) + [(tokens[tokens.count - 1] + 1) % configuration.vocabulary]
      requests.append(request(other, shared, base: nil))
    }
    return requests
  }

  /// A prompt, edited or not, and some that vary it.
  mutating func family(at index: Int, variants: Int, lengths: ClosedRange<Int>) -> [RunRequest] {
    let tokens = prompt(lengths)
    let shared = (0..<pick(0...2)).map { _ in edit(tokens.count) }
    var requests = [request(tokens, shared, base: nil)]
    for _ in 0..<variants {
      // Anywhere among the shared ones, whose order stays.
      var edits = shared
      for _ in 0..<pick(0...3) { edits.insert(edit(tokens.count), at: pick(0...edits.count)) }
      requests.append(request(tokens, edits, base: index))
    }
    return requests
  }

  mutating func request(_ tokens: [Int], _ edits: [Edit], base: Int?) -> RunRequest {
    var captures: [Site: RunRequest.Positions] = [:]
    for _ in 0..<pick(0...3) {
      captures[site()] = pick(0...1) == 0 ? .all : .some(some(of: tokens.count))
    }
    let logits: RunRequest.Logits =
      switch pick(0...4) {
      case 0: .none
      case 1: .tokens([3, 0, configuration.vocabulary - 1], position: pick(0...tokens.count - 1))
      case 2:
        .summaries(
          some(of: tokens.count).map {
            LogitQuery(
              position: $0, tokens: [3, configuration.vocabulary - 1], top: pick(0...3),
              comparisons: pick(0...1) == 0
                ? [] : [.divergence, .jensenShannon, .totalVariation, .overlap(pick(1...4))],
              takesMean: pick(0...1) == 0)
          })
      default: .all(some(of: tokens.count))
      }
    return RunRequest(
      tokens: tokens, edits: edits, base: base, captures: captures, logits: logits,
      isUncapped: pick(0...1) == 0)
  }
}
