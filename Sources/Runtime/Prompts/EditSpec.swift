import Lang
import Model

/// An edit as a line says it, for any prompt: `ablate L9H8@last mean over country`.
struct EditSpec: Sendable {
  /// What is changed, with the position that the selector gave it.
  let targets: EditTargets
  var mode: Mode
  /// Where it stands, and in what text, for errors that only a measure can show: by then another
  /// line is being run.
  var span: SourceSpan
  var source: SourceText
  /// As written: `ablate L9H8@last zero`.
  var description: String
  /// Where all edges outside of a circuit are changed: the circuit. The targets are then what all writers give.
  let circuit: Circuit?
  /// Of paths of several edges: whether MLPs on the way compute again.
  let passesMLPs: Bool
  /// Tells apart edits that were written at one place, as two calls of a `def` make them.
  let identity = Identity()

  final class Identity: Sendable {}

  init(
    targets: EditTargets, mode: Mode, span: SourceSpan, source: SourceText, description: String,
    extent: Extent = Extent()
  ) {
    self.targets = targets
    self.mode = mode
    self.span = span
    self.source = source
    self.description = description
    circuit = extent.circuit
    passesMLPs = extent.passesMLPs
  }

  /// The positions that selectors gave, each once.
  var kinds: [Position.Kind] { targets.kinds }

  /// Whether its targets are edges, all of them, or what is outside of a circuit.
  var isOfEdges: Bool { circuit != nil || targets.areEdges }

  var isKnockout: Bool { if case .knockout = mode { true } else { false } }

  /// What else than its targets an edit changes.
  struct Extent {
    var circuit: Circuit?
    var passesMLPs = false
  }

  struct Target: Sendable {
    var place: Place
    /// Nil: every position.
    var position: Position.Kind?
  }

  indirect enum Mode: Sendable {
    case zero
    /// The mean over the runs of a set.
    case mean(over: PromptSet)
    /// What another prompt of a set has there, drawn for each prompt; `within` only from those of
    /// its relation.
    case resample(over: PromptSet, seed: Int, withinRelation: Bool)
    /// What a donor has there: one for all prompts, or one for each.
    case patch(from: PromptSet)
    /// What its counterpart has there.
    case patchFromCounterpart
    /// A donor's state from elsewhere, which each target's place names: one donor for all prompts, or one for
    /// each.
    case inject(from: PromptSet, Injection)
    /// What the prompt's own run has there without any edit.
    case freeze
    case scale(Float)
    /// Plus a vector.
    case steer(Steering)
    /// Along a direction, and nothing else.
    case along(Along)
    /// Plus normal random numbers, `times` as wide as the site's own are in a set.
    case noise(times: Float, over: PromptSet, seed: Int)
    /// Attention from these positions is taken away; the targets are `attn_scores`.
    case knockout(source: Position.Kind)

    /// What is added.
    enum Steering: Sendable {
      case vector([Float])
      /// The decoder row of each feature that is named, times a number.
      case features(times: Float)
    }

    /// The prompts whose runs give the values.
    var donors: PromptSet? {
      switch self {
      case .mean(let set), .resample(let set, _, _), .patch(let set), .noise(_, let set, _),
        .inject(let set, _):
        set
      case .zero, .patchFromCounterpart, .freeze, .scale, .steer, .along, .knockout: nil
      }
    }
  }

  /// The prompts that a patch takes its values from: one for all of a set, or one for each.
  func patchDonors(for set: PromptSet) -> PromptSet? { mode.patchDonors(for: set) }

  /// Some of the prompts stay: so do the donors that were given one for each.
  mutating func keepDonors(at indices: [Int], ofPrompts count: Int) {
    guard var donors = mode.ownDonors, donors.prompts.count > 1, donors.prompts.count == count
    else { return }
    donors.keep(indices)
    mode = mode.taking(donors)
  }

  /// The sites that it reads of the run of a donor, and at what positions.
  func sites(read donor: Prompt) throws -> [Site: RunRequest.Positions] {
    var sites: [Site: RunRequest.Positions] = [:]
    func add(_ site: Site, _ positions: RunRequest.Positions) {
      sites[site] = sites[site].map { $0.joined(with: positions) } ?? positions
    }
    for source in targets.sources {
      add(source.part.site, .some(try donor.positions(source.position)))
    }
    for read in targets.reads { add(read.site, try donor.donorPositions(read.position)) }
    return sites
  }
}

