import Lang
import Model

/// The prompts of a set as they are run for answers of several tokens: a prompt is run once for each
/// different beginning that is fed, and what its runs give is put together again. Where all answers are
/// one token it is the set itself.
struct CompletedSet {
  let set: PromptSet
  /// Of each prompt of `set`, its place in the set that it was made of.
  private let owners: [Int]
  /// The number of a prompt's runs, by the place in the set that it was made of.
  private let counts: [Int]
  /// What is fed to each prompt of `set`.
  let inputs: [[Int]]
  /// Whether anything is fed to any of them.
  let feeds: Bool

  /// - Parameter inputs: of each prompt; never empty.
  /// - Throws: `Failure` for an edit at `@completion` where nothing is fed.
  init(_ set: PromptSet, inputs: [[[Int]]]) throws {
    counts = inputs.map(\.count)
    owners = inputs.enumerated().flatMap { index, inputs in inputs.map { _ in index } }
    self.inputs = inputs.flatMap(\.self)
    feeds = self.inputs.contains { !$0.isEmpty }
    self.set = feeds ? set.completed(with: inputs) : set
    guard let sweep = set.sweep, counts.contains(where: { $0 > 1 }),
      sweep.kinds.contains(where: { $0.names("completion") })
    else { return }
    throw Failure(
      "a sweep over @completion would have other positions for each answer",
      help: "omit `each`, or give one answer and no foils", span: sweep.span, source: sweep.source)
  }

  /// The place of a case's prompt in the set that this one was made of.
  func owner(of item: Case) -> Int { owners[item.index] }

  func owner(ofPrompt index: Int) -> Int { owners[index] }

  func input(of item: Case) -> [Int] { inputs[item.index] }

  /// Puts together what the runs of each prompt gave.
  struct Gatherer<Part> {
    private let completed: CompletedSet
    /// Of the prompt at hand, for each of its runs so far what its cases gave, in their order.
    private var runs: [[Part]] = []
    private var index = -1
    private var bases: [Part] = []

    init(_ completed: CompletedSet) { self.completed = completed }

    /// - Returns: what all runs of a case gave, once the last of them is here.
    mutating func add(_ item: Case, _ part: Part) -> [Part]? {
      let owner = completed.owner(of: item)
      if completed.counts[owner] == 1 { return [part] }
      if index != item.index {
        if index < 0 || completed.owners[index] != owner { (runs, bases) = ([], []) }
        index = item.index
        runs.append([])
      }
      let isLast = runs.count == completed.counts[owner]
      if item.isBase {
        bases.append(part)
        return isLast ? bases : nil
      }
      runs[runs.count - 1].append(part)
      guard isLast, let place = runs.last.map({ $0.count - 1 }) else { return nil }
      return runs.compactMap { place < $0.count ? $0[place] : nil }
    }
  }
}
