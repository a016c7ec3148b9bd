extension Transformer {
  /// The reference that `run` must equal to the bit: each request alone, from the first layer, all
  /// its positions, row by row, the whole vocabulary, no keys or values kept.
  ///
  /// It shows whether the sharing of rows is sound, and edits and captures with it. With `run` it
  /// shares the kernels and `Products`, the packed weights, `Norm`, RoPE's tables, the configuration
  /// and the checks of requests: an error there is in both.
  public func runNaively(_ requests: [RunRequest]) throws -> [RunResult] {
    try requests.map { request in
      try request.check(in: configuration, among: requests)
      var run = try NaiveRun(self, request)
      let positions = request.comparedPositions
      if let base = request.base, !positions.isEmpty {
        run.base = try logits(of: requests[base], at: positions, as: request)
      }
      let result = try run.run()
      try checkWeights()
      return result
    }
  }

  /// A base's logits by their positions, capped or not as those of a run that varies it.
  private func logits(of base: RunRequest, at positions: [Int], as request: RunRequest) throws
    -> [Int: [Float]]
  {
    var asked = base
    (asked.captures, asked.logits) = ([:], .all(positions))
    asked.isUncapped = request.isUncapped
    var run = try NaiveRun(self, asked)
    return Dictionary(
      zip(positions, try run.run().logits), uniquingKeysWith: { first, _ in first })
  }
}
