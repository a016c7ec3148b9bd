/// Continues prompts token by token, all of them together: a step reads each weight once. Keys and values
/// are kept, so that each further token costs one row; its logits are to the bit those of a run of the
/// whole text alone.
public struct Generation {
  /// A prompt, and how it is changed.
  public struct Prompt: Sendable {
    public var tokens: [Int]
    /// Of the prompt's positions.
    public var edits: [Edit]
    /// Of every position that is added, whatever positions they name.
    public var addedEdits: [Edit]

    public init(tokens: [Int], edits: [Edit] = [], addedEdits: [Edit] = []) {
      self.tokens = tokens
      self.edits = edits
      self.addedEdits = addedEdits
    }
  }

  /// A prompt with what was added to it so far.
  private struct Text {
    let prompt: Prompt
    var tokens: [Int]
    /// Where the keys and values of its positions stand in the cache.
    var rows: [Int32] = []
  }

  /// As many rows of prompts are best run together.
  public static let rowsAtOnce = RunPlanner.rowsAtMost

  private let model: Transformer
  private var texts: [Text]
  private let cache: KeyValueCache
  private let rope: RotaryTables
  /// Of the steps before.
  private var work: RowWork?
  /// Of what was run last, the edits and which of their features fired.
  public private(set) var fired: [(edits: [Edit], features: [FiredFeatures])] = []
  /// Where those of the prompts alone end, and stand.
  private var promptRows: [[Int32]] = []
  private var promptEnd = 0

  /// - Parameter count: how many tokens will be added to each at the most.
  /// - Throws: `ModelError` for tokens or edits that cannot be, or where the context ends too soon;
  ///   `Interruption.Stopped`.
  public init(_ model: Transformer, _ prompts: [Prompt], count: Int) throws {
    for prompt in prompts {
      try Self.checkLength(count, after: prompt.tokens.count, on: model)
      try RunRequest(tokens: prompt.tokens, edits: prompt.edits)
        .check(in: model.configuration, among: [])
      if let edges = prompt.edits.lazy.compactMap(\.editedEdges).first {
        throw ModelError(
          .request, "nothing can be generated while \(edges)",
          help: "an edge is edited at the positions that there are")
      }
    }
    self.model = model
    texts = prompts.map { Text(prompt: $0, tokens: $0.tokens) }
    cache = try KeyValueCache(
      model,
      capacity: prompts.reduce(0) { $0 + model.generationRows(of: count, after: $1.tokens.count) })
    rope = try RotaryTables(
      model.configuration, tokens: (prompts.map(\.tokens.count).max() ?? 0) + count)
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

  /// A prompt's tokens and what was added to them.
  public func tokens(of text: Int) -> [Int] { texts[text].tokens }

  /// The logits of each prompt's next token, `[prompts][vocabulary]`.
  ///
  /// - Throws: `Interruption.Stopped`.
  public mutating func logits() throws -> [[Float]] {
    let logits = try run(Array(texts.indices))
    (promptRows, promptEnd) = (texts.map(\.rows), cache.count)
    return logits
  }

  /// The logits that follow once a token is added to some of the prompts: in their order.
  ///
  /// - Throws: `Interruption.Stopped`.
  public mutating func logits(after chosen: [(text: Int, token: Int)]) throws -> [[Float]] {
    for (text, token) in chosen {
      texts[text].tokens.append(token)
      // Its keys are turned as those of a longer text: all of it is run once more.
      if model.configuration.rotatesAnew(at: texts[text].tokens.count) { texts[text].rows = [] }
    }
    return try run(chosen.map(\.text))
  }

  /// Goes back to the prompts, whose logits are known: the next tokens that are given come after them.
  public mutating func rewind() {
    for text in texts.indices {
      texts[text].tokens = texts[text].prompt.tokens
      texts[text].rows = promptRows[text]
    }
    cache.count = promptEnd
  }

  /// Runs what is not in the cache yet of some texts.
  private mutating func run(_ members: [Int]) throws -> [[Float]] {
    var end = cache.count
    let requests = members.map { text in
      let (tokens, first) = (texts[text].tokens, texts[text].rows.count)
      let prompt = texts[text].prompt
      let added = Array(max(first, prompt.tokens.count)..<tokens.count)
      texts[text].rows += (end..<end + tokens.count - first).map(Int32.init)
      end += tokens.count - first
      let edits =
        (first == 0 ? prompt.edits : [])
        + (added.isEmpty ? [] : prompt.addedEdits.map { $0.moved(to: added) })
      return (
        RunRequest(tokens: tokens, edits: edits, logits: .all([tokens.count - 1])), first
      )
    }
    cache.rows = members.map { texts[$0].rows }
    let batch = Batch(continuing: requests, layers: model.configuration.layers)
    var executor = Executor(model, batch: batch, rope: rope, cache: cache, reusing: work)
    work = executor.work
    try executor.run(advanced: { _, _ in })
    var logits: [[Float]] = []
    fired = []
    while let (index, result) = try executor.nextResult() {
      logits.append(result.logits[0])
      if !result.fired.isEmpty { fired.append((requests[index].0.edits, result.fired)) }
    }
    cache.count = end
    return logits
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

/// The keys (after RoPE) and values of some texts' positions so far, of every layer. What a run adds stands
/// after all that is there.
final class KeyValueCache {
  /// `[rows][stride]` for each layer.
  let keys: [FloatBuffer]
  let values: [FloatBuffer]
  /// Rows whose keys and values are here.
  var count = 0
  /// For each member of the batch at hand the row of each of its positions.
  var rows: [[Int32]] = []

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
  /// Rows of keys and values that a `Generation` keeps of one prompt.
  fileprivate func generationRows(of count: Int, after tokens: Int) -> Int {
    let length = tokens + count
    // A text whose keys are turned a second time is there twice.
    let isTwice = configuration.attention.contains { layer in
      layer.rotary.map { $0.isLong(length) != $0.isLong(tokens) } ?? false
    }
    return isTwice ? tokens + count + length : length
  }

  /// Bytes of the keys and values that a `Generation` keeps of one prompt; `Int.max` if they overflow.
  public func generationBytes(of count: Int, after tokens: Int) -> Int {
    let perRow = layers.reduce(0) { $0 + $1.k.stride + $1.v.stride } * MemoryLayout<Float>.size
    let (bytes, overflow) = perRow.multipliedReportingOverflow(
      by: generationRows(of: count, after: tokens))
    return overflow ? .max : bytes
  }
}