extension EditSpec.Mode {
  /// Whether it changes more if it is done twice.
  var accumulates: Bool {
    switch self {
    case .scale, .steer, .along, .noise: true
    case .zero, .mean, .resample, .patch, .patchFromCounterpart, .inject, .freeze, .knockout: false
    }
  }

  var isZero: Bool { if case .zero = self { true } else { false } }

  /// What it does at every position alike; nil where that takes a run, or positions.
  ///
  /// - Throws: `ModelError` where the weights of a dictionary cannot be read.
  func uniformChange(of part: Place.SitePart) throws -> Edit.Change? {
    switch self {
    case .zero: part.editedFeatures(.zero) ?? .zero
    case .scale(let factor): part.editedFeatures(.scale(factor)) ?? .scale(factor)
    case .steer(.vector(let vector)):
      // The vector is as wide as what a selector names; several heads of a layer are one edit.
      .add(Array(repeatElement(vector, count: part.units?.count ?? 1).joined()))
    case .steer(.features(let times)): .add(try part.decoderRows(times: times))
    case .along(let along): .along(along)
    case .mean, .resample, .patch, .patchFromCounterpart, .inject, .freeze, .noise, .knockout: nil
    }
  }

  /// - Throws: `Failure` where features cannot be edited so.
  func checkFeatures(_ place: Place) throws {
    switch self {
    case .zero, .mean, .resample, .patch, .patchFromCounterpart, .freeze, .scale: return
    case .steer(.features):
      guard place.isAllFeatures || place.sites.contains(where: { $0.feature?.isError == true })
      else { return }
      throw Failure("'\(place.label)' is not one feature", help: "steer L12F5 by 3")
    case .steer(.vector):
      throw Failure(
        "'\(place.label)' is one number, to which no vector can be added",
        help: "`steer \(place.label) by 3` adds three times its decoder row")
    case .along, .inject, .noise, .knockout:
      throw Failure(
        "'\(place.label)' is of a dictionary, whose features can be ablated, scaled, patched, frozen or "
          + "steered", help: "of the site itself: L\(place.layer ?? 0).resid_post")
    }
  }

  func patchDonors(for set: PromptSet) -> PromptSet? {
    switch self {
    case .patch(let donors): donors
    case .patchFromCounterpart: set.counterparts
    case .zero, .mean, .resample, .inject, .freeze, .scale, .steer, .along, .noise, .knockout: nil
    }
  }

  /// The donors that each prompt may have one of.
  var ownDonors: PromptSet? {
    switch self {
    case .patch(let donors), .inject(let donors, _): donors
    case .zero, .mean, .resample, .patchFromCounterpart, .freeze, .scale, .steer, .along, .noise,
      .knockout:
      nil
    }
  }

  /// The same with other donors in the place of these.
  func taking(_ donors: PromptSet) -> EditSpec.Mode {
    switch self {
    case .patch: .patch(from: donors)
    case .inject(_, let injection): .inject(from: donors, injection)
    case .zero, .mean, .resample, .patchFromCounterpart, .freeze, .scale, .steer, .along, .noise,
      .knockout:
      self
    }
  }
}

extension Prompt {
  /// The last place and spans are the donor's own; all else is paired by number with the edited
  /// prompt's, which has as many tokens.
  fileprivate func donorPositions(_ kind: Position.Kind?) throws -> RunRequest.Positions {
    switch kind {
    case .name, .index(-1): .some(try positions(kind ?? .all))
    case .all, .index, .range, .text, .set, .except, nil: .all
    }
  }
}

extension RunRequest.Positions {
  fileprivate func joined(with other: Self) -> Self {
    switch (self, other) {
    case (.some(let a), .some(let b)): .some(Set(a).union(b).sorted())
    case (.all, _), (_, .all): .all
    }
  }
}

/// One run of one prompt out of a sweep: what is changed, and how a table names it.
struct Variant: Sendable {
  var place: Place
  /// Where the selector gave a position.
  var position: Int?
  /// As the selector gave it.
  var kind: Position.Kind?
  var edits: [Edit]
}
