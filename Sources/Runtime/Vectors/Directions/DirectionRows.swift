import Lang
import Model

/// What was read at one place: a row for each prompt and position.
struct DirectionRows {
  let place: InspectedPlace
  private let width: Int
  private var elements: [Double] = []
  /// Of each row the prompt.
  private(set) var prompts: [Int] = []

  init(_ place: InspectedPlace, width: Int) {
    self.place = place
    self.width = width
  }

  mutating func append(_ numbers: [Float], of prompt: Int) {
    elements += numbers.map(Double.init)
    prompts.append(prompt)
  }

  func fit(
    _ sides: DirectionSides, _ method: DirectionMethod, _ split: DirectionSplit,
    _ options: DirectionOptions
  ) throws -> ([Double], DirectionFit) {
    guard elements.allSatisfy(\.isFinite) else {
      throw Failure("\(place.place.label) has numbers that are infinite or NaN")
    }
    let data = LabelledRows(
      rows: Matrix(rows: prompts.count, columns: width, elements: elements),
      labels: prompts.map { sides.isPositive[$0] })
    let held = Set(split.test)
    var ofRows = split
    ofRows.train = prompts.indices.filter { !held.contains(prompts[$0]) }
    ofRows.test = prompts.indices.filter { held.contains(prompts[$0]) }
    return try Runtime.fit(
      data, method, ofRows, pairs: try options.isPaired ? pairs(sides) : nil,
      shuffles: options.shuffles, seed: options.seed)
  }

  /// Rows of two prompts that are a pair.
  private func pairs(_ sides: DirectionSides) throws -> [(Int, Int)] {
    let rows = Dictionary(grouping: prompts.indices, by: { prompts[$0] })
    return try (sides.pairs ?? []).flatMap { one, other in
      let (first, second) = (rows[one] ?? [], rows[other] ?? [])
      guard first.count == second.count else {
        throw Failure("the prompts of a pair are read at different numbers of positions")
      }
      return Array(zip(first, second))
    }
  }
}

extension Invocation {
  /// Where directions are looked for: one place, or with `each` one for every component and position.
  func directionPlaces(_ set: PromptSet, isSwept: Bool) throws -> [InspectedPlace] {
    let selected = try selectors("at")
    try refuseMixedPositions(in: selected, of: "at")
    let places = try selected.flatMap { selector, span in
      try placing(at: span) {
        try selector.places(on: set.model.configuration, for: .reading).map { place in
          _ = try place.oneSite(for: "find a direction")
          return InspectedPlace(
            place: place, part: place.sites[0], position: selector.position ?? .name("last"),
            span: span)
        }
      }
    }
    guard isSwept else {
      guard places.count == 1 else {
        throw Failure(
          "a direction is found at one site, and these are \(places.count)",
          help: "`direction each …` gives a table of all", span: span(of: "at"))
      }
      return places
    }
    return try places.flatMap { place in
      try placing(at: place.span) {
        try set.sweptKinds(place.position ?? .name("last")).map { kind in
          var one = place
          one.position = kind
          return one
        }
      }
    }
  }

  /// Runs the prompts, and gathers what is read at each place.
  func directionRows(_ set: PromptSet, _ places: [InspectedPlace]) throws -> [DirectionRows] {
    let c = set.model.configuration
    var rows = places.map { DirectionRows($0, width: c.width(of: $0.place)) }
    var inspection = try Inspection(self, of: set, places, default: .name("last"))
    while let row = try inspection.next() {
      rows[row.placeIndex].append(row.numbers, of: row.index)
    }
    return rows
  }
}

extension PromptSet {
  /// The positions that a sweep goes through: the members of a set, and single positions where all prompts
  /// have equally many.
  fileprivate func sweptKinds(_ kind: Position.Kind) throws -> [Position.Kind] {
    switch kind {
    case .set(let kinds): return try kinds.flatMap(sweptKinds)
    case .all, .range:
      let positions = try prompts.map { try $0.positions(kind) }
      guard let first = positions.first, positions.allSatisfy({ $0 == first }) else {
        throw Failure(
          "`each` over positions needs prompts of equal length",
          help: "name positions that all prompts have: @{subject,last}")
      }
      return first.map { .index($0) }
    case .index, .name, .text, .except: return [kind]
    }
  }
}
