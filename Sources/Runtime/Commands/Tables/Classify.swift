import Lang

extension Command {
  static let classify = Command(
    name: "classify", group: .tables,
    summary: "Sort components into classes by which of two spans they read.",
    details: """
      The table has a row for each component and span, as `dla by head, span` returns them, or \
      means of these. The classes:
      - the first span: the component adds more than `threshold` times as much through it as \
      through the second
      - the second span: the reverse
      - mixed: neither
      - none: the component is not among the `top`, adds no more than `floor`, or adds nothing \
      through either span
      If the table has a column `relation`, all relations are weighted equally. `stable` is then \
      the number of relations that can be left out, one at a time, without changing the class.
      """,
    input: .table,
    parameters: [
      .positional(
        "spans", .column, required: false, list: true, "two spans; default: subject, relation"),
      .keyword("of", .column, "the column with what components add; default: the table's measure"),
      .keyword("threshold", .number, "the least ratio between the two spans; default: 10"),
      .keyword(
        "thresholds", .number, list: true, "one row per class for each of these ratios"),
      .keyword("top", .number, "classify only the N components that add most"),
      .keyword("floor", .number, "classify only components that add more; default: 0"),
      .positional(
        "sign", .choice(HeadClasses.Sign.self), required: false,
        "which parts count; default: positive"),
      .positional(
        "aggregation", .choice(HeadClasses.Aggregation.self), required: false,
        "how rows of one component are combined; default: mean"),
    ],
    examples: [
      "country | take 6 | dla by head, span | group by component, span mean dla | classify top 20",
      "country | take 6 | dla by head, span | classify top 20 thresholds 2, 5, 10, 20, 50",
    ],
    run: classifyComponents)

  private static func classifyComponents(_ call: Invocation) throws -> Value {
    let classes = try classes(call)
    let thresholds = try call.numbers("thresholds")
    let input = try call.tableInput()
    return try placing(at: call.span) {
      let evidence = try ClassEvidence(input.table, column: try call.column("of"), classes)
      if evidence.missing > 0 {
        call.warn("\(evidence.missing) rows have no value, and are left out of the classes")
      }
      let rows = ClassRows(evidence)
      guard thresholds.isEmpty else {
        return .table(input.with(try rows.counts(classes, at: thresholds)))
      }
      call.session.note(try rows.note(of: classes))
      return .table(input.with(try rows.components(classes)))
    }
  }

  private static func classes(_ call: Invocation) throws -> HeadClasses {
    var classes = HeadClasses()
    let spans = try call.columns("spans")
    if !spans.isEmpty {
      guard spans.count == 2, spans[0] != spans[1] else {
        throw Failure(
          "`classify` compares two spans", help: "classify subject, relation",
          span: call.span(of: "spans"))
      }
      classes.spans = (spans[0], spans[1])
    }
    classes.threshold = try call.number("threshold") ?? classes.threshold
    classes.floor = try call.number("floor") ?? classes.floor
    classes.top = try call.integer("top")
    classes.sign = try call.choice("sign") ?? classes.sign
    classes.aggregation = try call.choice("aggregation") ?? classes.aggregation
    if call.has("threshold") && call.has("thresholds") {
      throw call.failure("`threshold` and `thresholds` do not go together")
    }
    for threshold in try [classes.threshold] + call.numbers("thresholds") where !(threshold >= 1) {
      throw Failure(
        "a threshold below 1 would put a component into two classes",
        span: call.span(of: call.has("threshold") ? "threshold" : "thresholds"))
    }
    if let top = classes.top, top < 1 {
      throw Failure(
        "`top` must be at least 1", span: call.span(of: "top"))
    }
    return classes
  }
}

/// The tables of `classify`.
private struct ClassRows {
  private let evidence: ClassEvidence

  init(_ evidence: ClassEvidence) { self.evidence = evidence }

  private var relations: Int { evidence.relations.count }

