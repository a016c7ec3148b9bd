/// What runs will cost, known before anything is computed.
public struct RunPlan: Sendable {
  /// Runs that were asked for.
  public var runs = 0
  /// Rows (one position of one run) times the layers that each goes through whole. Runs that turn
  /// out to be what the run that they vary is are not foreseen.
  public var rowLayers = 0
  /// The same if nothing were shared.
  public var rowLayersUnshared = 0
  /// Batches that the budget and the caches divide them into.
  public var batches = 0
  /// Multiplications and additions.
  public var flops = 0.0
  /// The most that activations and results on their way take at a time.
  public var bytes = 0
  /// Expected, at the speed that this machine was just measured at.
  public var seconds = 0.0

  public init() {}

  /// One after the other.
  public static func + (a: RunPlan, b: RunPlan) -> RunPlan {
    var sum = a
    sum.runs += b.runs
    sum.rowLayers += b.rowLayers
    sum.rowLayersUnshared += b.rowLayersUnshared
    sum.batches += b.batches
    sum.flops += b.flops
    sum.bytes = max(a.bytes, b.bytes)
    sum.seconds += b.seconds
    return sum
  }
}

extension Transformer {
  /// Plans what `run` would do, with the same code, and computes none of it.
  ///
  /// - Parameter apart: whether prompts that begin alike are computed by themselves all the same.
  /// - Throws: as `run` does.
  public func plan(
    _ requests: [RunRequest], memory: Int = .max, apart: Bool = false, speed: Speed
  ) throws -> RunPlan {
    var plan = RunPlan()
    plan.runs = requests.count
    plan.rowLayersUnshared = requests.reduce(0) { $0 + $1.tokens.count * layers.count }
    var queue = WaitingBytes(requests, configuration)
    for batch in try RunPlanner(self, memory: memory, apart: apart).batches(requests) {
      plan.batches += 1
      plan.rowLayers += batch.schedule.rowLayers
      plan.bytes = max(plan.bytes, bytes(of: batch) + queue.bytes)
      queue.add(batch)
      for layer in layers.indices {
        let (entering, through) = (batch.schedule.entering[layer], batch.schedule.through[layer])
        let keysAndValues = layers[layer].keyValueFlopsPerRow
        let products = layers[layer].furtherFlopsPerRow
        let attention = attentionFlops(
          sources: batch.sources(in: layer, window: configuration.attention[layer].window))
        plan.flops += Double(entering) * keysAndValues + Double(through) * products + attention
        plan.seconds += speed.seconds(flops: keysAndValues, rows: entering)
        plan.seconds += speed.seconds(flops: products, rows: through)
        plan.seconds += attention * speed.attention
      }
      let outside = batch.members.reduce(0) {
        $0 + $1.request.outsideFlops(in: configuration)
      }
      plan.flops += outside
      plan.seconds += speed.seconds(flops: outside / 48, rows: 48)
      for (flops, rows) in readsOfEdges(in: batch) {
        plan.flops += Double(rows) * flops
        plan.seconds += speed.seconds(flops: flops, rows: rows)
      }
      let (rows, flops) = (vocabularyRows(of: batch), unembeddingFlopsPerRow)
      let atOnce = Executor.vocabularyRowsAtOnce
      plan.flops += Double(rows) * flops
      plan.seconds += Double(rows / atOnce) * speed.seconds(flops: flops, rows: atOnce)
      plan.seconds += speed.seconds(flops: flops, rows: rows % atOnce)
    }
    return plan
  }

  /// What further products of a run's rows would cost.
  ///
  /// - Parameters:
  ///   - flops: multiplications and additions of one row.
  ///   - bytes: what they take at a time.
  public func planProducts(rows: Int, flops: Double, bytes: Int, speed: Speed) -> RunPlan {
    var plan = RunPlan()
    plan.flops = Double(rows) * flops
    plan.bytes = bytes
    plan.seconds = speed.seconds(flops: flops, rows: rows)
    return plan
  }

  /// Plans a `Generation`: the prompts, then a row of each for every further token.
  public func planGeneration(
    of count: Int, samples: Int, after prompts: [[Int]], speed: Speed
  ) throws -> RunPlan {
    for tokens in prompts { try Generation.checkLength(count, after: tokens.count, on: self) }
    func request(_ tokens: [Int]) -> RunRequest {
      RunRequest(tokens: tokens, logits: .all([tokens.count - 1]))
    }
    var plan = try plan(prompts.map(request), speed: speed)
    let step = try self.plan(prompts.map { request([$0[0]]) }, speed: speed)
    // The prompts are run once for all samples.
    let steps = samples * (count - 1)
    plan.rowLayers += steps * step.rowLayers
    plan.batches += steps * step.batches
    plan.flops += Double(steps) * step.flops
    plan.seconds += Double(steps) * step.seconds
    plan.bytes = max(plan.bytes, steps > 0 ? step.bytes : 0)
    plan.runs = prompts.count * (1 + steps)
    plan.rowLayersUnshared = prompts.reduce(0) { sum, tokens in
      sum + samples * layers.count * (count * tokens.count + count * (count - 1) / 2)
    }
    return plan
  }

  /// Products of copies that single heads read, by site: those of MLPs stand in their rows' place.
  private func readsOfEdges(in batch: Batch) -> [(flops: Double, rows: Int)] {
    var rows: [Site: Int] = [:]
    for edit in batch.members.lazy.flatMap(\.request.edits) where edit.edge != nil {
      rows[edit.site, default: 0] += edit.positions.count
    }
    return rows.compactMap { site, rows in
      switch site.activation {
      case .q: (layers[site.layer].q.flopsPerRow, rows)
      case .k: (layers[site.layer].k.flopsPerRow, rows)
      case .v: (layers[site.layer].v.flopsPerRow, rows)
      default: nil
      }
    }
  }

  private func bytes(of batch: Batch) -> Int {
    let vocabulary = min(vocabularyRows(of: batch), Executor.vocabularyRowsAtOnce)
    return batch.schedule.rowsAtMost * bytesPerRow
      + batch.members.reduce(0) {
        $0 + $1.request.needs(in: configuration).bytes + $1.request.keptBytes(in: configuration)
      }
      + vocabulary * unembedding.stride * MemoryLayout<Float>.size
  }

  private func vocabularyRows(of batch: Batch) -> Int {
    batch.members.reduce(0) { $0 + $1.request.logits.positionsOfVocabularies.count }
  }

  private var unembeddingFlopsPerRow: Double {
    2 * Double(unembedding.rows * unembedding.columns)
  }

  /// What results take that wait for those of earlier requests.
  private struct WaitingBytes {
    private(set) var bytes = 0
    private let sizes: [Int]
    private var next = 0
    private var waiting: Set<Int> = []

    init(_ requests: [RunRequest], _ configuration: Configuration) {
      sizes = requests.map { $0.resultBytes(in: configuration) }
    }

    mutating func add(_ batch: Batch) {
      for member in batch.members where member.index >= 0 {
        waiting.insert(member.index)
        bytes += sizes[member.index]
      }
      while waiting.remove(next) != nil {
        bytes -= sizes[next]
        next += 1
      }
    }
  }
}
