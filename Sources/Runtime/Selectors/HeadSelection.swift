import Lang
import Model

/// Heads of a model whose weights are looked at.
struct HeadSelection {
  let model: LanguageModel
  /// In the order of layers and heads, each once.
  let heads: [Head]

  struct Head: Hashable {
    var layer: Int
    var head: Int
    var label: String { "L\(layer)H\(head)" }
  }

  private init(model: LanguageModel, heads: [Head]) { (self.model, self.heads) = (model, heads) }

  /// Those of later layers.
  func after(layer: Int) -> HeadSelection {
    HeadSelection(model: model, heads: heads.filter { $0.layer > layer })
  }

  /// By layer.
  var layers: [(layer: Int, heads: [Int])] {
    Dictionary(grouping: heads, by: \.layer).sorted { $0.key < $1.key }
      .map { ($0.key, $0.value.map(\.head)) }
  }

  init(_ call: Invocation, _ parameter: String = "heads") throws {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    try self.init(
      of: model, call.selectors(parameter).map { ($0.selector, $0.span) })
  }

  init(of model: LanguageModel, _ selectors: [(Selector, SourceSpan)]) throws {
    self.model = model
    var seen: Set<Head> = []
    let found = try selectors.flatMap { selector, span in
      try placing(at: span) {
        guard selector.position == nil else {
          throw Failure("weights are the same at every position", help: "omit `@`")
        }
        return try selector.places(on: model.configuration, for: .editing).map { place in
          guard let layer = place.layer, let head = place.head,
            place.label == "L\(layer)H\(head)"
          else { throw Failure("\(place.label) is not a head", help: "L9H8, L9H*, heads") }
          return Head(layer: layer, head: head)
        }
      }
    }
    heads = found.filter { seen.insert($0).inserted }
      .sorted { ($0.layer, $0.head) < ($1.layer, $1.head) }
  }

  /// The weights of the heads, layer by layer.
  func eachHead(_ body: (Head, HeadWeights) throws -> Void) throws {
    try eachLayer { weights in
      for (head, own) in weights {
        try Interruption.check()
        try body(head, own)
      }
    }
  }

  /// The weights of each layer's heads.
  func eachLayer(_ body: ([(head: Head, weights: HeadWeights)]) throws -> Void) throws {
    for (layer, heads) in layers {
      try Interruption.check()
      let weights = try model.transformer.headWeights(layer: layer, heads: heads)
      try body(zip(heads, weights).map { (Head(layer: layer, head: $0), $1) })
    }
  }
}

/// component, layer, head
struct HeadColumns {
  private let component: TableBuilder.Key<String>
  private let (layer, head): (TableBuilder.Key<Int>, TableBuilder.Key<Int>)

  init(in table: inout TableBuilder) {
    component = table.texts("component")
    (layer, head) = (table.integers("layer"), table.integers("head"))
  }

  func set(_ head: HeadSelection.Head, in table: inout TableBuilder) {
    table[component] = head.label
    (table[layer], table[self.head]) = (head.layer, head.head)
  }
}

extension HeadSelection {
  /// What a table about weights comes from.
  var origin: Origin { Origin(model: model, prompts: [], edits: []) }
}

extension Command.Parameter {
  static let heads = positional("heads", .selector, list: true, "heads: L9H8, L9H*, heads")
}
