import Lang
import Model

// States of one prompt put into another, elsewhere (Patchscopes: Ghandeharioun et al. 2024).

/// Where a state is read in the run of a donor.
struct StateSource: Sendable, Hashable {
  /// `L12.resid_post@last`: what the column `source` shows.
  var label: String
  var layer: Int?
  var part: Place.SitePart
  var position: Position.Kind
}

/// What becomes of a state on its way.
struct Injection: Sendable {
  var map: AffineMap?
  /// What it is multiplied by, after the map.
  var times: Float

  /// - Parameter states: [n][d_in].
  func applied(to states: [[Float]], on pool: WorkerPool) throws -> [[Float]] {
    let mapped = try map?.applied(to: states, on: pool) ?? states
    guard times != 1 else { return mapped }
    return mapped.map { state in state.map { $0 * times } }
  }
}

extension StateSource {
  /// Which of a donor's states stands for each of a prompt's positions: one for all, or one for each.
  ///
  /// - Parameters:
  ///   - count: how many states there are.
  ///   - positions: that are edited.
  ///   - all: what the edited selector means in the prompt; `positions` are some of them.
  func pairs(_ count: Int, with positions: [Int], of all: [Int], in prompt: Prompt) throws -> [Int]
  {
    if count == 1 { return positions.map { _ in 0 } }
    guard count == all.count else {
      throw Failure(
        "\(label) is \(count) states, and \(all.count) positions of '\(excerpt(prompt.name))' are edited",
        help: "name one state, as in L12.resid_post@last, or as many as there are positions")
    }
    return try positions.map { position in
      guard let index = all.firstIndex(of: position) else {
        throw Failure("no state stands for position \(position)")
      }
      return index
    }
  }
}

extension EditBinder {
  /// The states that an edit puts at some positions of a prompt.
  mutating func injected(
    _ spec: EditSpec, _ place: Place, _ kind: Position.Kind?, at positions: [Int],
    ofPrompt index: Int
  ) throws -> [Edit] {
    guard case .inject(_, let injection) = spec.mode, let source = place.source,
      let part = place.sites.first, !positions.isEmpty
    else { return [] }
    let prompt = set.prompts[index]
    let states = try injection.applied(
      to: self.states(spec, source, ofPrompt: index), on: set.model.transformer.pool)
    let pairs = try source.pairs(
      states.count, with: positions, of: prompt.positions(kind ?? .all), in: prompt)
    return [
      Edit(
        site: part.site, units: part.units, positions: positions,
        change: .replace(pairs.map { states[$0] }))
    ]
  }
}

extension Invocation {
  /// The prompts with states of donors put at the places that `site` names: `patch … from … at …`.
  func injected(_ set: PromptSet, from donors: PromptSet) throws -> Value {
    let configuration = set.model.configuration
    let injection = Injection(map: try affineMap("map", of: set.model), times: try factor("times"))
    let selected = try selectors("site")
    try refuseMixedPositions(in: selected, of: "site")
    let sources = try stateSources(of: donors)
    let isSwept = hasFlag("each")
    guard sources.count == 1 || isSwept else {
      throw Failure(
        "these are \(sources.count) states, and one is put at a place",
        help: "name one, or sweep over them: patch each …", span: span(of: "at"))
    }
    let targets = try selected.flatMap { selector, span in
      try placing(at: span) {
        try selector.places(on: configuration, for: .editing).flatMap { place in
          try sources.map { source in
            try check(place, source, injection, configuration)
            var place = place
            place.source = source
            return EditSpec.Target(place: place, position: selector.position)
          }
        }
      }
    }
    try checkPairs(of: set, with: donors, targets)
    let words = [
      "from \(donors.summary) at \(session.source.text(in: span(of: "at")))",
      expression("map").map { "map \(session.source.text(in: $0.span))" },
      injection.times == 1 ? nil : "times \(injection.times)",
    ].compactMap { $0 }.joined(separator: " ")
    return try edited(
      set, EditTargets(targets), .inject(from: donors, injection), at: span(of: "site"),
      words: words)
  }

  private func factor(_ parameter: String) throws -> Float {
    let factor = Float(try number(parameter) ?? 1)
    guard factor.isFinite else {
      throw Failure("this number is larger than F32 can hold", span: span(of: parameter))
    }
    return factor
  }

  /// Each site that `at` names, with its position.
  private func stateSources(of donors: PromptSet) throws -> [StateSource] {
    var seen: Set<StateSource> = []
    return try selectors("at").flatMap { selector, span in
      try placing(at: span) {
        guard let position = selector.position else {
          throw Failure(
            "'\(selector.text)' has no position", help: "write \(selector.text)@last, or @subject")
        }
        for donor in donors.prompts { _ = try donor.positions(position) }
        return try selector.places(on: donors.model.configuration, for: .reading).map { place in
          _ = try place.oneSite(for: "read")
          return StateSource(
            label: "\(place.label)@\(position.text)", layer: place.layer, part: place.sites[0],
            position: position)
        }
      }
    }.filter { seen.insert($0).inserted }
  }

  private func check(
    _ place: Place, _ source: StateSource, _ injection: Injection, _ configuration: Configuration
  ) throws {
    _ = try place.oneSite(for: "put the state at")
    var width = configuration.width(of: Place(label: source.label, sites: [source.part]))
    if let map = injection.map {
      guard map.inputWidth == width else {
        throw Failure(
          "\(source.label) has \(width) elements, and the map takes \(map.inputWidth)",
          span: span(of: "map"))
      }
      width = map.outputWidth
    }
    guard configuration.width(of: place) == width else {
      throw Failure(
        "\(place.label) has \(configuration.width(of: place)) elements, and the state \(width)",
        help: "states go between sites of one width")
    }
  }

  /// What cannot be paired in some prompt is an error here, where it stands.
  private func checkPairs(of set: PromptSet, with donors: PromptSet, _ targets: [EditSpec.Target])
    throws
  {
    let kinds = Set(targets.map(\.position))
    for (index, prompt) in set.prompts.enumerated() {
      try Interruption.check()
      let donor = donors.prompts[donors.donorIndex(forPrompt: index)]
      // What is fed of an answer is not there yet.
      if prompt.hasWholeAnswer { continue }
      for kind in kinds {
        let positions = try placing(at: span(of: "site")) { try prompt.positions(kind ?? .all) }
        for source in Set(targets.compactMap(\.place.source)) {
          try placing(at: span(of: "at")) {
            _ = try source.pairs(
              try donor.positions(source.position).count, with: positions, of: positions, in: prompt
            )
          }
        }
      }
    }
  }
}
