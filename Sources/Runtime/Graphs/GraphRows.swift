import Model

/// The rows of `graph`: an edge each.
struct GraphRows {
  private var rows = TableBuilder()
  private let target: TableBuilder.Key<String>
  private let targetPosition, targetTokenID: TableBuilder.Key<Int>
  private let targetToken: TableBuilder.Key<String>
  private let value, prob: TableBuilder.Key<Double>
  private let source: TableBuilder.Key<String>
  private let layer, feature, position: TableBuilder.Key<Int>
  private let token: TableBuilder.Key<String>
  private let activation: TableBuilder.Key<Float>
  private let influence, weight: TableBuilder.Key<Double>

  private let prompt: Prompt
  private let tokenizer: Tokenizer
  /// What stands before the names of a layer's features.
  private let prefixes: [Int: String]

  /// Its arrays grow, and one that does is there twice.
  static let bytesPerRow = 2 * (9 * 16 + 4 + 4 * 8)

  init(
    _ prompt: Prompt, of model: LanguageModel, among all: [LoadedDictionary],
    _ transcoders: [LoadedDictionary]
  ) {
    self.prompt = prompt
    tokenizer = model.tokenizer
    prefixes = Dictionary(
      transcoders.map { ($0.layer, $0.prefix(among: all)) }, uniquingKeysWith: { first, _ in first }
    )
    target = rows.texts("target")
    targetPosition = rows.integers("target_position")
    targetTokenID = rows.integers("target_token_id")
    targetToken = rows.texts("target_token")
    value = rows.doubles("value")
    prob = rows.doubles("prob")
    source = rows.texts("source")
    layer = rows.integers("layer")
    feature = rows.integers("feature")
    position = rows.integers("position")
    token = rows.texts("token")
    activation = rows.singles("activation")
    influence = rows.doubles("influence")
    weight = rows.doubles("weight")
  }

  mutating func append(_ graph: AttributionGraph) throws {
    let texts = prompt.tokens.map(tokenizer.text(of:))
    let sources = graph.sources.map { (node: $0, name: name(of: $0.node)) }
    for target in graph.targets {
      try Interruption.check()
      let name = name(of: target.node)
      var (id, text): (Int?, String?) = (nil, nil)
      if case .logit(let token, _) = target.node {
        (id, text) = (token, tokenizer.text(of: token))
      } else if let position = target.node.position {
        (id, text) = (prompt.tokens[position], texts[position])
      }
      for ((source, sourceName), weight) in zip(sources, target.weights) where weight != 0 {
        rows.addRow()
        rows[self.target] = name
        rows[targetPosition] = target.node.position
        rows[targetTokenID] = id
        rows[targetToken] = text
        rows[value] = target.value
        rows[prob] = target.probability
        rows[self.source] = sourceName
        rows[layer] = source.node.layer
        rows[feature] = source.node.feature
        rows[position] = source.node.position
        rows[token] = source.node.position.map { texts[$0] }
        rows[activation] = source.activation
        rows[influence] = source.influence
        rows[self.weight] = weight
      }
    }
  }

  private func name(of node: AttributionGraph.Node) -> String {
    func prefix(_ layer: Int) -> String { prefixes[layer] ?? "" }
    return switch node {
    case .feature(let layer, let feature, _): "\(prefix(layer))L\(layer)F\(feature)"
    case .error(let layer, _): "\(prefix(layer))L\(layer).error"
    case .mlp(let layer, _): "L\(layer).mlp"
    case .embedding: "embed"
    case .positionEmbedding: "pos_embed"
    case .bias: "bias"
    case .rest: "rest"
    case .logit: "logit"
    }
  }

  var table: Table { rows.table(measure: "weight") }
}

extension AttributionGraph {
  /// Edges that are not 0.
  var edgeCount: Int { targets.reduce(0) { $0 + $1.weights.count { $0 != 0 } } }
}
