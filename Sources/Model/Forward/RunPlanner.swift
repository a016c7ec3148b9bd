/// Divides requests into batches that fit a budget.
///
/// A base goes with every batch that has runs that vary it: a few rows more, and nothing needs to
/// be kept between batches. Prompts that begin alike share their beginning where they are in one batch.
struct RunPlanner {
  /// Enough rows to make reading the weights cheap, few enough to stay in the processor's caches.
  static let rowsAtMost = 768
  /// Requests are taken in another order where that leaves at most this share of the rows: what comes
  /// too early has to wait.
  private static let shareOfRowsInOrder = 0.8

  private let model: Transformer
  private let memory: Int
  private let apart: Bool
  private let bytesPerRow: Int
  private let copies: Int

  /// - Parameters:
  ///   - apart: whether prompts that begin alike share nothing all the same.
  ///   - bytesPerRow: what a row takes besides results; nil for that of a run.
  ///   - copies: how many numbers there are for each that a request asks for.
  init(
    _ model: Transformer, memory: Int, apart: Bool = false, bytesPerRow: Int? = nil,
    copies: Int = 1
  ) {
    self.copies = copies
    self.model = model
    self.memory = memory
    self.apart = apart
    self.bytesPerRow = bytesPerRow ?? model.bytesPerRow
  }

  /// - Throws: `ModelError` for a request that cannot be, or a single run that needs more than the
  ///   budget; `Interruption.Stopped`.
  func batches(_ requests: [RunRequest]) throws -> [Batch] {
    let layers = model.layers.count
    let forks = try requests.mapChecked { request in
      let further = try request.check(in: model.configuration, among: requests)
      let count = request.tokens.count
      return request.base == nil
        ? Fork(unsharedOf: count) : Fork(further, count: count, layers: layers)
    }
    let tree = try PromptTree(requests, model.configuration, apart: apart)
    let work = Work(
      requests: requests, forks: forks, tree: tree, model: model, copies: copies)
    let inOrder = try divide(work, in: Array(requests.indices), memory: memory)
    return try (try divideSorted(work, insteadOf: inOrder) ?? inOrder).mapChecked {
      Batch($0.members, layers: layers)
    }
  }

  /// Prompts that begin alike are put into the same batches, where that spares enough and the results
  /// that must wait for their turn are few.
  private func divideSorted(_ work: Work, insteadOf inOrder: [OpenBatch]) throws -> [OpenBatch]? {
    let waiting = work.costs.reduce(0) { $0 + $1.bytes }
    guard inOrder.count > 1, waiting <= memory / 8 else { return nil }
    let sorted = work.tree.sorted
    guard sorted != Array(sorted.indices) else { return nil }
    let batches: [OpenBatch]
    do {
      batches = try divide(work, in: sorted, memory: memory - waiting)
    } catch is ModelError {
      // With so little memory left one run does not fit.
      return nil
    }
    func rows(_ batches: [OpenBatch]) -> Double { Double(batches.reduce(0) { $0 + $1.cost.rows }) }
    return rows(batches) <= Self.shareOfRowsInOrder * rows(inOrder) ? batches : nil
  }

  private func divide(_ work: Work, in order: [Int], memory: Int) throws -> [OpenBatch] {
    func bytes(_ cost: Cost) -> Int { cost.bytes + cost.rows * bytesPerRow }
    var batches: [OpenBatch] = []
    var open = OpenBatch(work)
    for (done, index) in order.enumerated() {
      if done.isMultiple(of: 16) { try Interruption.check() }
      let cost = open.cost + open.cost(of: index)
      if open.cost.rows > 0, cost.rows > Self.rowsAtMost || bytes(cost) > memory {
        batches.append(open)
        open = OpenBatch(work)
      }
      open.add(index)
      try check(bytes(open.cost), against: memory)
    }
    if !open.members.isEmpty { batches.append(open) }
    return batches
  }

  /// Of a batch that just took its first run: no batch can be smaller.
  private func check(_ needed: Int, against memory: Int) throws {
    guard needed > memory else { return }
    let wanted = (needed + (1 << 20) - 1) >> 20
    throw ModelError(
      .request,
      "one run needs \(wanted) MiB for its activations, more than the \(memory >> 20) MiB of "
        + "the budget", help: "allow more: --memory \(wanted * 2)MiB")
  }
}

/// What is to be divided.
private struct Work {
  let requests: [RunRequest]
  let forks: [Fork]
  let tree: PromptTree
  /// Of each request by itself, but what it shares with its base.
  let costs: [Cost]

  init(
    requests: [RunRequest], forks: [Fork], tree: PromptTree, model: Transformer, copies: Int
  ) {
    self.requests = requests
    self.forks = forks
    self.tree = tree
    costs = zip(requests, forks).map { request, fork in
      let ends = request.base == nil ? [] : request.ends(layers: model.layers.count)
      return Cost(
        // A base's rows are those of its variants too.
        rows: request.base == nil
          ? request.tokens.count : zip(fork.layers, ends).count { $0 <= $1.lastEntered },
        bytes: copies * request.needs(in: model.configuration).bytes
          + request.keptBytes(in: model.configuration))
    }
  }
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
  private(set) var members: [(index: Int, request: RunRequest, base: Int?, fork: Fork)] = []
  private(set) var cost = Cost()
  private let work: Work
  /// Where each base stands among the members.
  private var bases: [Int: Int] = [:]
  /// By node of the prompts the member whose row serves it.
  private var holders: [Int: Int] = [:]

  init(_ work: Work) { self.work = work }

  /// What a request would add, with its base where that is not here.
  func cost(of index: Int) -> Cost {
    var cost = work.costs[index]
    switch work.requests[index].base {
    case nil: cost.rows -= shared(by: index)?.count ?? 0
    case let base? where bases[base] == nil:
      cost.rows += work.requests[base].tokens.count - (shared(by: base)?.count ?? 0)
    case _?: break
    }
    return cost
  }

  mutating func add(_ index: Int) {
    cost = cost + cost(of: index)
    guard let base = work.requests[index].base else {
      return addBase(index, as: index, work.requests[index])
    }
    if bases[base] == nil {
      // The base has been in an earlier batch: here it only serves, and gives no result.
      var silent = work.requests[base]
      silent.captures = [:]
      silent.logits = .none
      addBase(base, as: -1, silent)
    }
    members.append((index, work.requests[index], bases[base], work.forks[index]))
  }

  private mutating func addBase(_ base: Int, as index: Int, _ request: RunRequest) {
    let count = request.tokens.count
    let found = shared(by: base)
    bases[base] = members.count
    for node in work.tree.nodes[base][(found?.count ?? 0)...] { holders[node] = members.count }
    members.append((index, request, found?.member, Fork(after: found?.count ?? 0, of: count)))
  }

  /// The member that has the most of a prompt's beginning, and how many positions these are.
  private func shared(by index: Int) -> (member: Int, count: Int)? {
    var found: (member: Int, count: Int)?
    for (position, node) in work.tree.nodes[index].enumerated() {
      guard let member = holders[node] else { break }
      found = (member, position + 1)
    }
    return found
  }
}
