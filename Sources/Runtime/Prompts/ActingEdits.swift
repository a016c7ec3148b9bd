import Lang
import Model

/// The edits of a prompt's runs, less what a patch is known to change nothing of: up to where the prompt and
/// its donor part, both runs are the same. What is not edited is not computed again, and not planned.
struct ActingEdits {
  private let sweepIndex: Int?
  /// Of each edit of the set; nil where nothing can be said.
  private let common: [CommonRun?]

  init(_ set: PromptSet, onPrompt index: Int) throws {
    sweepIndex = set.sweepIndex
    common = try set.edits.map { edit in
      guard let donor = set.donor(of: edit, forPrompt: index) else { return nil }
      return try CommonRun(set.prompts[index], donor, edit)
    }
  }

  /// The edits of one run, a list for each of the set's.
  ///
  /// Of a sweep only the swept edit is looked at: all others are those of the run that it varies.
  func of(_ edits: [[Edit]]) -> [[Edit]] {
    edits.enumerated().map { i, mine in
      guard sweepIndex == nil || sweepIndex == i, !mine.isEmpty, let common = common[i] else {
        return mine
      }
      // From the first position that another edit changes the run is not the donor's.
      let limit =
        edits.enumerated().compactMap { j, others in
          j == i ? nil : others.lazy.flatMap(\.positions).min()
        }.min() ?? .max
      return mine.compactMap { edit in
        edit.dropping { $0 < limit && common.isSame($0, at: edit.site) }
      }
    }
  }
}

extension PromptSet {
  /// The prompt that a patch takes its values from; nil where that is edited itself.
  fileprivate func donor(of edit: EditSpec, forPrompt index: Int) -> Prompt? {
    switch edit.mode {
    case .patch(let donors):
      guard donors.edits.isEmpty else { return nil }
      return donors.prompts[donors.donorIndex(forPrompt: index)]
    case .patchFromCounterpart: return prompts[index].counterpart
    case .zero, .mean, .resample, .inject, .freeze, .scale, .steer, .along, .noise, .knockout:
      return nil
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
    if case .features(var features) = change, case .replace(let rows) = features.change {
      features.change = .replace(kept.map { rows[$0] })
      edit.change = .features(features)
    }
    if case .edge(let edge, let rows) = change { edit.change = .edge(edge, kept.map { rows[$0] }) }
    return edit
  }
}
