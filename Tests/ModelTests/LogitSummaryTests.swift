import TestSupport
import Testing

@testable import Model

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Against what plain code finds in doubles, with libm.
@Suite("What is read of a row of logits")
struct LogitSummaryTests {
  private static let lengths = Array(1...40) + [320, 576, 5000]

  private func row<Found>(
    _ logits: [Float], _ named: NamedKernels, _ body: (LogitRow) -> Found
  ) -> Found? {
    var found: Found?
    _ = withMargin(logits) {
      found = body(LogitRow($0, count: logits.count, kernels: named.kernels))
    }
    return found
  }

  @Test("log Σ e^x and the entropy, to 1e-13", arguments: NamedKernels.all)
  func sums(_ named: NamedKernels) throws {
    var generator = SeededGenerator(1)
    for (n, scale) in Self.lengths.flatMap({ n in [1, 30, 800].map { (n, Float($0)) } }) {
      let logits = generator.floats(n, in: -scale...scale)
      let (found, entropy) = try #require(row(logits, named) { $0.sums })
      let largest = Double(try #require(logits.max()))
      let terms = logits.map { exp(Double($0) - largest) }
      let sum = terms.reduce(0, +)
      let wanted = largest + log(sum)
      #expect(abs(found - wanted) <= 1e-13 * max(1, abs(wanted)), "\(n), ±\(scale)")
      let bits = logits.reduce(0.0) { total, x in
        let p = exp(Double(x) - wanted)
        return p > 0 ? total - p * (Double(x) - wanted) : total
      }
      #expect(abs(entropy - bits) <= 1e-11, "\(n), ±\(scale)")
    }
  }

  /// Two rows of every length, alike and far from each other.
  private static func pairs() -> [(n: Int, p: [Float], q: [Float])] {
    var generator = SeededGenerator(4)
    return lengths.flatMap { n in
      [(1, 0.01), (8, 2), (30, 30), (800, 800)].map { (scale: Float, gap: Float) in
        let p = generator.floats(n, in: -scale...scale)
        return (n, p, zip(p, generator.floats(n, in: -gap...gap)).map { $0 + $1 })
      }
    }
  }

  @Test("divergences and distances of two rows, to 1e-13", arguments: NamedKernels.all)
  func comparisons(_ named: NamedKernels) throws {
    for (n, p, q) in Self.pairs() {
      let found = try #require(compared(p, q, named))
      let (a, b) = (Self.logProbabilities(p), Self.logProbabilities(q))
      func sum(_ term: (Double, Double) -> Double) -> Double {
        zip(a, b).reduce(0) { $0 + term($1.0, $1.1) }
      }
      func half(_ p: Double, _ q: Double) -> Double {
        let mean = (exp(p) + exp(q)) / 2
        return exp(p) > 0 ? exp(p) * (p - log(mean)) / 2 : 0
      }
      let wanted = [
        sum { exp($0) > 0 ? exp($0) * ($0 - $1) : 0 }, sum { half($0, $1) + half($1, $0) },
        sum { abs(exp($0) - exp($1)) } / 2,
      ]
      for (found, wanted) in zip(found, wanted) {
        #expect(abs(found - wanted) <= 1e-13 * max(1, wanted), "\(n): \(found), not \(wanted)")
      }
      let (best, other) = (Set(Self.order(p).prefix(3)), Self.order(q).prefix(3))
      #expect(found[3] == Double(other.count(where: best.contains)) / Double(min(3, n)))
      let own = try #require(compared(p, p.map { $0 }, named))
      #expect(own == [0, 0, 0, 1])
    }
  }

  private static let all: [LogitComparison] = [
    .divergence, .jensenShannon, .totalVariation, .overlap(3),
  ]

  private func compared(_ p: [Float], _ q: [Float], _ named: NamedKernels) -> [Double]? {
    row(p, named) { p in
      row(q, named) { q in
        LogitSummary(
          q, LogitQuery(position: 0, comparisons: Self.all), base: ComparedRow(p, for: Self.all)
        ).comparisons
      }
    } ?? nil
  }

  private static func logProbabilities(_ logits: [Float]) -> [Double] {
    let largest = Double(logits.max() ?? 0)
    let sum = logits.reduce(0.0) { $0 + exp(Double($1) - largest) }
    return logits.map { Double($0) - largest - log(sum) }
  }

  private static func order(_ logits: [Float]) -> [Int] {
    logits.indices.sorted { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
  }

  @Test("every instruction set gives the same bits of two rows")
  func sameBitsOfTwo() throws {
    for (n, p, q) in Self.pairs() {
      let found = try NamedKernels.all.map { try #require(compared(p, q, $0)) }
      for other in found.dropFirst() {
        #expect(other.map(\.bitPattern) == found[0].map(\.bitPattern), "\(n)")
      }
    }
  }

  @Test("a row that is not finite is compared with nothing", arguments: NamedKernels.all)
  func notFiniteOfTwo(_ named: NamedKernels) throws {
    let p = (0..<40).map { Float($0) }
    for bad in [Float.nan, .infinity, -.infinity] {
      let q = p.map { $0 == 17 ? bad : $0 }
      for (one, other) in [(p, q), (q, p), (q, q)] {
        #expect(try #require(compared(one, other, named)).allSatisfy(\.isNaN))
      }
    }
  }

  @Test("every instruction set gives the same bits")
  func sameBits() throws {
    var generator = SeededGenerator(2)
    for n in Self.lengths {
      let logits = generator.floats(n, in: -20...20)
      let found = try NamedKernels.all.map { named in
        try #require(
          row(logits, named) { LogitSummary($0, LogitQuery(position: 0, tokens: [0], top: 3)) })
      }
      for other in found.dropFirst() {
        #expect(other.logSum.bitPattern == found[0].logSum.bitPattern)
        #expect(other.entropy.bitPattern == found[0].entropy.bitPattern)
        #expect(other.top.map(\.id) == found[0].top.map(\.id))
        #expect(other.tokens.map(\.rank) == found[0].tokens.map(\.rank))
      }
    }
  }

  /// Of few different numbers, so that many are equal, and with both zeros.
  @Test("the largest, in order, equal ones by their ids", arguments: NamedKernels.all)
  func largest(_ named: NamedKernels) throws {
    var generator = SeededGenerator(3)
    for n in Self.lengths {
      for isCoarse in [true, false] {
        let logits = generator.floats(n, in: -9...9).map {
          isCoarse ? $0.rounded() * -0 + $0.rounded() : $0
        }
        let order = logits.indices.sorted {
          logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1
        }
        for count in [0, 1, 2, 15, 100, n / 17, n, n + 3] {
          let found = try #require(row(logits, named) { $0.largest(count) })
          #expect(found == Array(order.prefix(count)), "\(count) of \(n)")
        }
        for token in [0, n / 2, n - 1] {
          let rank = try #require(row(logits, named) { $0.rank(token) })
          #expect(rank == 1 + logits.count { $0 > logits[token] })
        }
      }
    }
  }

  @Test("rows that are hard to put into bins", arguments: NamedKernels.all)
  func bins(_ named: NamedKernels) throws {
    let huge = Float.greatestFiniteMagnitude
    var rows = [[Float](repeating: 2, count: 500)]
    var extremes = (0..<500).map { Float($0) }
    (extremes[77], extremes[5]) = (huge, -huge)
    rows.append(extremes)
    var few = (0..<500).map { Float($0 % 7) }
    few[499] = 1e30
    rows.append(few)
    let least = Float(bitPattern: 7)
    rows.append((0..<500).map { Float($0) * least })
    for logits in rows {
      let order = logits.indices.sorted {
        logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1
      }
      let found = try #require(row(logits, named) { $0.largest(9) })
      #expect(found == Array(order.prefix(9)))
    }
  }

  @Test("where a number is not finite there are no sums and no ranks", arguments: NamedKernels.all)
  func notFinite(_ named: NamedKernels) throws {
    for (bad, at) in [(Float.nan, 0), (.infinity, 17), (-.infinity, 39), (.nan, 39)] {
      var logits = (0..<40).map { Float($0) }
      logits[at] = bad
      let summary = try #require(
        row(logits, named) { LogitSummary($0, LogitQuery(position: 0, tokens: [1], top: 40)) })
      #expect(!summary.isFinite && summary.entropy.isNaN)
      #expect(summary.tokens[0].rank == nil && summary.top.allSatisfy { $0.rank == nil })
      #expect(summary.top.last?.id == at)
    }
  }

  /// A run is compared with its base in whichever part of the rows the base is, and whether or not its row
  /// is the base's.
  @Test("comparisons are those of whole vocabularies", arguments: ["tiny-gqa", "families/gemma2"])
  func comparesWithTheBase(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let tokens = Array(
      (0..<70).map { 3 + $0 * 5 % 80 }.prefix(transformer.configuration.context))
    let positions = Array(tokens.indices)
    func request(_ layer: Int?, _ logits: RunRequest.Logits) -> RunRequest {
      let edits = layer.map {
        [Edit(site: Site(.mlpOut, layer: $0), positions: [40], change: .zero)]
      }
      return RunRequest(
        tokens: tokens, edits: edits ?? [], base: layer == nil ? nil : 0, logits: logits)
    }
    let queries = positions.map { LogitQuery(position: $0, comparisons: Self.all) }
    let found = try transformer.run(
      [request(nil, .none)] + [0, 1].map { request($0, .summaries(queries)) })
    let whole = try transformer.run([nil, 0, 1].map { request($0, .all(positions)) })
    for run in [1, 2] {
      for position in positions {
        let base = Distribution(whole[0].logits[position])
        let other = Distribution(whole[run].logits[position])
        let wanted = Self.all.map { base.compared($0, with: other) }
        #expect(found[run].summaries[position].comparisons == wanted)
        #expect(position != 40 || wanted[0] > 0)
      }
    }
  }

  /// Queries of one request at many positions, some twice, next to others of the same batch.
  @Test("summaries are what whole vocabularies say", arguments: ["tiny-gqa", "tiny-mha"])
  func agreesWithVocabularies(model: String) throws {
    let transformer = try TestModels.tiny(model).transformer
    let tokens = (0..<70).map { 3 + $0 * 5 % 200 }.prefix(transformer.configuration.context)
    let positions = Array(tokens.indices) + [0, 5, 5]
    let queries = positions.map { LogitQuery(position: $0, tokens: [7, 9], top: 2) }
    let requests = [
      RunRequest(tokens: Array(tokens), logits: .summaries(queries)),
      RunRequest(tokens: Array(tokens), logits: .all(positions)),
      RunRequest(tokens: Array(tokens), base: 0, logits: .summaries(queries)),
    ]
    let found = try transformer.run(requests)
    for (i, logits) in found[1].logits.enumerated() {
      let distribution = Distribution(logits)
      for summary in [found[0].summaries[i], found[2].summaries[i]] {
        #expect(summary.logSum.bitPattern == distribution.logSum.bitPattern)
        #expect(summary.tokens.map(\.logit) == [logits[7], logits[9]])
        #expect(summary.tokens.map(\.rank) == [distribution.rank(7), distribution.rank(9)])
        #expect(summary.top.map(\.id) == distribution.largest(2))
      }
    }
  }
}
