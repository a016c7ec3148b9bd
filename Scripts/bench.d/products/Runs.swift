import Foundation

@testable import Model

/// What a measure of many positions cannot do without, with nothing read of it: `runs logits MODEL TOKENS`,
/// `runs lens MODEL TOKENS`, or `runs plain MODEL TOKENS`, which keeps one number for each position. TOKENS is a
/// file of token ids, a line for each prompt.
struct Runs {
  private let model: LanguageModel
  private let prompts: [[Int]]
  private let kind: Kind

  private enum Kind: String {
    /// The logits of every position.
    case logits
    /// The streams of all layers are read, not only the last.
    case lens
    case plain
  }

  init?(_ request: String, pool: WorkerPool) throws {
    let words = request.split(separator: " ").map(String.init)
    guard words.first == "runs", words.count == 4, let kind = Kind(rawValue: words[1]) else {
      return nil
    }
    self.kind = kind
    model = try LanguageModel(path: words[2], pool: pool)
    let text = try String(contentsOfFile: words[3], encoding: .utf8)
    prompts = text.split(separator: "\n").map { $0.split(separator: " ").compactMap { Int($0) } }
    // Once before, but for what takes minutes.
    if kind != .plain { _ = try seconds() }
  }

  func seconds() throws -> Double {
    try ContinuousClock().measure {
      switch kind {
      case .logits: try logits()
      case .lens: try lens()
      case .plain: try plain()
      }
    } / .seconds(1)
  }

  /// The runs, all layers at all positions.
  private func plain() throws {
    try model.transformer.run(
      prompts.map { RunRequest(tokens: $0, captures: [Site(.lnFinalScale): .all]) }
    ) { _, _ in }
  }

  /// The runs and the logits of every position.
  private func logits() throws {
    try model.transformer.run(
      prompts.map { RunRequest(tokens: $0, logits: .all(Array($0.indices))) }
    ) { _, _ in }
  }

  /// The runs, the streams before each layer and after the last, and their products with the unembedding.
  private func lens() throws {
    let transformer = model.transformer
    let layers = transformer.configuration.layers
    let sites =
      (0..<layers).map { Site(.residPre, layer: $0) } + [Site(.residPost, layer: layers - 1)]
    let captures = Dictionary(uniqueKeysWithValues: sites.map { ($0, RunRequest.Positions.all) })
    let matrix = transformer.unembedding
    let (width, atOnce) = (matrix.columns, Executor.vocabularyRowsAtOnce)
    let products = Products(pool: transformer.pool)
    let out = FloatBuffer(atOnce * matrix.stride)
    for tokens in prompts {
      let run = try transformer.run([RunRequest(tokens: tokens, captures: captures)])[0]
      let streams = sites.flatMap { run.activations[$0]?.rows ?? [] }
      for start in stride(from: 0, to: streams.count, by: atOnce) {
        let some = streams[start..<min(streams.count, start + atOnce)]
        products.multiply(
          Array(some.joined()), rows: some.count, stride: width,
          [ProductTarget(matrix: matrix, out: out.pointer)])
      }
    }
  }
}
