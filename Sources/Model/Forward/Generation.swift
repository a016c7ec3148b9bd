/// Continues a prompt token by token. Keys and values are kept, so that each further token costs one
/// row; its logits are to the bit those of a run of the whole text.
public struct Generation {
  private let model: Transformer
  /// Of the prompt.
  private let edits: [Edit]
  /// Of every position that is added; their own positions do not matter.
  private let addedEdits: [Edit]
  private let cache: KeyValueCache
  private let rope: RotaryTables
  private let promptCount: Int
  /// Whether the keys of the prompt are turned as those of a longer text.
  private var isTurnedAnew = false
  /// The prompt and what was added to it.
  public private(set) var tokens: [Int]

  /// - Parameters:
  ///   - edits: of the prompt's positions.
  ///   - addedEdits: what is done at every position that is added, whatever positions they name.
  ///   - count: how many tokens will be added at the most.
  /// - Throws: `ModelError` for tokens or edits that cannot be, or where the context ends too soon;
  ///   `Interruption.Stopped`.
  public init(
    _ model: Transformer, tokens: [Int], edits: [Edit], addedEdits: [Edit], count: Int
  ) throws {
    try Self.checkLength(count, after: tokens.count, on: model)
    try RunRequest(tokens: tokens, edits: edits).check(in: model.configuration, among: [])
    self.model = model
    self.tokens = tokens
    self.edits = edits
    self.addedEdits = addedEdits
    cache = try KeyValueCache(model, capacity: tokens.count + count)
    rope = try RotaryTables(model.configuration, tokens: tokens.count + count)
    promptCount = tokens.count
  }

  /// Room is made for all tokens at once.
  static func checkLength(_ count: Int, after tokens: Int, on model: Transformer) throws {
    let c = model.configuration
    let most = c.endsWithContext ? c.context : 4 * max(c.context, 1024)
    guard tokens <= most, count <= most - tokens else {
      throw ModelError(
        .request,
        "\(tokens) tokens and \(count) more are longer than "
          + (c.endsWithContext
            ? "the \(c.context) positions of this model"
            : "\(most), four times what this model was trained for"))
    }
  }

  /// The logits of the next token, `[vocabulary]`. After the first call, `token` is what was chosen.
  ///
  /// - Throws: `Interruption.Stopped`.
  public mutating func logits(after token: Int? = nil) throws -> [Float] {
    if let token { tokens.append(token) }
    if model.configuration.rotatesAnew(at: tokens.count) {
      cache.count = 0
      isTurnedAnew = tokens.count > promptCount
    }
    let first = cache.count
    let added = Array(max(first, promptCount)..<tokens.count)
    let request = RunRequest(
      tokens: tokens,
      edits: (first == 0 ? edits : [])
        + (added.isEmpty ? [] : addedEdits.map { $0.moved(to: added) }),
      logits: .all([tokens.count - 1]))
    var executor = Executor(
      model,
      batch: Batch(continuing: request, from: first, layers: model.configuration.layers),
      rope: rope, cache: cache)
    try executor.run(advanced: { _, _ in })
    let found = try executor.nextResult()
    cache.count = tokens.count
    return found?.result.logits[0] ?? []
  }

  /// Goes back to the prompt, whose logits are known: the next token that is given comes after it.
  public mutating func rewind() {
    tokens.removeLast(tokens.count - promptCount)
    cache.count = isTurnedAnew ? 0 : promptCount
    isTurnedAnew = false
  }
}

extension Configuration {
  /// Whether a text of N tokens is the first to be rotated differently from shorter ones: all of
  /// its keys are then.
  fileprivate func rotatesAnew(at tokens: Int) -> Bool {
    attention.contains { layer in
      layer.rotary.map { $0.isLong(tokens) != $0.isLong(tokens - 1) } ?? false
    }
  }
}

extension Edit {
  /// The same change at other positions. What is cut stays behind them.
  fileprivate func moved(to positions: [Int]) -> Edit {
    Edit(site: site, units: units, positions: positions, change: change)
  }
}

/// The keys (after RoPE) and values of one prompt's positions so far, of every layer.
final class KeyValueCache {
  /// `[positions][stride]` for each layer.
  let keys: [FloatBuffer]
  let values: [FloatBuffer]
  /// Positions whose keys and values are here.
  var count = 0

  /// - Throws: `Interruption.Stopped`: to clear as much memory takes its time.
  init(_ model: Transformer, capacity: Int) throws {
    keys = try model.layers.map { try Self.cleared(capacity * $0.k.stride) }
    values = try model.layers.map { try Self.cleared(capacity * $0.v.stride) }
  }

  private static func cleared(_ count: Int) throws -> FloatBuffer {
    try Interruption.check()
    return FloatBuffer(count, zeroed: true)
  }
}

extension Transformer {
  /// Bytes of the keys and values that a `Generation` keeps of `tokens` tokens; `Int.max` if they overflow.
  public func generationBytes(tokens: Int) -> Int {
    let perToken = layers.reduce(0) { $0 + $1.k.stride + $1.v.stride } * MemoryLayout<Float>.size
    let (bytes, overflow) = perToken.multipliedReportingOverflow(by: tokens)
    return overflow ? .max : bytes
  }
}
