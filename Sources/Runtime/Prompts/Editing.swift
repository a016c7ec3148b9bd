import Lang
import Model

// What all commands that edit share: selectors become places, and the edit is put with the prompts.
// Nothing runs here.

extension Command.Parameter {
  static let each = flag("each", "one run for each component instead of one for all")
  static let site = positional(
    "site", .selector, list: true, "components or sites: L9H8, heads@last, L9.mlp")
}

extension Invocation {
  /// The prompts with one more edit, at the places that the parameter `site` selects.
  ///
  /// - Parameters:
  ///   - mode: how they are changed, and in words: `mean over 48 prompts`.
  ///   - access: whether edges can be changed so.
  ///   - check: refuses places that cannot be changed so.
  func edited(
    _ set: PromptSet, _ mode: EditSpec.Mode, words: String, access: Access = .editing,
    check: ((Place, Configuration) throws -> Void)? = nil
  ) throws -> Value {
    let passesMLPs = try declares("through") && choice("through", PathThrough.self) == .mlps
    let selected = try selectors("site")
    try refuseMixedPositions(in: selected, of: "site")
    let targets: EditTargets
    if access == .patching, check == nil, selected.count == 1, selected[0].selector.isAllEdges {
      targets = EditTargets(
        AllEdges(EdgeGraph(set.model.configuration)), at: selected[0].selector.position)
    } else {
      targets = try self.targets(selected, of: set, mode, access, check)
    }
    if passesMLPs, !targets.areEdges {
      throw Failure(
        "`through` goes with edges and paths", help: "patch L5H1 -> L9H6.q -> logits from …",
        span: span(of: "through"))
    }
    if passesMLPs || targets.havePaths { try checkThatPathsAreAlone(set) }
    return try edited(
      set, targets, mode, at: span(of: "site"),
      words: words + (passesMLPs ? " through mlps" : ""),
      EditSpec.Extent(passesMLPs: passesMLPs))
  }

  private func targets(
    _ selected: [(selector: Selector, span: SourceSpan)], of set: PromptSet, _ mode: EditSpec.Mode,
    _ access: Access, _ check: ((Place, Configuration) throws -> Void)?
  ) throws -> EditTargets {
    let configuration = set.model.configuration
    var targets = try selected.flatMap { selector, span in
      try placing(at: span) {
        let places = try selector.places(
          on: configuration, for: access, dictionaries: session.dictionaries(of: set.model))
        for place in places {
          if place.isOfFeatures { try mode.checkFeatures(place) }
          try check?(place, configuration)
        }
        return places.map { EditSpec.Target(place: $0, position: selector.position) }
      }
    }
    if declares("each"), hasFlag("each") { targets = try activeFeatures(targets, of: set, mode) }
    guard Set(targets.lazy.map(\.place.edges.isEmpty)).count == 1 else {
      throw Failure(
        "edges and components cannot be patched in one list",
        help: "write two edits: \(command.name) … | \(command.name) …", span: span(of: "site"))
    }
    return EditTargets(targets)
  }

  private func checkThatPathsAreAlone(_ set: PromptSet) throws {
    guard let other = set.edits.first else { return }
    throw Failure(
      "a path is patched in the prompt's own run, and '\(other.description)' edits it",
      help: "omit the other edit", span: other.span, source: other.source)
  }

  /// An edit that no prompt can be given is an error here, where it stands, not where it is measured.
  ///
  /// - Parameter extent: what else is edited than the targets.
  func edited(
    _ set: PromptSet, _ targets: EditTargets, _ mode: EditSpec.Mode, at span: SourceSpan,
    words: String, _ extent: EditSpec.Extent = EditSpec.Extent()
  ) throws -> Value {
    guard mode.donors?.donorDepth ?? 0 < PromptSet.deepestDonors else {
      throw failure("donors of donors are nested more than \(PromptSet.deepestDonors) deep")
    }
    var set = set
    let isSwept = declares("each") && hasFlag("each")
    if isSwept, set.sweep != nil {
      throw failure("this pipeline already has an `each`", help: "sweep one thing")
    }
    for prompt in set.prompts {
      for kind in targets.kinds {
        try placing(at: span) { try prompt.checkPositions(kind) }
      }
    }
    let text = "\(command.name) \(session.source.text(in: span)) \(words)"
    var spec = EditSpec(
      targets: targets, mode: mode, span: span, source: session.source,
      description: text.split(whereSeparator: \.isWhitespace).joined(separator: " "),
      extent: extent)
    try keepPairs(in: &set, &spec)
    set.append(spec, isSwept: isSwept)
    return .prompts(set)
  }

  /// Leaves out of a set the prompts whose positions do not pair with those of what a patch takes
  /// its values from, and warns of them. The edit keeps the donors of those that stay.
  ///
  /// - Throws: `Failure` where none pairs, or a single prompt does not.
  private func keepPairs(in set: inout PromptSet, _ edit: inout EditSpec) throws {
    let donors: [Prompt?]
    switch edit.mode {
    case .patch(let given): donors = given.prompts
    case .patchFromCounterpart: donors = set.prompts.map(\.counterpart)
    case .zero, .mean, .resample, .inject, .freeze, .scale, .steer, .along, .noise, .knockout:
      return
    }
    var (kept, first) = ([Int](), Failure?.none)
    for (index, prompt) in set.prompts.enumerated() {
      try Interruption.check()
      do {
        try PositionPairs.check(
          edit.targets, of: prompt, with: donors.count == 1 ? donors[0] : donors[index])
        kept.append(index)
      } catch let failure as Failure {
        first = first ?? failure.placed(at: edit.span, in: session.source)
      }
    }
    guard var first else { return }
    let (all, dropped) = (set.prompts.count, set.prompts.count - kept.count)
    guard all > 1 else { throw first }
    guard !kept.isEmpty else {
      first.message =
        "the positions of none of these \(all) prompts pair with the donor's: \(first.message)"
      throw first
    }
    warn(
      "\(dropped) of \(all) prompts are left out, whose positions do not pair with the donor's: "
        + first.message + (dropped > 1 ? ", and \(dropped - 1) more" : ""), help: first.help)
    edit.keepDonors(at: kept, ofPrompts: all)
    set.keep(kept)
  }

  /// Prompts that values are taken from: of the same model, and not swept.
  func donors(
    _ donors: PromptSet, at parameter: String, for set: PromptSet
  ) throws -> PromptSet {
    guard donors.model === set.model else {
      let (theirs, ours) = (session.name(of: donors.model), session.name(of: set.model))
      throw Failure(
        theirs == ours
          ? "these prompts are of '\(ours)' as it was loaded another time"
          : "these prompts are of '\(theirs)', and '\(ours)' is edited",
        help: "`with \(ours)` reads prompts again: (… | with \(ours))", span: span(of: parameter))
    }
    guard donors.sweep == nil else {
      throw Failure(
        "values cannot be taken from a sweep", help: "omit `each`", span: span(of: parameter))
    }
    // Each shard's prompts get the values that they would get in the whole.
    return donors.undivided
  }
}

extension PromptSet {
  /// For messages and what `save` writes: the one prompt's name, or how many there are.
  var summary: String { prompts.count == 1 ? "'\(prompts[0].name)'" : "\(prompts.count) prompts" }
}

extension Place {
  /// - Throws: `Failure` where 0 makes no number of what comes after.
  func refuseZero() throws {
    guard !sites.contains(where: { $0.site.activation.isScale }) else {
      throw Failure(
        "\(label) is what a norm divides by, and cannot be zero",
        help: "ablate it to its mean: mean over PROMPTS")
    }
  }
}
