import Lang
import Model

/// A place that is looked at.
struct InspectedPlace {
  var place: Place
  var part: Place.SitePart
  var position: Position.Kind?
  var span: SourceSpan
}

extension Invocation {
  /// The places that the first parameter's selectors mean; `part` says what is read of each.
  func places(
    on set: PromptSet, for measure: String, part: (Place) throws -> Place.SitePart
  ) throws -> [InspectedPlace] {
    let parameter = command.parameters.first { $0.form == .positional }?.name ?? ""
    let selected = try selectors(parameter)
    try refuseMixedPositions(in: selected, of: parameter)
    let read = try positions("at", in: set)
    if read != nil, let placed = selected.first(where: { $0.selector.position != nil }) {
      throw Failure(
        "`at` and `@` both give positions: '\(placed.selector.text)' has its own",
        help: "omit one of them", span: placed.span)
    }
    return try selected.flatMap { selector, span in
      try placing(at: span) {
        try selector.places(on: set.model.configuration, for: .reading).map { place in
          InspectedPlace(
            place: place, part: try part(place), position: selector.position ?? read,
            span: read == nil ? span : self.span(of: "at"))
        }
      }
    }
  }

  /// Runs the prompts and hands over each place's numbers, prompt by prompt. Only the positions that
  /// are looked at are kept.
  func inspect(
    _ set: PromptSet, _ places: [InspectedPlace], default kind: Position.Kind,
    _ body: (Prompt, Place, _ position: Int, [Float]) throws -> Void
  ) throws {
    let cases = try session.cases(of: set)
    let configuration = set.model.configuration
    let rows = try cases.reduce(0) { sum, item in
      try Interruption.check()
      return try places.reduce(sum) { sum, place in
        let units =
          place.part.units?.count ?? configuration.unitCount(place.part.site)
        return try placing(at: place.span) {
          try item.prompt.positions(place.position ?? kind).reduce(sum) {
            $0 + units * configuration.unitWidth(place.part.site.activation, sources: $1 + 1)
          }
        }
      }
    }
    try reserve(
      rows: rows, bytes: 2 * (6 * 16 + 4),
      help: "name fewer places, or a position as in `@last`")
    for item in cases {
      let positions = try places.map { place in
        try placing(at: place.span) { try item.prompt.positions(place.position ?? kind) }
      }
      var wanted: [Site: Set<Int>] = [:]
      for (place, positions) in zip(places, positions) {
        wanted[place.part.site, default: []].formUnion(positions)
      }
      let captures = wanted.mapValues { RunRequest.Positions.some($0.sorted()) }
      var results = try session.results(of: [item], on: set.model, label: command.name) { _ in
        Measurement(captures: captures) { $0.activations }
      }
      while let (item, activations) = try results.next() {
        for (place, positions) in zip(places, positions) {
          try Interruption.check()
          guard let activation = activations[place.part.site] else { continue }
          for position in positions {
            guard let i = activation.positions.firstIndex(of: position) else { continue }
            let row =
              place.part.units.map { $0.flatMap { Array(activation[i, $0]) } } ?? activation[i]
            try body(item.prompt, place.place, position, row)
          }
        }
      }
    }
  }
}
