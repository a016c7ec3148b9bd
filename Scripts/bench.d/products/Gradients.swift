import Foundation

@testable import Model

/// Runs and their derivatives: `gradients WHAT MODEL TOKENS`, where WHAT is `forward` for the runs alone, `kept` and
/// `recomputed` for the derivatives by the embedding, and `sites` for those by all sites. TOKENS is a file of token
/// ids, a line for each prompt.
struct Gradients {
  private enum What: String {
    case forward, kept, recomputed, sites
  }

  /// Those that a fused attention has too.
  private static let sites: [Activation] = [
    .residPre, .q, .k, .v, .z, .attnOut, .residMid, .mlpPre, .mlpPost, .mlpOut, .residPost,
  ]

  private let what: What
  private let model: LanguageModel
  private let prompts: [[Int]]

  init?(_ request: String, pool: WorkerPool) throws {
    let words = request.split(separator: " ").map(String.init)
    guard words.first == "gradients", words.count == 4, let what = What(rawValue: words[1]) else {
      return nil
    }
    self.what = what
    model = try LanguageModel(path: words[2], pool: pool)
    let text = try String(contentsOfFile: words[3], encoding: .utf8)
    prompts = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int($0) } }
    _ = try seconds()
  }

  func seconds() throws -> Double {
    try ContinuousClock().measure { try run() } / .seconds(1)
  }

  private func run() throws {
    let transformer = model.transformer
    if what == .forward {
      try transformer.run(
        prompts.map { RunRequest(tokens: $0, logits: .tokens([1], position: $0.count - 1)) }
      ) { _, _ in }
      return
    }
    let requests = prompts.map { tokens in
      GradientRequest(
        tokens: tokens, terms: [LogitTerm(position: tokens.count - 1, .logits([.init(1, 1)]))],
        wanted: wanted)
    }
    // Too little for what all layers computed, and enough for the rest.
    let memory = what == .recomputed ? 100 << 20 : Int.max
    var results = try transformer.gradients(of: requests, memory: memory)
    while try results.next() != nil {}
  }

  private var wanted: [Site: RunRequest.Positions] {
    guard what == .sites else { return [Site(.embed): .all] }
    let sites = (0..<model.transformer.configuration.layers).flatMap { layer in
      Self.sites.map { Site($0, layer: layer) }
    }
    return Dictionary(uniqueKeysWithValues: sites.map { ($0, .all) })
  }
}
