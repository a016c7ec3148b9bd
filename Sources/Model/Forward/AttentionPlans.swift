/// For each member of a batch where the keys and values of its positions stand.
struct AttentionSources {
  /// Row numbers by position; −1 where none holds it.
  var rows: [[Int32]]
  /// Another where they are others.
  var version: Int
}

/// What attention reads, for as many layers as the rows stay the same.
final class AttentionPlans {
  private var plan: Plan?
  private var scratch: [AttentionWork.Scratch] = []

  final class Plan {
    let sources: SourceRows
    /// The most positions that a row attends to.
    let longest: Int
    private let lists: [[Int32]]
    fileprivate let versions: [Int]
    private var blocks: [(window: Int?, blocks: AttentionBlocks)] = []

    fileprivate init(_ batch: Batch, _ sources: AttentionSources) {
      self.sources = SourceRows(sources.rows)
      longest = (batch.rows.map(\.position).max() ?? 0) + 1
      lists = sources.rows
      versions = [batch.version, sources.version]
    }

    /// - Parameters:
    ///   - batch: what the plan was made for.
    ///   - atOnce: how many rows a block has at the most.
    ///   - window: where rows see only what is near; nil to read all sources all the same.
    func blocks(_ batch: Batch, atOnce: Int, window: LayerAttention?) -> AttentionBlocks {
      if let known = blocks.first(where: { $0.window == window?.window }) { return known.blocks }
      let new = AttentionBlocks(batch, sources: lists, atOnce: atOnce, window: window)
      blocks.append((window?.window, new))
      return new
    }
  }

  /// What was made for the same rows, or a new one.
  func plan(of batch: Batch, _ sources: AttentionSources) -> Plan {
    if let plan, plan.versions == [batch.version, sources.version] { return plan }
    let new = Plan(batch, sources)
    plan = new
    return new
  }

  /// Memory for each thread.
  func scratch(queries: Int, sources: Int, threads: Int) -> [AttentionWork.Scratch] {
    if scratch.count != threads || !scratch.allSatisfy({ $0.holds(queries, sources: sources) }) {
      scratch = (0..<threads).map { _ in
        AttentionWork.Scratch(queries: queries, sources: sources)
      }
    }
    return scratch
  }
}

/// For each member of a batch where the keys and values of its positions stand.
final class SourceRows: @unchecked Sendable {
  private let storage: UnsafeMutablePointer<Int32>
  private let starts: [Int]

  /// - Parameter lists: for each member, row numbers by position; −1 where none holds it.
  init(_ lists: [[Int32]]) {
    var count = 0
    starts = lists.map { list in
      defer { count += list.count }
      return count
    }
    storage = .allocate(capacity: max(1, count))
    for (start, list) in zip(starts, lists) {
      list.withUnsafeBufferPointer { list in
        if let base = list.baseAddress {
          (storage + start).initialize(from: base, count: list.count)
        }
      }
    }
  }

  deinit { storage.deallocate() }

  subscript(member: Int) -> UnsafePointer<Int32> { UnsafePointer(storage + starts[member]) }
}
