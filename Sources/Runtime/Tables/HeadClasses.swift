import Lang
import Model

/// What components are told apart by: how much of what they add they read from one span, and how
/// much from another ("Summing Up the Facts", Chughtai, Cooney, Nanda: subject, relation and mixed
/// heads).
struct HeadClasses {
  /// The two spans, after which classes are named: `subject`, `relation`.
  var spans = (first: "subject", second: "relation")
  /// How many times the other a part must be for the component to be of its class.
  var threshold = 10.0
  /// How many components matter, the largest first; nil: all.
  var top: Int?
  /// What a component must add more than to matter.
  var floor = 0.0
  var sign = Sign.positive
  var aggregation = Aggregation.mean

  enum Sign: String, Choice {
    /// What counts is what raises the logit: a negative total does not matter, a negative part is
    /// nothing.
    case positive
    /// Whatever moves the logit counts, by its size.
    case absolute

    var summary: String {
      switch self {
      case .positive: "only parts that raise the logit"
      case .absolute: "all parts, by their size"
      }
    }
  }

  /// How several relations, and several rows of one, become one number.
  enum Aggregation: String, Choice { case mean, median }

  enum Class: Int, CaseIterable { case first, second, mixed, none }

  /// What one component adds: to the answer through either span, and through all.
  struct Parts {
    var first = 0.0
    var second = 0.0
    var total = 0.0
  }

  struct Classified {
    /// Among the components of the evidence.
    var index: Int
    var parts: Parts
    var ratio: Double
    var group: Class
  }

  func name(_ group: Class) -> String {
    switch group {
    case .first: spans.first
    case .second: spans.second
    case .mixed: "mixed"
    case .none: "none"
    }
  }

  // MARK: Classes

  /// Every component with its class, those that add most first.
  ///
  /// - Parameter parts: of each component, one for each relation.
  func classes(of parts: [[Parts]]) throws -> [Classified] {
    let all = try parts.enumerated().mapChecked { index, parts in
      let parts = try aggregated(parts)
      let (first, second) = (part(parts.first), part(parts.second))
      return Classified(
        index: index, parts: parts, ratio: second > 0 ? first / second : .nan, group: .none)
    }
    let ordered = all.sorted {
      let (one, other) = (size($0.parts.total), size($1.parts.total))
      return one != other ? one > other : $0.index < $1.index
    }
    return ordered.enumerated().map { place, component in
      var component = component
      let matters = place < top ?? .max && size(component.parts.total) > floor
      component.group = matters ? group(component.parts) : .none
      return component
    }
  }

  private func group(_ parts: Parts) -> Class {
    let (first, second) = (part(parts.first), part(parts.second))
    if first == 0 && second == 0 { return .none }
    if first > threshold * second { return .first }
    return second > threshold * first ? .second : .mixed
  }

  /// What a part counts: a negative one is 0 if only parts that raise the logit count.
  private func part(_ value: Double) -> Double { max(0, size(value)) }

  private func size(_ value: Double) -> Double {
    switch sign {
    case .positive: value
    case .absolute: abs(value)
    }
  }

  private func aggregated(_ parts: [Parts]) throws -> Parts {
    Parts(
      first: try aggregated(parts.map(\.first)), second: try aggregated(parts.map(\.second)),
      total: try aggregated(parts.map(\.total)))
  }

  func aggregated(_ values: [Double]) throws -> Double {
    switch aggregation {
    case .mean: arithmeticMean(values)
    case .median: try middle(values)
    }
  }

  /// For each component in how many of the sets that leave one relation out its class is the one
  /// that it has with all.
  func stability(of parts: [[Parts]], relations: Int) throws -> [Int] {
    let whole = try groups(of: parts)
    return try (0..<relations).reduce(into: [Int](repeating: 0, count: parts.count)) { same, left in
      let without = try groups(
        of: parts.map { parts in parts.indices.filter { $0 != left }.map { parts[$0] } })
      for i in same.indices where without[i] == whole[i] { same[i] += 1 }
    }
  }

  private func groups(of parts: [[Parts]]) throws -> [Class] {
    try classes(of: parts).sorted { $0.index < $1.index }.map(\.group)
  }
}

/// What a table of components and spans has to say of each component.
struct ClassEvidence {
  let components: [String]
  /// Those of the table's `relation` column; one without a name where it has none.
  let relations: [String]
  /// [components][relations]
  let parts: [[HeadClasses.Parts]]
  /// Rows that have no value.
  let missing: Int

  /// - Parameter column: what the components add; nil: the table's measure.
  init(_ table: Table, column: String?, _ classes: HeadClasses) throws {
    let (names, spans) = (try table.column("component"), try table.column("span"))
    guard let measure = column ?? table.measure else {
      throw Failure(
        "the table has no column that is known to be what the components add",
        help: "name it: classify of dla")
    }
    let values = try table.column(measure)
    guard values.kind.isNumeric else {
      throw Failure("`\(measure)` is not a column of numbers")
    }
    try Self.check(spans, has: [classes.spans.first, classes.spans.second])
    let asked = table["relation"]
    var (known, askedFor, read) = (Numbering(), Numbering(), Numbering())
    var rows: [Place: [Double]] = [:]
    try (0..<table.rowCount).forEachChecked { row in
      guard let value = values.values.number(row), value.isFinite else { return }
      let place = Place(
        component: known.number(names[row].description),
        relation: askedFor.number(asked?[row].description ?? ""),
        span: read.number(spans[row].description))
      rows[place, default: []].append(value)
    }
    guard !known.names.isEmpty else { throw Failure("there are no components to classify") }
    (components, relations) = (known.names, askedFor.names)
    missing = table.rowCount - rows.values.reduce(0) { $0 + $1.count }
    parts = try known.names.indices.mapChecked { component in
      try askedFor.names.indices.map { relation in
        // A span that a relation's prompts do not have gives nothing.
        let sums = try read.names.indices.map { span in
          try rows[Place(component: component, relation: relation, span: span)]
            .map(classes.aggregated) ?? 0
        }
        func part(_ span: String) -> Double {
          read.names.firstIndex(of: span).map { sums[$0] } ?? 0
        }
        return HeadClasses.Parts(
          first: part(classes.spans.first), second: part(classes.spans.second),
          total: sums.reduce(0, +))
      }
    }
  }

  private struct Place: Hashable {
    var component: Int
    var relation: Int
    var span: Int
  }

  /// Names, numbered in the order in which they first appear.
  private struct Numbering {
    private(set) var names: [String] = []
    private var numbers: [String: Int] = [:]

    mutating func number(_ name: String) -> Int {
      if let known = numbers[name] { return known }
      numbers[name] = names.count
      names.append(name)
      return names.count - 1
    }
  }

  private static func check(_ spans: Column, has names: [String]) throws {
    let known = Set((0..<spans.count).map { spans[$0].description })
    for name in names where !known.contains(name) {
      throw Failure(
        "no row is of the span '\(name)'",
        help: suggestion(for: name, among: known.sorted()).map { "did you mean '\($0)'?" }
          ?? "the spans are \(enumeration(known.sorted())); name two: classify subject, relation")
    }
  }
}
