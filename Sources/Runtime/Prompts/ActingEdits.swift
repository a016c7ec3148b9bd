import Lang
import Model

extension PromptSet {
  /// The edits of one run, a list for each of the set's, less what a patch is known to change nothing
  /// of: up to where the prompt and its donor part, both runs are the same. What is not edited is not
  /// computed again, and not planned.
  ///
  /// Of a sweep only the swept edit is looked at: all others are those of the run that it varies.
  func acting(_ edits: [[Edit]], onPrompt index: Int) throws -> [[Edit]] {
    try edits.enumerated().map { i, mine in
      guard sweepIndex == nil || sweepIndex == i, !mine.isEmpty,
        let donor = donor(of: self.edits[i], forPrompt: index),
        let common = try CommonRun(prompts[index], donor, self.edits[i])
      else { return mine }
      // From the first position that another edit changes the run is not the donor's.
      let others = edits.enumerated().filter { $0.offset != i }.flatMap(\.element)
      let limit = others.flatMap(\.positions).min() ?? .max
      return mine.compactMap { edit in
        edit.dropping { $0 < limit && common.isSame($0, at: edit.site) }
      }
    }
  }

  /// The prompt that a patch takes its values from; nil where that is edited itself.
  private func donor(of edit: EditSpec, forPrompt index: Int) -> Prompt? {
    switch edit.mode {
    case .patch(let donors):
      guard donors.edits.isEmpty else { return nil }
      return donors.prompts[donors.donorIndex(forPrompt: index)]
    case .patchFromCounterpart: return prompts[index].counterpart
    case .zero, .mean, .resample, .freeze, .scale, .steer, .knockout: return nil
    }
  }
}

/// What the unedited runs of a prompt and its donor have in common.
private struct CommonRun {
  private let tokens: [Int]
  private let others: [Int]
  /// How many tokens both begin with.
  private let count: Int

  /// Nil where nothing can be said: a position is paired with one of another number, or queries and
  /// keys are rotated otherwise.
  init?(_ prompt: Prompt, _ donor: Prompt, _ edit: EditSpec) throws {
    (tokens, others) = (prompt.tokens, donor.tokens)
    guard prompt.model.configuration.beginsAlike(tokens: tokens.count, and: others.count)
    else { return nil }
    for kind in edit.kinds where kind.isPairedByPlace {
      guard try prompt.positions(kind) == donor.positions(kind) else { return nil }
    }
    count = zip(tokens, others).prefix { $0 == $1 }.count
  }

  func isSame(_ position: Int, at site: Site) -> Bool {
    position < count
      || site.isOfOwnToken && position < others.count && tokens[position] == others[position]
  }
}

extension Position.Kind {
  /// Whether the donor's positions are its own, as `PositionPairs` has it.
  fileprivate var isPairedByPlace: Bool {
    switch self {
    case .name, .index(-1): true
    case .all, .index, .range, .text, .set, .except: false
    }
  }
}

extension Edit {
  /// Without some of its positions; nil where none is left.
  fileprivate func dropping(_ isIdle: (Int) -> Bool) -> Edit? {
    let kept = positions.indices.filter { !isIdle(positions[$0]) }
    if kept.count == positions.count { return self }
    if kept.isEmpty { return nil }
    var edit = self
    edit.positions = kept.map { positions[$0] }
    if case .replace(let rows) = change { edit.change = .replace(kept.map { rows[$0] }) }
    if case .edge(let edge, let rows) = change { edit.change = .edge(edge, kept.map { rows[$0] }) }
    return edit
  }
}
