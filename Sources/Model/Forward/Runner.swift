extension Transformer {
  /// Runs prompts, each with its edits, and hands over what each asked for.
  ///
  /// Runs that vary another share with it whatever their further edits cannot change. Rows go
  /// through the model in chunks that fit the budget. None of this moves a bit of any result.
  ///
  /// - Parameters:
  ///   - memory: bytes that activations and results on their way may take.
  ///   - progress: told how many of all the rows, counted once a layer, are done.
  ///   - consume: called once for each request, in no particular order.
  /// - Throws: `ModelError` for tokens, places or edits that cannot be, or a run that the budget
  ///   cannot hold; `Interruption.Stopped`.
  public func run(
    _ requests: [RunRequest], memory: Int = .max,
    progress: ((_ done: Int, _ of: Int) -> Void)? = nil,
    consume: (_ index: Int, _ result: RunResult) throws -> Void
  ) throws {
    for request in requests { try request.check(in: configuration, among: requests) }
    let batches = try RunPlanner(self, memory: memory).batches(requests)
    let total = batches.reduce(0) { $0 + $1.rowLayers }
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
}
