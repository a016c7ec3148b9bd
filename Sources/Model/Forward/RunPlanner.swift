/// Divides requests into batches that fit a budget.
///
/// A base goes with every batch that has runs that vary it: a few rows more, and nothing needs to
/// be kept between batches.
struct RunPlanner {
  /// Enough rows to make reading the weights cheap, few enough to stay in the processor's caches.
  static let rowsAtMost = 768

  private let model: Transformer
  private let memory: Int

  init(_ model: Transformer, memory: Int) {
    self.model = model
    self.memory = memory
  }

  /// - Throws: `ModelError` for a request that cannot be, or a single run that needs more than the
  ///   budget.
  func batches(_ requests: [RunRequest]) throws -> [Batch] {
    let layers = model.layers.count
    let forks = try requests.mapChecked { request in
      let further = try request.check(in: model.configuration, among: requests)
      let count = request.tokens.count
      return request.base == nil
        ? Fork(unsharedOf: count) : Fork(further, count: count, layers: layers)
    }
    var batches: [Batch] = []
    var open = OpenBatch()

    func close() {
      guard !open.members.isEmpty else { return }
      batches.append(Batch(open.members, layers: layers))
      open = OpenBatch()
    }

    for (index, request) in requests.enumerated() {
      if index.isMultiple(of: 16) { try Interruption.check() }
      let fork = forks[index]
      let rows = zip(fork.layers, request.ends(layers: layers)).count { $0 <= $1.lastEntered }
      // A base's rows are those of its variants too.
      let own = Cost(
        rows: request.base == nil ? request.tokens.count : rows,
        bytes: request.needs(in: model.configuration).bytes)
      if open.cost.rows > 0, !fits(open.cost + own) { close() }
      if let base = request.base, open.bases[base] == nil {
        // The base has been in an earlier batch: here it only serves, and gives no result.
        var silent = requests[base]
        silent.captures = [:]
        silent.logits = .none
        open.add(silent, forks[base], as: -1, at: base, Cost(rows: silent.tokens.count, bytes: 0))
      }
      open.add(request, fork, as: index, at: request.base == nil ? index : nil, own)
      try checkBudget(open.cost)
    }
    close()
    return batches
  }

  private func fits(_ cost: Cost) -> Bool {
    cost.rows <= Self.rowsAtMost && bytes(cost) <= memory
  }

  private func bytes(_ cost: Cost) -> Int { cost.bytes + cost.rows * model.bytesPerRow }

  /// Of a batch that just took its first run: no batch can be smaller.
  private func checkBudget(_ cost: Cost) throws {
    let needed = bytes(cost)
    guard needed > memory else { return }
    let wanted = (needed + (1 << 20) - 1) >> 20
    throw ModelError(
      .request,
      "one run needs \(wanted) MiB for its activations, more than the \(memory >> 20) MiB of "
        + "the budget", help: "allow more: --memory \(wanted * 2)MiB")
  }

  private struct Cost {
    var rows = 0
    /// What the results take until they are handed over.
    var bytes = 0

    static func + (a: Cost, b: Cost) -> Cost {
      Cost(rows: a.rows + b.rows, bytes: a.bytes + b.bytes)
    }
  }

  private struct OpenBatch {
    var members: [(index: Int, request: RunRequest, base: Int?, fork: Fork)] = []
    var cost = Cost()
    /// Where each base stands among the members.
    var bases: [Int: Int] = [:]

    mutating func add(
      _ request: RunRequest, _ fork: Fork, as index: Int, at own: Int?, _ cost: Cost
    ) {
      if let own { bases[own] = members.count }
      let base = own == nil ? request.base.flatMap { bases[$0] } : nil
      members.append((index, request, base, fork))
      self.cost = self.cost + cost
    }
  }
}
