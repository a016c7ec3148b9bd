import Model

extension Session {
  /// Rejects an edit that has no effect, because others overwrite what it changes or all that it
  /// could reach.
  func checkThatAllFire(_ edits: [[Edit]], of set: PromptSet) throws {
    for (i, mine) in edits.enumerated() where !mine.isEmpty {
      for (j, others) in edits.enumerated() where j != i {
        let (spec, other) = (set.edits[i], set.edits[j])
        if j > i, mine.allSatisfy({ edit in others.contains { $0.overwrites(edit) } }) {
          throw Failure(
            "'\(spec.description)' never fires: '\(other.description)' overwrites the same places",
            help: "edits apply in the order in which they are written: write it after the other",
            span: spec.span, source: spec.source)
        }
        if mine.allSatisfy({ edit in
          others.contains { j > i && $0.overwrites(edit) || $0.hides(edit) }
        }) {
          throw Failure(
            "'\(spec.description)' never fires: '\(other.description)' overwrites all that it reaches",
            help: "what comes later in the model is set whatever came before it, in whatever order "
              + "the two are written: omit one of them, or set less",
            span: spec.span, source: spec.source)
        }
      }
    }
  }
}

extension Edit {
  /// Whether nothing of `other`, applied before this at the same site, is left.
  fileprivate func overwrites(_ other: Edit) -> Bool {
    guard site == other.site, setsAnew else { return false }
    // A scale is divided by, whatever is read.
    if other.reader != nil, site.activation.isScale { return false }
    // What is cut stays cut.
    if case .cut = other.change { return false }
    return covers(other)
  }

  /// Whether all that `other` reaches passes through what this overwrites.
  fileprivate func hides(_ other: Edit) -> Bool {
    // What a reader makes of its copy comes after the copy.
    if other.reader != nil, overwrites(other) { return true }
    return site.layer == other.site.layer && setsAnew
      && other.site.activation.narrows.contains(site.activation) && covers(other)
  }

  private var setsAnew: Bool {
    switch change {
    case .zero, .replace: true
    case .scale, .add, .along, .cut, .edge, .outside, .features: false
    }
  }

  /// The head whose query an edge, or several, lead to.
  private var queryHeads: [Int]? {
    guard case .head(.q, _, let head) = reader else { return nil }
    return [head]
  }

  /// Whether this changes every unit and position that `other` does, or what these become.
  private func covers(_ other: Edit) -> Bool {
    if let units {
      guard site.activation.units == other.site.activation.units,
        let others = other.units ?? other.queryHeads, Set(others).isSubset(of: units)
      else { return false }
    }
    return Set(other.positions).isSubset(of: positions)
  }
}
