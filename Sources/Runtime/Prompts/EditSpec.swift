import Lang
import Model

/// An edit as a line says it, for any prompt: `ablate L9H8@last mean over country`.
struct EditSpec: Sendable {
  /// What is changed, with the position that the selector gave it.
  var targets: [Target]
  var mode: Mode
  /// Where it stands, and in what text, for errors that only a measure can show: by then another
  /// line is being run.
  var span: SourceSpan
  var source: SourceText
  /// As written: `ablate L9H8@last zero`.
  var description: String
  /// Tells apart edits that were written at one place, as two calls of a `def` make them.
  let identity = Identity()

  final class Identity: Sendable {}

  struct Target: Sendable {
    var place: Place
    /// Nil: every position.
    var position: Position.Kind?
  }

  indirect enum Mode: Sendable {
    case zero
    case mean(over: PromptSet)
  }
}

/// One run of one prompt out of a sweep: what is changed, and how a table names it.
struct Variant: Sendable {
  var place: Place
  /// Where the selector gave a position.
  var position: Int?
  var edits: [Edit]
}

/// Binds edits to prompts. Means are computed once for all prompts.
struct EditBinder {
  private var means: [ObjectIdentifier: MeanSource] = [:]
  private let runner: (PromptSet, [Site]) throws -> [RunResult]

  /// - Parameter runner: runs a set of prompts and keeps some sites at all positions.
  init(runner: @escaping (PromptSet, [Site]) throws -> [RunResult]) {
    self.runner = runner
  }

  /// The edits that a spec, taken as a whole, makes on a prompt.
  mutating func edits(_ spec: EditSpec, on prompt: Prompt) throws -> [Edit] {
    try placing(at: spec.span, in: spec.source) {
      try spec.targets.flatMap { target in
        let positions = try prompt.positions(target.position ?? .all)
        return try edits(spec, target, at: positions, on: prompt)
      }
    }
  }

  /// The runs that a sweep makes of a prompt: one a component, and one a position where the
  /// selector gave positions.
  mutating func variants(_ spec: EditSpec, on prompt: Prompt) throws -> [Variant] {
    try placing(at: spec.span, in: spec.source) {
      try spec.targets.flatMap { target -> [Variant] in
        guard let kind = target.position else {
          let all = Array(prompt.tokens.indices)
          return [
            Variant(
              place: target.place, position: nil,
              edits: try edits(spec, target, at: all, on: prompt))
          ]
        }
        return try prompt.positions(kind).map { position in
          Variant(
            place: target.place, position: position,
            edits: try edits(spec, target, at: [position], on: prompt))
        }
      }
    }
  }

  private mutating func edits(
    _ spec: EditSpec, _ target: EditSpec.Target, at positions: [Int], on prompt: Prompt
  ) throws -> [Edit] {
    try target.place.sites.map { part in
      let change: Edit.Change
      switch spec.mode {
      case .zero: change = .zero
      case .mean(let set):
        let source = try meanSource(spec, set)
        change = .replace(try source.rows(part, target.position, at: positions, of: prompt))
      }
      return Edit(site: part.site, units: part.units, positions: positions, change: change)
    }
  }

  private mutating func meanSource(_ spec: EditSpec, _ set: PromptSet) throws -> MeanSource {
    let key = ObjectIdentifier(spec.identity)
    if let known = means[key] { return known }
    let sites = Array(Set(spec.targets.flatMap { $0.place.sites.map(\.site) }))
    let source = MeanSource(set: set, results: try runner(set, sites))
    means[key] = source
    return source
  }
}

/// Mean activations over a set of prompts. At `@last` the mean is over that place of every prompt,
/// at a span over all its tokens; else it is taken position by position, which needs equal lengths.
private struct MeanSource {
  let set: PromptSet
  let results: [RunResult]

  func rows(
    _ part: Place.SitePart, _ kind: Position.Kind?, at positions: [Int], of prompt: Prompt
  ) throws -> [[Float]] {
    switch kind {
    case .name, .index(-1):
      let mean = try mean(part, set.prompts.map { try $0.positions(kind ?? .all) })
      return positions.map { _ in mean }
    case .all, .index, .range, .text, .set, nil:
      let lengths = Set((set.prompts + [prompt]).map(\.tokens.count))
      guard lengths.count == 1 else {
        throw Failure(
          "a mean position by position needs prompts of one length; these have "
            + lengths.sorted().map(String.init).joined(separator: ", ") + " tokens",
          help: "give a place that every prompt has: @last, or a span such as @subject")
      }
      return try positions.map { position in try mean(part, set.prompts.map { _ in [position] }) }
    }
  }

  /// The mean over `places` of every prompt, summed in double precision in their order.
  private func mean(_ part: Place.SitePart, _ places: [[Int]]) throws -> [Float] {
    var sum: [Double] = []
    var count = 0
    for (result, positions) in zip(results, places) {
      guard let activation = result.activations[part.site] else { continue }
      for position in positions {
        let row =
          part.units.map { units in units.flatMap { Array(activation[position, $0]) } }
          ?? activation[position]
        if sum.isEmpty { sum = [Double](repeating: 0, count: row.count) }
        guard sum.count == row.count else {
          throw Failure(
            "the mean of \(part.site.activation.rawValue) needs places with as many sources",
            help: "give prompts of one length")
        }
        for i in row.indices { sum[i] += Double(row[i]) }
        count += 1
      }
    }
    return sum.map { Float($0 / Double(count)) }
  }
}
