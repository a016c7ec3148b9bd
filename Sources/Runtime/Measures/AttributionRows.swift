import Model

/// What has a row of its own in an attribution.
enum AttributionPart: String, Choice {
  case component, layer, head, neuron, feature, source, span

  var summary: String {
    switch self {
    case .component: "a head, an MLP, the embedding, a bias"
    case .layer: "all that a layer adds"
    case .head: "a head"
    case .neuron: "a neuron, and what an MLP adds without any"
    case .feature: "an active feature of a dictionary, and all that has none"
    case .source: "a head and a source position"
    case .span: "a labelled span; with head, a head and a span"
    }
  }
}

/// Into what an attribution is divided.
enum AttributionDivision {
  case component, layer, head, neuron, feature, source, headAndSpan, span

  init?(_ parts: [AttributionPart]) {
    switch parts {
    case [], [.component]: self = .component
    case [.layer]: self = .layer
    case [.head]: self = .head
    case [.neuron]: self = .neuron
    case [.feature]: self = .feature
    case [.source], [.head, .source]: self = .source
    case [.head, .span], [.span, .head]: self = .headAndSpan
    case [.span]: self = .span
    default: return nil
    }
  }

  var needsSources: Bool {
    switch self {
    case .component, .layer, .head, .neuron, .feature: false
    case .source, .headAndSpan, .span: true
    }
  }
}

extension AttributionDivision {
  var needsNeurons: Bool { if case .neuron = self { true } else { false } }
  var needsFeatures: Bool { if case .feature = self { true } else { false } }
}

/// Gathers attributions into the rows of a table.
struct AttributionRows {
  private let division: AttributionDivision
  private var rows = TableBuilder()
  private let prompt: PromptColumns
  private let reading: ReadingColumns
  private var component: TableBuilder.Key<String>?
  private var layer: TableBuilder.Key<Int>?
  private var head: TableBuilder.Key<Int>?
  private var neuron: TableBuilder.Key<Int>?
  private var feature: TableBuilder.Key<Int>?
  private var source: TableBuilder.Key<Int>?
  /// A source's token, or a span.
  private var text: TableBuilder.Key<String>?
  /// One a target.
  private let values: [TableBuilder.Key<Float>]
  private let measure: String?

  init(
    _ set: PromptSet, _ readings: Readings, division: AttributionDivision, columns: [String]
  ) {
    self.division = division
    measure = columns.first
    prompt = PromptColumns(set, in: &rows)
    reading = ReadingColumns(readings, in: &rows)
    switch division {
    case .component, .head, .source, .headAndSpan:
      component = rows.texts("component")
      layer = rows.integers("layer")
      head = rows.integers("head")
    case .neuron:
      component = rows.texts("component")
      layer = rows.integers("layer")
      neuron = rows.integers("neuron")
    case .feature:
      component = rows.texts("component")
      layer = rows.integers("layer")
      head = rows.integers("head")
      feature = rows.integers("feature")
    case .layer: layer = rows.integers("layer")
    case .span: break
    }
    switch division {
    case .source:
      source = rows.integers("source")
      text = rows.texts("token")
    case .headAndSpan, .span: text = rows.texts("span")
    case .component, .head, .neuron, .feature, .layer: break
    }
    var values: [TableBuilder.Key<Float>] = []
    for name in columns { values.append(rows.singles(name)) }
    self.values = values
  }

  /// An upper bound of what the rows of one prompt take, for each position that is read.
  static func bytes(
    of prompt: Prompt, _ division: AttributionDivision, columns: Int, _ model: Configuration
  ) -> Int {
    let heads = model.layers * model.heads
    let rows =
      switch division {
      // A few hundred features are active of each dictionary.
      case .feature: heads + 3 * model.layers + 4 + 1024
      case .component: heads + 3 * model.layers + 4
      case .layer: model.layers
      case .head: heads
      case .neuron: model.mlp.reduce(0) { $0 + $1.neurons + 1 }
      case .source: heads * prompt.tokens.count
      case .headAndSpan: heads * prompt.groups.count
      case .span: prompt.groups.count
      }
    // Arrays that grow are there twice for a while.
    return rows * 2 * (7 * 16 + columns * MemoryLayout<Float>.size)
  }

  /// - Parameter attributions: one a target, nil where the prompt has no such target; all have the
  ///   same parts. A prompt without any has no rows.
  mutating func append(_ reading: Reading, _ attributions: [Attribution?]) {
    guard let first = attributions.lazy.compactMap(\.self).first else { return }
    switch division {
    case .component, .feature:
      for (i, part) in first.parts.enumerated() {
        add(reading, part.component, Self.values(attributions, i))
      }
    case .layer: appendLayers(reading, first, attributions)
    case .head:
      for (i, part) in first.parts.enumerated() where part.component.isHead {
        add(reading, part.component, Self.values(attributions, i))
      }
    case .neuron:
      for (i, part) in first.parts.enumerated() where part.component.isOfMLP {
        add(reading, part.component, Self.values(attributions, i))
      }
    case .source: appendSources(reading, first, attributions)
    case .headAndSpan: appendSpans(reading, first, attributions)
    case .span: appendSpanTotals(reading, attributions)
    }
  }

  private static func values(_ attributions: [Attribution?], _ part: Int) -> [Float] {
    attributions.map { $0?.parts[part].value ?? .nan }
  }

