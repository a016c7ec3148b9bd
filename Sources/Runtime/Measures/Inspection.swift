import Lang
import Model

/// A place that is looked at.
struct InspectedPlace {
  var place: Place
  var part: Place.SitePart
  var position: Position.Kind?
  var span: SourceSpan

  struct Name: Hashable {
    var place: Place
    var position: Position.Kind?
  }

  var name: Name { Name(place: place, position: position) }
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
    // What a list names twice is read once.
    var seen: Set<InspectedPlace.Name> = []
    return try selected.flatMap { selector, span in
      try placing(at: span) {
        try selector.places(
          on: set.model.configuration, for: .reading,
          dictionaries: ["activations", "examples"].contains(measure)
            ? session.dictionaries(of: set.model) : nil
        ).map { place in
          InspectedPlace(
            place: place, part: try part(place), position: selector.position ?? read,
            span: read == nil ? span : self.span(of: "at"))
        }
      }
    }.filter { seen.insert($0.name).inserted }
  }

  /// Runs the prompts and hands over each place's numbers, prompt by prompt. Only the positions that
  /// are looked at are kept.
  func inspect(
    _ set: PromptSet, _ places: [InspectedPlace], default kind: Position.Kind,
    _ body: (Prompt, Place, _ position: Int, [Float]) throws -> Void
  ) throws {
    var inspection = try Inspection(self, of: set, places, default: kind)
    try inspection.reserveTable(self)
    while let row = try inspection.next() {
      try body(row.prompt, row.place, row.position, row.numbers)
    }
  }
}

/// The numbers at some places of every prompt, as a loop pulls them: a batch of prompts is run when
/// the first of its numbers is asked for.
struct Inspection {
  /// What is read of one prompt, one place and one position.
  struct Row {
    /// The prompt's number in its set.
    var index: Int
    var prompt: Prompt
    /// Which of the places that are looked at.
    var placeIndex: Int
    var place: Place
    var position: Int
    var numbers: [Float]

    /// The numbers as results have them: NaN for one that is not finite. Only scores before a window are
    /// −∞ by right, and stay.
    var shown: [Float] {
      let areScores = place.sites[0].site.activation == .attnScores
      return numbers.map { $0.isFinite || areScores && $0 == -.infinity ? $0 : .nan }
    }
  }

  private let places: [InspectedPlace]
  /// Of each prompt and place; none of the prompts that are not measured.
  private let positions: [[[Int]]]
  private let cases: [Case]
  private let configuration: Configuration
  /// The next case with the numbers at its places.
  typealias Source = () throws -> (item: Case, activations: [Site: CapturedActivation])?
  private let source: Source
  /// Of the prompt at hand, the next first.
  private var rows: ArraySlice<Row> = []

  /// - Parameters:
  ///   - kind: the position of places that name none.
  ///   - source: gives what is read of some cases, at the places that are wanted of each; nil: their runs'
  ///     activations.
  init(
    _ call: Invocation, of set: PromptSet, _ places: [InspectedPlace], default kind: Position.Kind,
    source: (([Case], _ wanted: (Case) -> [Site: RunRequest.Positions]) throws -> Source)? = nil
  ) throws {
    self.places = places
    configuration = set.model.configuration
    let cases = try call.session.cases(of: set)
    self.cases = cases
    var positions = [[[Int]]](repeating: [], count: set.prompts.count)
    try cases.forEachChecked { item in
      positions[item.index] = try places.map { place in
        try placing(at: place.span) { try item.prompt.positions(place.position ?? kind) }
      }
    }
    self.positions = positions
    func wanted(_ item: Case) -> [Site: RunRequest.Positions] {
      var wanted: [Site: Set<Int>] = [:]
      for (place, positions) in zip(places, positions[item.index]) {
        for site in place.part.readSites { wanted[site, default: []].formUnion(positions) }
      }
      return wanted.mapValues { .some($0.sorted()) }
    }
    if let source {
      self.source = try source(cases, wanted)
      return
    }
    var results = try call.session.results(
      of: cases, on: set.model, label: call.command.name
    ) { item in
      Measurement(captures: wanted(item)) { $0.activations }
    }
    self.source = { try results.next().map { (item: $0.item, activations: $0.reading) } }
  }

  mutating func next() throws -> Row? {
    while rows.isEmpty {
      guard let (item, activations) = try source() else { return nil }
      rows = try read(item, activations)[...]
    }
    return rows.popFirst()
  }

  private func read(_ item: Case, _ activations: [Site: CapturedActivation]) throws -> [Row] {
    var rows: [Row] = []
    for (placeIndex, (place, positions)) in zip(places, positions[item.index]).enumerated() {
      try Interruption.check()
      for position in positions {
        guard let numbers = try place.part.values(in: activations, at: position) else { continue }
        rows.append(
          Row(
            index: item.index, prompt: item.prompt, placeIndex: placeIndex, place: place.place,
            position: position,
            numbers: numbers))
      }
    }
    return rows
  }

  /// How many numbers a place has at a position.
  private func width(_ place: InspectedPlace, at position: Int) -> Int {
    let units = place.part.units?.count ?? configuration.unitCount(place.part.site)
    return units * configuration.unitWidth(place.part.site.activation, sources: position + 1)
  }

  /// Holds the table of all numbers, a row each, against the memory there is.
  func reserveTable(_ call: Invocation) throws {
    let rows = try positions.reduce(0) { sum, positions in
      try Interruption.check()
      return zip(places, positions).reduce(sum) { sum, found in
        found.1.reduce(sum) { $0 + width(found.0, at: $1) }
      }
    }
    try call.reserve(
      rows: rows, bytes: 2 * (6 * 16 + 4),
      help: "name fewer places, or a position as in `@last`")
  }

  /// How many numbers every row has; nil where they differ, as they do over sources.
  var commonWidth: Int? {
    guard !places.contains(where: { $0.part.site.activation.isOverSources }) else { return nil }
    let widths = Set(places.map { width($0, at: 0) })
    return widths.count == 1 ? widths.first : nil
  }

  /// The one place that is looked at; nil where there are several.
  var onlyPlace: Place? {
    Set(places.map(\.place)).count == 1 ? places.first?.place : nil
  }

  /// What each row will be, without its numbers.
  func forEachPlace(_ body: (Prompt, _ index: Int, Place, _ position: Int) throws -> Void) throws {
    for item in cases {
      try Interruption.check()
      for (place, positions) in zip(places, positions[item.index]) {
        for position in positions { try body(item.prompt, item.index, place.place, position) }
      }
    }
  }
}
