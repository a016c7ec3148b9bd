import Model

/// The rows of one reading.
struct AttributionBlock {
  private(set) var cells = AttributionCells()
  /// Of each target, by row.
  private(set) var values: [[Float]]

  init(cells: AttributionCells, values: [[Float]]) {
    (self.cells, self.values) = (cells, values)
  }

  private init(columns: Int) { values = [[Float]](repeating: [], count: columns) }

  private mutating func add(_ row: [Float]) {
    for (column, value) in row.enumerated() { values[column].append(value) }
  }

  /// What each layer adds.
  init(layersOf first: Attribution, _ attributions: [Attribution?]) {
    self.init(columns: attributions.count)
    let layers = first.parts.compactMap(\.component.layer)
    for layer in Array(Set(layers)).sorted() {
      cells.add(layer: layer)
      add(
        attributions.map { attribution in
          guard let attribution else { return Float.nan }
          return Float(
            attribution.parts.filter { $0.component.layer == layer }
              .reduce(0.0) { $0 + Double($1.value) })
        })
    }
  }

  /// What each head reads from each position.
  init(sourcesOf first: Attribution, _ attributions: [Attribution?], _ reading: Reading) {
    self.init(columns: attributions.count)
    let texts = (0...reading.position).map(reading.prompt.tokenText)
    addHeads(of: first, attributions) { block, component, i in
      for source in 0...reading.position {
        block.cells.add(component, source: source, text: texts[source])
        block.add(attributions.map { $0?.parts[i].sources?[source] ?? .nan })
      }
    }
  }

  /// What each head reads from each span.
  init(spansOf first: Attribution, _ attributions: [Attribution?], _ reading: Reading) {
    self.init(columns: attributions.count)
    let groups = reading.groups
    addHeads(of: first, attributions) { block, component, i in
      for group in groups {
        block.cells.add(component, text: group)
        block.add(attributions.map { $0.map { Self.total($0.parts[i], group, reading) } ?? .nan })
      }
    }
  }

  /// - Parameter add: the rows of a head and of its place among the parts. Where an edit wrote its z it has
  ///   no split over sources, and one row.
  private mutating func addHeads(
    of first: Attribution, _ attributions: [Attribution?],
    _ add: (inout AttributionBlock, Attribution.Component, Int) -> Void
  ) {
    for (i, part) in first.parts.enumerated() where part.component.isHead {
      if part.sources != nil {
        add(&self, part.component, i)
      } else {
        cells.add(part.component, text: "edited")
        self.add(attributions.map { $0?.parts[i].value ?? .nan })
      }
    }
  }

  /// What all heads read from each span.
  init(spanTotalsOf attributions: [Attribution?], _ reading: Reading) {
    self.init(columns: attributions.count)
    for group in reading.groups {
      cells.add(text: group)
      add(
        attributions.map { attribution in
          guard let attribution else { return .nan }
          return Float(
            attribution.parts.filter { $0.sources != nil }
              .reduce(0.0) { $0 + Double(Self.total($1, group, reading)) })
        })
    }
  }

  /// What a head read from the tokens of a group.
  private static func total(_ part: Attribution.Part, _ group: String, _ reading: Reading) -> Float
  {
    Float(
      (0...reading.position).filter { reading.prompt.group(of: $0) == group }
        .reduce(0.0) { $0 + Double(part.sources?[$1] ?? 0) })
  }
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
