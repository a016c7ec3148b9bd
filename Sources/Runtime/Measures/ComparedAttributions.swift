import Model

/// By what the attributions of two models are held side by side.
enum ComparedParts: String, Choice {
  case head, layer, component, depth

  var summary: String {
    switch self {
    case .head: "a head"
    case .layer: "a layer"
    case .component: "a head, an MLP, the embedding, a bias"
    case .depth: "attention and MLPs at a share of the depth"
    }
  }

  /// A part of one model's attribution, by what the other's is found.
  struct Part {
    /// As the table shows it: the component, or `attn`, `mlp` and what else there is at a depth.
    var label: String?
    var layer: Int?
    var head: Int?
    /// The share of the model's layers that lie before it.
    var depth: Double?
    var value: Float

    fileprivate var key: String { "\(label ?? "") \(layer ?? -1) \(depth ?? -1)" }
  }

  /// - Throws: `Failure` where one model has what the other has not.
  func check(_ a: LoadedModels.Entry, _ b: LoadedModels.Entry) throws {
    let (one, two) = (a.model.configuration, b.model.configuration)
    func refuse(_ what: String, _ counts: (Int, Int)) -> Failure {
      Failure(
        "'\(a.name)' has \(counts.0) \(what), '\(b.name)' \(counts.1): they cannot be compared one "
          + "by one", help: "`by depth` compares models of any two shapes")
    }
    switch self {
    case .depth: break
    case .head, .layer, .component:
      guard one.layers == two.layers else { throw refuse("layers", (one.layers, two.layers)) }
      if self == .layer { return }
      guard one.heads == two.heads else { throw refuse("heads a layer", (one.heads, two.heads)) }
    }
  }

  /// What the attribution is divided into.
  ///
  /// - Parameter bins: of depth.
  func parts(of attribution: Attribution, _ layers: Int, _ bins: Int) -> [Part] {
    switch self {
    case .head:
      attribution.parts.filter(\.component.isHead).map(Self.part)
    case .component: attribution.parts.map(Self.part)
    case .layer:
      (0..<layers).map { layer in
        Part(
          layer: layer,
          value: Self.sum(attribution.parts.filter { $0.component.layer == layer }))
      }
    case .depth: Self.depths(of: attribution, layers, bins)
    }
  }

  private static func part(_ part: Attribution.Part) -> Part {
    Part(
      label: part.component.label, layer: part.component.layer, head: part.component.head,
      value: part.value)
  }

  private static func sum(_ parts: [Attribution.Part]) -> Float {
    Float(parts.reduce(0.0) { $0 + Double($1.value) })
  }

  /// The parts that are in no layer, then attention and MLPs a bin: together they are the logit.
  private static func depths(of attribution: Attribution, _ layers: Int, _ bins: Int) -> [Part] {
    let outside = attribution.parts.filter { $0.component.layer == nil }.map(part)
    return outside
      + (0..<bins).flatMap { bin -> [Part] in
        let inside = attribution.parts.filter { part in
          part.component.layer.map { $0 * bins / layers == bin } ?? false
        }
        let isMLP = { (part: Attribution.Part) in
          if case .mlp = part.component { true } else { false }
        }
        let depth = Double(bin) / Double(bins)
        return [
          Part(label: "attn", depth: depth, value: sum(inside.filter { !isMLP($0) })),
          Part(label: "mlp", depth: depth, value: sum(inside.filter(isMLP))),
        ]
      }
  }
}

/// Gathers the parts of both sides into the rows of a table.
struct ComparedAttributions {
  private let division: ComparedParts
  private let set: PromptSet
  private var rows: [Row] = []
  private var places: [String: Int] = [:]

  private struct Row {
    var prompt: Int
    var part: ComparedParts.Part
    /// What one of the models lacks is missing there.
    var sides: [Float] = [.nan, .nan]

    var difference: Double { Double(sides[1]) - Double(sides[0]) }
  }

  init(_ set: PromptSet, division: ComparedParts) {
    self.set = set
    self.division = division
  }

  mutating func add(_ part: ComparedParts.Part, ofPrompt prompt: Int, side: Int) {
    let key = "\(prompt) \(part.key)"
    let place = places[key] ?? rows.count
    if place == rows.count {
      places[key] = place
      rows.append(Row(prompt: prompt, part: part))
    }
    rows[place].sides[side] = part.value.isFinite ? part.value : .nan
  }

  /// Depths from the first to the last; else the largest differences first, of equal ones the
  /// earlier, and last what only one side has.
  private var order: [Int] {
    if division == .depth { return Array(rows.indices) }
    return rows.indices.sorted { i, j in
      let (one, other) = (abs(rows[i].difference), abs(rows[j].difference))
      if one.isNaN || other.isNaN { return one.isNaN == other.isNaN ? i < j : other.isNaN }
      return one != other ? one > other : i < j
    }
  }

  var table: Table {
    var table = TableBuilder(capacity: rows.count)
    let prompt = set.prompts.count > 1 ? table.texts("prompt") : nil
    var (label, layer, head, depth) = (
      nil as TableBuilder.Key<String>?, nil as TableBuilder.Key<Int>?,
      nil as TableBuilder.Key<Int>?, nil as TableBuilder.Key<Double>?
    )
    switch division {
    case .head, .component:
      label = table.texts("component")
      (layer, head) = (table.integers("layer"), table.integers("head"))
    case .layer: layer = table.integers("layer")
    case .depth: (depth, label) = (table.doubles("depth"), table.texts("part"))
    }
    let (a, b) = (table.singles("dla_a"), table.singles("dla_b"))
    let difference = table.doubles("difference")
    for row in order.map({ rows[$0] }) {
      table.addRow()
      table[prompt] = set.prompts[row.prompt].name
      table[label] = row.part.label
      (table[layer], table[head], table[depth]) = (row.part.layer, row.part.head, row.part.depth)
      (table[a], table[b]) = (row.sides[0], row.sides[1])
      table[difference] = row.difference
    }
    return table.table(measure: "difference")
  }
}
