import Model
import Synchronization

/// Prompts, how they are changed, and what is swept over them. Nothing runs until a measure asks.
struct PromptSet: Sendable {
  var prompts: [Prompt]
  /// What the set was made with, whatever was taken of it since.
  private(set) var pool: PromptPool
  /// In the order in which they were written, which is that in which they apply.
  private(set) var edits: [EditSpec] = []
  /// Which of the edits is swept: a run each of its components and positions. Nil unless one said
  /// `each`.
  private(set) var sweepIndex: Int?

  /// The part of it that is measured here; nil: all.
  private(set) var shard: Shard?
  /// The places of the prompts that are measured at a time, where these are fewer; nil: all.
  private(set) var portion: Range<Int>?

  /// Every walk over donors, and the end of their lives, is a recursion.
  static let deepestDonors = 64
  /// How many sets lie behind it, each the donor of an edit of the next: 0 without a donor.
  private(set) var donorDepth = 0

  /// A new set, whose prompts are numbered from 0.
  init(prompts: [Prompt]) {
    self.prompts = prompts
    for index in prompts.indices { self.prompts[index].number = index }
    pool = PromptPool(self.prompts)
  }

  /// Prompts of sets that there are: those of one pool keep their numbers, those of another go on
  /// counting where its numbers end. None of the sets may have edits.
  init(joining sets: [PromptSet]) {
    var pools: [(pool: PromptPool, offset: Int)] = []
    var end = 0
    prompts = sets.flatMap { set -> [Prompt] in
      let place = pools.first { $0.pool === set.pool }
      let offset = place?.offset ?? end
      if place == nil {
        pools.append((set.pool, offset))
        end += set.pool.prompts.count
      }
      return set.prompts.map { $0.renumbered(by: offset) }
    }
    pool =
      pools.count == 1
      ? pools[0].pool
      : PromptPool(
        pools.flatMap { pool, offset in pool.prompts.map { $0.renumbered(by: offset) } })
  }

  /// Prompts that keep their numbers.
  init(prompts: [Prompt], pool: PromptPool) {
    self.prompts = prompts
    self.pool = pool
  }

  /// All prompts of a set are of one model.
  var model: LanguageModel { prompts[0].model }

  /// Which of these prompts is the donor of another set's: one may stand for all.
  func donorIndex(forPrompt index: Int) -> Int { prompts.count == 1 ? 0 : index }

  var sweep: EditSpec? { sweepIndex.map { edits[$0] } }

  mutating func append(_ edit: EditSpec, isSwept: Bool) {
    if isSwept { sweepIndex = edits.count }
    edits.append(edit)
    if let donors = edit.mode.donors { donorDepth = max(donorDepth, donors.donorDepth + 1) }
  }

  /// Only some of the prompts, in the order given. Each keeps the donor that it has.
  mutating func keep(_ indices: [Int]) {
    let count = prompts.count
    prompts = indices.map { prompts[$0] }
    for index in edits.indices { edits[index].keepDonors(at: indices, ofPrompts: count) }
    divide(by: shard)
  }

  /// Measures only a part, or all of it again.
  mutating func divide(by shard: Shard?) {
    guard self.shard != nil || shard != nil else { return }
    self.shard = shard
    for index in prompts.indices { prompts[index].unit = shard == nil ? nil : index }
  }

  /// Other prompts, divided into the same parts.
  func divided(as other: PromptSet) -> PromptSet {
    var set = self
    set.divide(by: other.shard)
    set.portion = other.portion
    return set
  }

  /// The same, some of whose prompts are measured.
  func portion(_ places: Range<Int>) -> PromptSet {
    var set = self
    set.portion = places
    return set
  }

  /// The counterparts of the prompts that have one.
  var counterparts: PromptSet { PromptSet(prompts: prompts.compactMap(\.counterpart)) }

  /// The prompts, each as many times as it has answers to be fed, followed by what is fed of them. The
  /// edits come with them, and donors of patches are followed by the same.
  ///
  /// - Parameter inputs: of each prompt.
  func completed(with inputs: [[[Int]]]) -> PromptSet {
    var completed = self
    completed.prompts = zip(prompts, inputs).flatMap { prompt, inputs in
      inputs.map { prompt.completed(with: $0) }
    }
    completed.edits = edits.map { edit in
      guard var donors = edit.mode.ownDonors else { return edit }
      if donors.prompts.count == 1 { donors.prompts = prompts.map { _ in donors.prompts[0] } }
      var copy = edit
      copy.mode = edit.mode.taking(donors.completed(with: inputs))
      return copy
    }
    return completed
  }

  /// The prompts as they are.
  var unedited: PromptSet { PromptSet(prompts: prompts, pool: pool) }

  /// All that the set was made with, as they are.
  var whole: PromptSet { PromptSet(prompts: pool.prompts, pool: pool) }
}

/// The prompts that one command made together.
final class PromptPool: Sendable {
  let prompts: [Prompt]
  /// The numbers of those whose spaces were looked at.
  private let checked = Mutex<Set<Int>>([])

  init(_ prompts: [Prompt]) { self.prompts = prompts }

  /// Those of some prompts of this pool that were not asked for before.
  func unchecked(of prompts: [Prompt]) -> [Prompt] {
    checked.withLock { checked in prompts.filter { checked.insert($0.number).inserted } }
  }
}

extension Prompt {
  fileprivate func renumbered(by offset: Int) -> Prompt {
    var prompt = self
    prompt.number += offset
    return prompt
  }
}
