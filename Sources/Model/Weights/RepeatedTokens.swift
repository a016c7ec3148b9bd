/// Tokens drawn at random and repeated once, on which heads that look back show: `start` tokens, then
/// `count`, then the same again.
public struct RepeatedTokens: Sendable {
  public let tokens: [Int]
  public let start: Int
  public let count: Int

  public init(start: [Int], _ drawn: [Int]) {
    tokens = start + drawn + drawn
    self.start = start.count
    count = drawn.count
  }

  /// The positions of the second time, but for the last, after which nothing is known to follow.
  var second: Range<Int> { start + count..<tokens.count - 1 }

  /// - Returns: a run that keeps what `scores` reads.
  public func request(of configuration: Configuration) -> RunRequest {
    var captures: [Site: RunRequest.Positions] = [:]
    let second = RunRequest.Positions.some(Array(second))
    captures[Site(.lnFinalScale)] = second
    for layer in 0..<configuration.layers {
      captures[Site(.pattern, layer: layer)] = .all
      captures[Site(.z, layer: layer)] = second
      if configuration.hasPostNorms { captures[Site(.ln1PostScale, layer: layer)] = second }
    }
    return RunRequest(tokens: tokens, captures: captures)
  }
}

/// How much one head looks back, and what it makes of it, on repeated tokens.
public struct RepetitionScores: Sendable {
  /// The mean attention to the token before.
  public var previousToken = 0.0
  /// The mean attention, the second time, to the same token.
  public var duplicateToken = 0.0
  /// The mean attention, the second time, to the token after the same token.
  public var prefixMatching = 0.0
  /// The mean, the second time, of what the head adds to the logit of the token that follows, from the mean
  /// over the vocabulary.
  public var induction = 0.0

  public init() {}
}

/// Reads the scores of heads out of runs.
public struct RepetitionReader: Sendable {
  private let transformer: Transformer
  /// The mean of W_U over the vocabulary.
  private let mean: [Float]

  /// - Throws: `ModelError` where weights cannot be read.
  public init(_ transformer: Transformer) throws {
    self.transformer = transformer
    let vocabulary = transformer.configuration.vocabulary
    mean = transformer.unembedding.transposedProduct(
      [Float](repeating: 1 / Float(vocabulary), count: vocabulary))
    try transformer.checkWeights()
  }

  /// The scores of every head, [layers][heads], by one run.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func scores(of sequence: RepeatedTokens, _ run: RunResult) throws -> [[RepetitionScores]] {
    let (heads, count) = (transformer.configuration.heads, transformer.layers.count)
    let directions = try followingDirections(sequence, run)
    let found = Slots<[RepetitionScores]>(repeating: [], count: count)
    transformer.pool.run(count) { l, _ in
      if Interruption.requested.load(ordering: .relaxed) { return }
      var scores = (0..<heads).map { lookingBack(sequence, run, layer: l, head: $0) }
      let logits = followingLogits(sequence, run, directions, layer: l)
      for head in scores.indices { scores[head].induction = logits[head] }
      found[l] = scores
    }
    try Interruption.check()
    return found.values
  }

  private func lookingBack(_ sequence: RepeatedTokens, _ run: RunResult, layer: Int, head: Int)
    -> RepetitionScores
  {
    var scores = RepetitionScores()
    guard let pattern = run.activations[Site(.pattern, layer: layer)] else { return scores }
    func weight(_ position: Int, _ source: Int) -> Double {
      let row = pattern[position, head]
      return Double(row[row.startIndex + source])
    }
    let all = sequence.start + 1..<sequence.tokens.count
    for position in all {
      scores.previousToken += weight(position, position - 1) / Double(all.count)
    }
    let second = sequence.start + sequence.count..<sequence.tokens.count
    for position in second {
      let share = 1 / Double(second.count)
      scores.duplicateToken += share * weight(position, position - sequence.count)
      scores.prefixMatching += share * weight(position, position - sequence.count + 1)
    }
    return scores
  }

  /// For each position of the second time what a vector of the stream is multiplied by for the logit of the
  /// token that follows, [positions][d_model], over the final norm's scale and less the mean over the
  /// vocabulary.
  private func followingDirections(_ sequence: RepeatedTokens, _ run: RunResult) throws -> [[Float]]
  {
    let scales = run.activations[Site(.lnFinalScale)]
    let (norm, second) = (transformer.finalNorm, sequence.second)
    let found = Slots<[Float]>(repeating: [], count: second.count)
    transformer.pool.run(second.count) { index, _ in
      let scale = scales?[index][0] ?? .nan
      let following = sequence.tokens[second.lowerBound + index + 1]
      let row = zip(transformer.unembedding.row(following), mean).map { $0 - $1 }
      var seen = zip(row, norm.weight).map { $0 * $1 / scale }
      if norm.kind == .layer {
        let mean = Float(seen.reduce(0) { $0 + Double($1) } / Double(seen.count))
        for i in seen.indices { seen[i] -= mean }
      }
      found[index] = seen
    }
    try transformer.checkWeights()
    return found.values
  }

  /// The mean over positions of what each head adds along its direction.
  private func followingLogits(
    _ sequence: RepeatedTokens, _ run: RunResult, _ directions: [[Float]], layer number: Int
  ) -> [Double] {
    let (layer, c) = (transformer.layers[number], transformer.configuration)
    let (count, inStride, outStride) = (directions.count, layer.o.matrix.stride, layer.q.stride)
    let x = FloatBuffer(count * inStride, zeroed: true)
    for (row, direction) in directions.enumerated() {
      let onItsWay = run.activations[Site(.ln1PostScale, layer: number)]?[row][0] ?? 1
      for (i, number) in layer.beforeAttentionIsAdded(direction).enumerated() {
        x.pointer[row * inStride + i] = number / onItsWay
      }
    }
    let seen = FloatBuffer(count * outStride)
    TransposedProducts(pool: transformer.pool).multiply(
      [TransposedFactor(matrix: layer.o.matrix, x: x.pointer)], rows: count, into: seen.pointer,
      stride: outStride)
    guard let z = run.activations[Site(.z, layer: number)] else { return [] }
    return (0..<c.heads).map { head in
      var sum = 0.0
      for row in 0..<count {
        for (i, number) in z[row, head].enumerated() {
          sum += Double(number * seen.pointer[row * outStride + head * c.headWidth + i])
        }
      }
      return sum / Double(count)
    }
  }
}
