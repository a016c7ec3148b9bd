import Lang
import Model

extension Command {
  static let direction = Command(
    name: "direction", group: .measures,
    summary: "Find a direction that tells two sets of prompts apart, and try it on held-out ones.",
    details: """
      POSITIVES and the set after `vs` are the two sides. Or one set is divided `by` a column of the file \
      that it was made from, which has two values: the positive side is the greater one, as 1, true or \
      yes, or the one after `value`.
      - mean (the default): the difference of the means
      - pca: the first principal component of all rows; with `paired`, the mean of each pair of \
      prompts is subtracted first
      - logistic: an L2-penalised logistic regression (C = 1) on standardised rows, in the units of \
      the activations
      - mass_mean: the difference of the means, times the pseudo-inverse of the covariance within the \
      sides
      A quarter of the prompts, drawn at random, is held out (`held`), and the accuracy is that of \
      these. Two sets of equal size are taken as pairs, which are not parted. `split` keeps together \
      what has the same value in a column; a column of `train` and `test` says itself which is which. \
      `control` is the mean accuracy after the training labels were shuffled.
      The result is a vector. With `each` it is a table of how well each site and position does.
      """,
    input: .any,
    parameters: [
      .each,
      .positional("positives", .prompts, required: false, "prompts; default: what is piped in"),
      .keyword("vs", .prompts, "the other side"),
      .keyword("by", .text, "a column with two values, instead of `vs`"),
      .keyword("value", .text, "the value of that column that is the positive side"),
      .keyword("at", .selector, required: true, list: true, "sites: L9.resid_post@last"),
      .positional(
        "method", .choice(DirectionMethod.self), required: false, "how; default: mean"),
      .keyword("split", .text, "the column whose values are not parted"),
      .keyword("held", .number, "the share that is held out; default: 0.25"),
      .flag("paired", "subtract the mean of each pair (pca)"),
      .keyword("shuffles", .number, "how many times labels are shuffled; default: 20"),
      .keyword("seed", .number, "the seed of all draws; default: 0"),
    ],
    examples: [
      "direction (country | take 8) vs (country | take -8) at L12.resid_post@subject held 50%"
    ],
    run: findDirection)

  private static func findDirection(_ call: Invocation) throws -> Value {
    let isSwept = call.hasFlag("each")
    let method = try call.choice("method", DirectionMethod.self) ?? .mean
    let options = try DirectionOptions(call, method)
    let sides = try DirectionSides(call)
    let places = try call.directionPlaces(sides.set, isSwept: isSwept)
    let split = try sides.split(call, options)
    let c = sides.set.model.configuration
    let width = places.map { c.width(of: $0.place) }.max() ?? 0
    try call.reserve(
      rows: sides.set.prompts.count, places.count, width, bytes: 3 * MemoryLayout<Double>.size,
      help: "name fewer sites, or take fewer prompts")
    let rows = try call.directionRows(sides.set, places)
    var table = TableBuilder()
    let columns = DirectionColumns(in: &table)
    for (place, found) in zip(places, rows) {
      try Interruption.check()
      var vector = VectorValue(
        [], of: sides.set.model, place: place.place.label,
        layer: place.place.layerOfControlVector, origins: [sides.set.origin])
      if call.statement.runner.isHeard {
        let (elements, fit) = try placing(at: place.span) {
          try found.fit(sides, method, split, options)
        }
        (vector.elements, vector.fit) = (elements, fit)
        try placing(at: place.span) { try vector.checkIsFinite() }
      } else {
        vector.elements = VectorValue.planned(c.width(of: place.place))
      }
      guard isSwept else { return .vector(vector) }
      columns.add(vector, place, to: &table)
    }
    return .table(
      TableValue(table.table(measure: "accuracy"), origins: [sides.set.origin]))
  }
}

/// What of `direction` are numbers.
struct DirectionOptions {
  var held: Double
  var shuffles: Int
  var seed: Int
  var isPaired: Bool
  /// The column whose values are not parted.
  var split: String?

  init(_ call: Invocation, _ method: DirectionMethod) throws {
    split = try call.text("split")
    held = try call.number("held") ?? 0.25
    guard (0..<1).contains(held) else {
      throw Failure(
        "`held` is a share from 0 to less than 1, not \(held)", span: call.span(of: "held"))
    }
    shuffles = try call.integer("shuffles") ?? 20
    guard (0...10_000).contains(shuffles) else {
      throw Failure(
        "`shuffles` is from 0 to 10,000, not \(shuffles)", span: call.span(of: "shuffles"))
    }
    seed = try call.seed()
    isPaired = call.hasFlag("paired")
    guard !isPaired || method == .pca else {
      throw call.failure("`paired` goes with `pca`", help: "direction … pca paired")
    }
  }
}

/// component, layer, head, position, norm and what a fit has.
private struct DirectionColumns {
  private let component: TableBuilder.Key<String>
  private let (layer, head): (TableBuilder.Key<Int>, TableBuilder.Key<Int>)
  private let position: TableBuilder.Key<String>
  private let norm: TableBuilder.Key<Double>
  private let fit: FitColumns

  init(in table: inout TableBuilder) {
    component = table.texts("component")
    (layer, head) = (table.integers("layer"), table.integers("head"))
    position = table.texts("position")
    norm = table.doubles("norm")
    fit = FitColumns(in: &table)
  }

  func add(_ vector: VectorValue, _ place: InspectedPlace, to table: inout TableBuilder) {
    table.addRow()
    table[component] = place.place.label
    (table[layer], table[head]) = (place.place.layer, place.place.head)
    table[position] = place.position?.text
    table[norm] = vector.norm
    if let fit = vector.fit { self.fit.set(fit, in: &table) }
  }
}
