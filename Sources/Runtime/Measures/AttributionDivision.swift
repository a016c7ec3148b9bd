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