  /// Nothing can be left out of one relation.
  private func stability(_ classes: HeadClasses) throws -> [Int]? {
    relations > 1 ? try classes.stability(of: evidence.parts, relations: relations) : nil
  }

  // MARK: A row a component

  func components(_ classes: HeadClasses) throws -> Table {
    let stability = try stability(classes)
    var table = TableBuilder()
    let component = table.texts("component")
    let (layer, head) = (table.integers("layer"), table.integers("head"))
    let first = table.doubles(classes.spans.first)
    let second = table.doubles(classes.spans.second)
    let (total, ratio) = (table.doubles("total"), table.doubles("ratio"))
    let group = table.texts("class")
    let stable = stability == nil ? nil : table.integers("stable")
    for row in try classes.classes(of: evidence.parts) {
      table.addRow()
      let name = evidence.components[row.index]
      let place = ComponentPlace(name)
      table[component] = name
      (table[layer], table[head]) = (place.layer, place.head)
      (table[first], table[second]) = (row.parts.first, row.parts.second)
      (table[total], table[ratio]) = (row.parts.total, row.ratio)
      table[group] = classes.name(row.group)
      table[stable] = stability?[row.index]
    }
    if let twice = firstRepeated(table.columnNames) {
      throw Failure(
        "the table would have the column `\(twice)` twice",
        help: "give the span another name in the prompts")
    }
    return table.table(measure: "total")
  }

  /// How many of each class, and whether they stay when a relation is left out.
  func note(of classes: HeadClasses) throws -> String {
    let rows = try classes.classes(of: evidence.parts)
    let counts = HeadClasses.Class.allCases.map { group in
      "\(rows.count { $0.group == group }) \(classes.name(group))"
    }
    let text = "classify: \(counts.joined(separator: ", "))"
    guard let stable = try stability(classes) else {
      return text + "; there is one set only, so no relation could be left out"
    }
    let matter = rows.filter { $0.group != .none }
    let moved = matter.filter { stable[$0.index] < relations }
      .map { evidence.components[$0.index] }
    guard !moved.isEmpty else {
      return text + "; the same whichever of the \(relations) relations is left out"
    }
    let some = moved.prefix(8).joined(separator: ", ")
    return text
      + "; \(matter.count - moved.count) of \(matter.count) keep their class whichever of the "
      + "\(relations) relations is left out, except \(some)"
      + (moved.count > 8 ? " and \(moved.count - 8) more" : "")
  }

  // MARK: A row a threshold and class

  func counts(_ classes: HeadClasses, at thresholds: [Double]) throws -> Table {
    var table = TableBuilder()
    let (threshold, name) = (table.doubles("threshold"), table.texts("class"))
    let (count, total) = (table.integers("count"), table.doubles("total"))
    let share = table.doubles("share")
    let stable = relations > 1 ? table.integers("stable") : nil
    for limit in thresholds {
      var classes = classes
      classes.threshold = limit
      let rows = try classes.classes(of: evidence.parts)
      let whole = rows.reduce(0) { $0 + $1.parts.total }
      let stability = try stability(classes)
      for group in HeadClasses.Class.allCases {
        let members = rows.filter { $0.group == group }
        let sum = members.reduce(0) { $0 + $1.parts.total }
        table.addRow()
        (table[threshold], table[name]) = (limit, classes.name(group))
        (table[count], table[total]) = (members.count, sum)
        table[share] = whole == 0 ? nil : sum / whole
        table[stable] = stability.map { stability in
          members.count { stability[$0.index] == relations }
        }
      }
    }
    return table.table(measure: "total")
  }
}

/// The layer and the head that a component's name says: `L9H8`, `L9.mlp`.
struct ComponentPlace {
  let layer: Int?
  let head: Int?

  init(_ name: String) {
    let digits = name.dropFirst().prefix { $0.isNumber }
    layer = name.hasPrefix("L") ? Int(digits) : nil
    let rest = name.dropFirst(1 + digits.count)
    head = layer != nil && rest.hasPrefix("H") ? Int(rest.dropFirst()) : nil
  }
}
