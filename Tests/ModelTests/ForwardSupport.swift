import Foundation
import TestSupport
import Testing

@testable import Model

/// Models that the tests share: each is opened once.
enum TestModels {
  private static let pools = [1, 2, 3, 4].map(WorkerPool.init(width:))
  // A lock that the thread sanitizer sees, unlike Swift's `Mutex`.
  private static let lock = NSLock()
  private nonisolated(unsafe) static var opened: [String: LanguageModel] = [:]

  /// A pool of 1 to 4 threads.
  static func pool(width: Int) -> WorkerPool { pools[width - 1] }

  /// A tiny random model by its file or folder under `Fixtures`.
  static func tiny(_ name: String) throws -> LanguageModel {
    try open(Fixtures.path(name))
  }

  static func smolLM2() throws -> LanguageModel {
    try open(TestModel.path())
  }

  /// The same model on a pool of another width. Without its tokenizer, which takes the longest.
  static func transformer(gguf path: String, width: Int) throws -> Transformer {
    let file = try GGUFFile(path: path)
    return try Transformer(
      Llama.blueprint(gguf: file), file: file, pool: pool(width: width))
  }

  static func open(_ path: String) throws -> LanguageModel {
    try lock.withLock {
      if let model = opened[path] { return model }
      let model = try LanguageModel(path: path, pool: pool(width: 2))
      opened[path] = model
      return model
    }
  }
}

extension Activation {
  /// Those of a model that is built like Llama.
  static let ofLlama = allCases.filter {
    ![.posEmbed, .ln1PostScale, .ln2PostScale].contains($0)
  }
}

extension Site {
  /// Every site of a model, layer by layer.
  static func all(of configuration: Configuration) -> [Site] {
    configuration.activations.flatMap { activation in
      (0..<(activation.isInLayer ? configuration.layers : 1)).map {
        Site(activation, layer: $0)
      }
    }
  }

  var hookName: String { activation.hookName(layer: layer) }
}

extension RunRequest {
  /// Everything that a prompt gives: all sites, logits at all positions.
  static func everything(_ tokens: [Int], of configuration: Configuration) -> RunRequest {
    RunRequest(
      tokens: tokens,
      captures: Dictionary(
        uniqueKeysWithValues: Site.all(of: configuration).map { ($0, .all) }),
      logits: .all(Array(tokens.indices)))
  }
}

/// Two results that must be the same to the bit at every site and in every logit.
func expectSameBits(
  _ found: RunResult, _ wanted: RunResult, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(
    Set(found.activations.keys) == Set(wanted.activations.keys), "\(what)",
    sourceLocation: sourceLocation)
  for (site, kept) in wanted.activations {
    guard let other = found.activations[site] else { continue }
    #expect(other.positions == kept.positions, "\(what)", sourceLocation: sourceLocation)
    expectSameBits(
      other.rows, kept.rows, "\(what) \(site.hookName)", sourceLocation: sourceLocation)
  }
  expectSameBits(
    found.logits, wanted.logits, "\(what) logits", sourceLocation: sourceLocation)
  expectSameBits(
    found.summaries.map(\.numbers), wanted.summaries.map(\.numbers), "\(what) summaries",
    sourceLocation: sourceLocation)
}

extension LogitSummary {
  /// All that it says, each double as two floats.
  fileprivate var numbers: [Float] {
    let bits = ([logSum, entropy, mean ?? 0] + comparisons).map(\.bitPattern)
    return bits.flatMap {
      [Float(bitPattern: UInt32($0 >> 32)), Float(bitPattern: UInt32($0 & 0xFFFF_FFFF))]
    } + (tokens + top).flatMap { [Float($0.id), $0.logit, Float($0.rank ?? 0)] }
  }
}

/// Rows that must be the same to the bit.
private func expectSameBits(
  _ found: [[Float]], _ wanted: [[Float]], _ what: @autoclosure () -> String,
  sourceLocation: SourceLocation
) {
  if found.count == wanted.count, zip(found, wanted).allSatisfy({ haveSameBytes($0, $1) }) {
    return
  }
  expectSameBits(
    Array(found.joined()), Array(wanted.joined()), what(), sourceLocation: sourceLocation)
}

/// The largest |found − wanted|, and the largest |wanted|.
struct Gap {
  private(set) var largest = 0.0
  private(set) var magnitude = 0.0

  init() {}

  init(_ found: some Collection<Float>, _ wanted: some Collection<Float>) {
    add(found, wanted)
  }

  mutating func add(_ found: some Collection<Float>, _ wanted: some Collection<Float>) {
    if found.count != wanted.count { largest = .infinity }
    for (found, wanted) in zip(found, wanted) { add(Double(found), Double(wanted)) }
  }

  mutating func add(_ found: Double, _ wanted: Double) {
    let gap = abs(found - wanted)
    largest = gap.isNaN ? .infinity : max(largest, gap)
    magnitude = max(magnitude, abs(wanted))
  }

  /// Relative to the magnitude, but for numbers below 1 absolute.
  var relative: Double { largest / max(1, magnitude) }
}
