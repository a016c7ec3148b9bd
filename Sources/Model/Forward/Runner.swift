extension Transformer {
  /// Runs prompts, each with its edits, and hands over what each asked for.
  ///
  /// Runs that vary another share with it whatever their further edits cannot change. Rows go
  /// through the model in chunks of bounded size. None of this moves a bit of any result.
  ///
  /// - Parameters:
  ///   - progress: told how many of all the rows, counted once a layer, are done.
  ///   - consume: called once for each request, in no particular order.
  /// - Throws: `ModelError` for tokens, places or edits that cannot be, `Interruption.Stopped`.
  public func run(
    _ requests: [RunRequest], progress: ((_ done: Int, _ of: Int) -> Void)? = nil,
    consume: (_ index: Int, _ result: RunResult) throws -> Void
  ) throws {
    for request in requests { try request.check(in: configuration, among: requests) }
    let batches = Runner.chunks(requests, layers: configuration.layers)
    let total = batches.reduce(0) { $0 + $1.work }
    var done = 0
    for batch in batches {
      var executor = Executor(self, batch: batch)
      try executor.run(
        advanced: { rows in
          done += rows
          progress?(done, total)
        }, consume: { index, result in if index >= 0 { try consume(index, result) } })
    }
  }

  /// The results in the order of the requests.
  public func run(_ requests: [RunRequest]) throws -> [RunResult] {
    var results = [RunResult](repeating: RunResult(), count: requests.count)
    try run(requests) { results[$0] = $1 }
    return results
  }

  /// The reference that `run` must equal to the bit: each request alone, from the first layer, all
  /// its positions, nothing shared but the kernels.
  public func runNaively(_ requests: [RunRequest]) throws -> [RunResult] {
    try requests.map { request in
      try request.check(in: configuration, among: requests)
      let batch = Batch([(0, request, nil)], layers: configuration.layers, fork: nil)
      var executor = Executor(self, batch: batch)
      var kept = RunResult()
      try executor.run(advanced: { _ in }, consume: { kept = $1 })
      return kept
    }
  }
}

/// Divides requests into batches whose rows fit a bound. A base goes with every batch that has runs
/// that vary it: a few rows more, and nothing needs to be kept between batches.
private enum Runner {
  /// Enough rows to make reading the weights cheap, few enough to stay small in memory.
  static let rowsAtMost = 768

  static func chunks(_ requests: [RunRequest], layers: Int) -> [Batch] {
    var chunks: [Batch] = []
    var chunk: [(index: Int, request: RunRequest, base: Int?)] = []
    var rows = 0
    var places: [Int: Int] = [:]

    func close() {
      guard !chunk.isEmpty else { return }
      chunks.append(Batch(chunk, layers: layers, fork: Batch.fork))
      chunk = []
      places = [:]
      rows = 0
    }

    for (index, request) in requests.enumerated() {
      let fork = request.base.map {
        Batch.fork(request, from: requests[$0], layers: layers).position
      }
      let cost = request.tokens.count - (fork ?? 0)
      if rows > 0 && rows + cost > rowsAtMost { close() }
      if let base = request.base, places[base] == nil {
        // The base has been in an earlier batch: here it only serves, and gives no result.
        var silent = requests[base]
        silent.captures = [:]
        silent.logits = .none
        places[base] = chunk.count
        chunk.append((-1, silent, nil))
        rows += silent.tokens.count
      }
      if request.base == nil { places[index] = chunk.count }
      chunk.append((index, request, request.base.flatMap { places[$0] }))
      rows += cost
    }
    close()
    return chunks
  }
}

extension Batch {
  /// Rows, counted once a layer.
  fileprivate var work: Int { alive.dropLast().reduce(0, +) }
}
