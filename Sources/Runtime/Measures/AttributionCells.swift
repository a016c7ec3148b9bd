import Model

/// The columns that say of what a row of an attribution is.
struct AttributionColumns {
  private var component: TableBuilder.Key<String>?
  private var layer: TableBuilder.Key<Int>?
  private var head: TableBuilder.Key<Int>?
  private var neuron: TableBuilder.Key<Int>?
  private var feature: TableBuilder.Key<Int>?
  private var source: TableBuilder.Key<Int>?
  /// A source's token, or a span.
  private var text: TableBuilder.Key<String>?

  init(_ division: AttributionDivision, in rows: inout TableBuilder) {
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
  }

  /// Of the last rows.
  func fill(_ cells: AttributionCells, in rows: inout TableBuilder) {
    rows.fill(component, cells.components)
    rows.fill(layer, cells.layers)
    rows.fill(head, cells.heads)
    rows.fill(neuron, cells.neurons)
    rows.fill(feature, cells.features)
    rows.fill(source, cells.sources)
    rows.fill(text, cells.texts)
  }
}

/// Of what the rows of one reading are, in the order of the rows.
struct AttributionCells {
  fileprivate var components: [String?] = []
  fileprivate var layers: [Int?] = []
  fileprivate var heads: [Int?] = []
  fileprivate var neurons: [Int?] = []
  fileprivate var features: [Int?] = []
  fileprivate var sources: [Int?] = []
  fileprivate var texts: [String?] = []

  private(set) var count = 0

  /// A part with its rows: one, or one a neuron.
  struct Part: Equatable {
    let component: Attribution.Component
    let neurons: Int

    init(_ part: Attribution.Part) { (component, neurons) = (part.component, part.neurons.count) }
  }

  init() {}

  init(_ parts: [Part]) {
    for part in parts {
      if case .neurons(let layer) = part.component {
        addNeurons(part.neurons, layer: layer)
      } else {
        add(part.component)
      }
    }
  }

  mutating func add(_ component: Attribution.Component, source: Int? = nil, text: String? = nil) {
    add(
      1, component: component.label, layer: component.layer, head: component.head,
      feature: component.feature)
    (sources[count - 1], texts[count - 1]) = (source, text)
  }

  /// A row of several components.
  mutating func add(layer: Int? = nil, text: String? = nil) {
    add(1, layer: layer)
    texts[count - 1] = text
  }

  private mutating func addNeurons(_ neurons: Int, layer: Int) {
    let start = "L\(layer)N"
    let before = count
    add(neurons, layer: layer)
    for neuron in 0..<neurons {
      components[before + neuron] = start + String(neuron)
      self.neurons[before + neuron] = neuron
    }
  }

  /// Rows that have the same cells.
  private mutating func add(
    _ rows: Int, component: String? = nil, layer: Int? = nil, head: Int? = nil, feature: Int? = nil
  ) {
    count += rows
    components += repeatElement(component, count: rows)
    layers += repeatElement(layer, count: rows)
    heads += repeatElement(head, count: rows)
    neurons += repeatElement(nil, count: rows)
    features += repeatElement(feature, count: rows)
    sources += repeatElement(nil, count: rows)
    texts += repeatElement(nil, count: rows)
  }
}