  private mutating func appendLayers(
    _ reading: Reading, _ first: Attribution, _ attributions: [Attribution?]
  ) {
    let layers = first.parts.compactMap(\.component.layer)
    for layer in Array(Set(layers)).sorted() {
      let sums = attributions.map { attribution in
        guard let attribution else { return Float.nan }
        return Float(
          attribution.parts.filter { $0.component.layer == layer }
            .reduce(0.0) { $0 + Double($1.value) })
      }
      addRow(reading, sums)
      rows[self.layer] = layer
    }
  }

  private mutating func appendSources(
    _ reading: Reading, _ first: Attribution, _ attributions: [Attribution?]
  ) {
    for (i, part) in first.parts.enumerated() where part.component.isHead {
      guard part.sources != nil else {
        addEdited(reading, part.component, Self.values(attributions, i))
        continue
      }
      for source in 0...reading.position {
        add(
          reading, part.component, attributions.map { $0?.parts[i].sources?[source] ?? .nan },
          source: source, text: reading.prompt.tokenText(source))
      }
    }
  }

  private mutating func appendSpans(
    _ reading: Reading, _ first: Attribution, _ attributions: [Attribution?]
  ) {
    for (i, part) in first.parts.enumerated() where part.component.isHead {
      guard part.sources != nil else {
        addEdited(reading, part.component, Self.values(attributions, i))
        continue
      }
      for group in reading.groups {
        add(
          reading, part.component,
          attributions.map { $0.map { Self.total($0.parts[i], group, reading) } ?? .nan },
          text: group)
      }
    }
  }

  private mutating func appendSpanTotals(_ reading: Reading, _ attributions: [Attribution?]) {
    for group in reading.groups {
      addRow(
        reading,
        attributions.map { attribution in
          guard let attribution else { return .nan }
          return Float(
            attribution.parts.filter { $0.sources != nil }
              .reduce(0.0) { $0 + Double(Self.total($1, group, reading)) })
        })
      rows[text] = group
    }
  }

  /// What a head read from the tokens of a group.
  private static func total(_ part: Attribution.Part, _ group: String, _ reading: Reading) -> Float
  {
    Float(
      (0...reading.position).filter { reading.prompt.group(of: $0) == group }
        .reduce(0.0) { $0 + Double(part.sources?[$1] ?? 0) })
  }

  /// A head whose z an edit wrote has no split over sources.
  private mutating func addEdited(
    _ reading: Reading, _ component: Attribution.Component, _ values: [Float]
  ) {
    add(reading, component, values, text: "edited")
  }

  private mutating func add(
    _ reading: Reading, _ component: Attribution.Component, _ values: [Float], source: Int? = nil,
    text: String? = nil
  ) {
    addRow(reading, values)
    rows[self.component] = component.label
    rows[layer] = component.layer
    rows[head] = component.head
    rows[neuron] = component.neuron
    rows[feature] = component.feature
    rows[self.source] = source
    rows[self.text] = text
  }

  private mutating func addRow(_ reading: Reading, _ row: [Float]) {
    rows.addRow()
    prompt.set(reading.prompt, in: &rows)
    self.reading.set(reading, in: &rows)
    for (key, value) in zip(values, row) { rows[key] = value.isFinite ? value : nil }
  }

  var table: Table { rows.table(measure: measure) }
}

extension Reading {
  /// The labels that group the positions it looks back at, in the order of the prompt.
  fileprivate var groups: [String] {
    (0...position).reduce(into: []) { groups, position in
      let group = prompt.group(of: position)
      if !groups.contains(group) { groups.append(group) }
    }
  }
}

extension Attribution.Component {
  /// The component as the language writes it.
  var label: String {
    switch self {
    case .embed: "embed"
    case .positionEmbedding: "pos_embed"
    case .head(let layer, let head): "L\(layer)H\(head)"
    case .attention(let layer): "L\(layer).attn"
    case .attentionBias(let layer): "L\(layer).attn.bias"
    case .mlp(let layer): "L\(layer).mlp"
    case .neuron(let layer, let neuron): "L\(layer)N\(neuron)"
    case .mlpBias(let layer): "L\(layer).mlp.bias"
    case .feature(let prefix, let layer, let feature): "\(prefix)L\(layer)F\(feature)"
    case .featureBias(let prefix, let layer): "\(prefix)L\(layer).b_dec"
    case .featureError(let prefix, let layer): "\(prefix)L\(layer).error"
    case .finalNormBias: "ln_final.bias"
    case .unembeddingBias: "unembed.bias"
    case .stream(let site): "L\(site.layer).\(site.activation.rawValue)"
    }
  }

  var layer: Int? {
    switch self {
    case .embed, .positionEmbedding, .finalNormBias, .unembeddingBias: nil
    case .head(let layer, _), .attention(let layer), .attentionBias(let layer), .mlp(let layer),
      .neuron(let layer, _), .mlpBias(let layer), .feature(_, let layer, _),
      .featureBias(_, let layer), .featureError(_, let layer):
      layer
    case .stream(let site): site.layer
    }
  }

  var head: Int? { if case .head(_, let head) = self { head } else { nil } }
  var neuron: Int? { if case .neuron(_, let neuron) = self { neuron } else { nil } }
  var feature: Int? { if case .feature(_, _, let feature) = self { feature } else { nil } }
  var isHead: Bool { head != nil }

  /// Whether an MLP adds it.
  var isOfMLP: Bool {
    switch self {
    case .mlp, .neuron, .mlpBias: true
    case .embed, .positionEmbedding, .head, .attention, .attentionBias, .finalNormBias,
      .unembeddingBias, .stream, .feature, .featureBias, .featureError:
      false
    }
  }
}
