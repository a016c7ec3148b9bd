import Model

/// The columns that say which prompt a row is of: `prompt` where there are several, and `relation`
/// where they are facts that have one.
struct PromptColumn {
  private let isShown: Bool
  private let hasRelation: Bool
  private var names: [String?] = []
  private var relations: [String?] = []

  init(_ set: PromptSet) {
    isShown = set.prompts.count > 1
    hasRelation = set.prompts.contains { $0.fact?.relation != nil }
  }

  mutating func append(_ prompt: Prompt) {
    if isShown { names.append(prompt.name) }
    if hasRelation { relations.append(prompt.fact?.relation) }
  }

  var columns: [Column] {
    (isShown ? [Column("prompt", .texts(names))] : [])
      + (hasRelation ? [Column("relation", .texts(relations))] : [])
  }
}

/// The columns that say which run a row is of: those of the prompt, and what the sweep changed.
struct CaseColumns {
  private let sweeps: Bool
  private let hasHead: Bool
  private let hasPosition: Bool
  private var prompts: PromptColumn
  private var components: [String?] = []
  private var (layers, heads): ([Int?], [Int?]) = ([], [])
  private var positions: [Int?] = []

  init(_ set: PromptSet) {
    prompts = PromptColumn(set)
    sweeps = set.sweep != nil
    hasHead = set.sweep?.targets.contains { $0.place.head != nil } ?? false
    hasPosition =
      set.sweep.map { !$0.isKnockout && $0.targets.contains { $0.position != nil } } ?? false
  }

  mutating func append(_ item: Case) {
    prompts.append(item.prompt)
    guard let variant = item.variant else { return }
    components.append(variant.place.label)
    layers.append(variant.place.layer)
    heads.append(variant.place.head)
    positions.append(variant.position)
  }

  var columns: [Column] {
    var columns = prompts.columns
    if sweeps {
      columns.append(Column("component", .texts(components)))
      columns.append(Column("layer", .integers(layers)))
      if hasHead { columns.append(Column("head", .integers(heads))) }
      if hasPosition { columns.append(Column("position", .integers(positions))) }
    }
    return columns
  }
}

/// component, layer, head, position
struct PlaceColumns {
  private var components: [String?] = []
  private var (layers, heads): ([Int?], [Int?]) = ([], [])
  private var positions: [Int?] = []

  mutating func append(_ place: Place, _ position: Int) {
    components.append(place.label)
    layers.append(place.layer)
    heads.append(place.head)
    positions.append(position)
  }

  var columns: [Column] {
    [
      Column("component", .texts(components)), Column("layer", .integers(layers)),
      Column("head", .integers(heads)), Column("position", .integers(positions)),
    ]
  }
}
