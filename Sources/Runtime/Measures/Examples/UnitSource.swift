import Lang
import Model

/// What has one number at each position of a text: a neuron, a head by its norm, an element of a site.
struct ExampleUnit: Hashable {
  var label: String
  var layer: Int?
  var head: Int?
  var neuron: Int?
  /// Of a site without units of its own.
  var element: Int?
}

/// Some units, and how their numbers follow from what a run keeps at a site. What a unit is, is decided
/// here alone: `UnitCollector` only sees rows of numbers.
struct UnitSource {
  let site: Site
  let units: [ExampleUnit]
  /// Makes `[positions][units]` of what was kept.
  let read: (CapturedActivation) throws -> [[Float]]

  /// - Parameter indices: which of the site's neurons, heads or elements `units` are.
  private init(
    _ site: Site, _ units: [ExampleUnit], _ indices: [Int], _ configuration: Configuration
  ) {
    self.site = site
    self.units = units
    switch site.activation.units {
    case .heads, .keyValueHeads:
      let width = configuration.unitWidth(site.activation, sources: 1)
      read = { kept in try kept.rows.mapChecked { Self.norms(of: indices, width: width, $0) } }
    case .none, .neurons:
      let isWhole = indices == Array(0..<configuration.elements(of: site))
      read = { kept in
        isWhole ? kept.rows : try kept.rows.mapChecked { row in indices.map { row[$0] } }
      }
    }
  }

  /// The length of each head's vector, √Σx², summed in double precision in the order of its elements.
  private static func norms(of heads: [Int], width: Int, _ row: [Float]) -> [Float] {
    row.withUnsafeBufferPointer { x in
      heads.map { head in
        var sum = 0.0
        for i in head * width..<(head + 1) * width { sum += Double(x[i]) * Double(x[i]) }
        return Float(sum.squareRoot())
      }
    }
  }

  /// A source for each site of some places, in the order in which they are named. What a list names twice
  /// is there once.
  ///
  /// - Throws: `Failure` for sites with a number for each source position.
  static func sources(of places: [InspectedPlace], on model: LanguageModel) throws -> [UnitSource] {
    var order: [Site] = []
    var found: [Site: (units: [ExampleUnit], indices: [Int], seen: Set<ExampleUnit>)] = [:]
    for place in places {
      try Interruption.check()
      let site = place.part.site
      guard !site.activation.isOverSources else {
        throw Failure(
          "\(place.place.label) has a number for each source position, not one for the token",
          help: "name neurons, heads (L9H3, by the norm of z) or a site such as L9.resid_post",
          span: place.span)
      }
      if found[site] == nil { order.append(site) }
      var own = found[site] ?? ([], [], [])
      for (unit, index) in model.configuration.units(of: place) where own.seen.insert(unit).inserted
      {
        own.units.append(unit)
        own.indices.append(index)
      }
      found[site] = own
    }
    return order.compactMap { site in
      found[site].map { UnitSource(site, $0.units, $0.indices, model.configuration) }
    }
  }
}

extension Configuration {
  /// How many numbers a site has at a position.
  fileprivate func elements(of site: Site) -> Int {
    unitCount(site) * unitWidth(site.activation, sources: 1)
  }

  /// The units of a place, each with its number among those of the site.
  fileprivate func units(of place: InspectedPlace) -> [(unit: ExampleUnit, index: Int)] {
    let (part, named) = (place.part, place.place)
    let (activation, layer) = (part.site.activation, part.site.layer)
    let isUsual = activation == .z || activation == .mlpPost
    let suffix = isUsual ? "" : ".\(activation.rawValue)"
    func unit(_ kind: String, _ index: Int) -> ExampleUnit {
      let label = part.units == nil ? "L\(layer)\(kind)\(index)\(suffix)" : named.label
      return ExampleUnit(label: label, layer: layer, head: named.head)
    }
    let indices = part.units ?? Array(0..<unitCount(part.site))
    switch activation.units {
    case .none:
      let count = elements(of: part.site)
      return (0..<count).map {
        (ExampleUnit(label: named.label, layer: named.layer, element: count == 1 ? nil : $0), $0)
      }
    case .neurons:
      return indices.map { index in
        var one = unit("N", index)
        one.neuron = index
        return (one, index)
      }
    case .heads:
      return indices.map { index in
        var one = unit("H", index)
        one.head = index
        return (one, index)
      }
    case .keyValueHeads: return indices.map { (unit("KV", $0), $0) }
    }
  }
}
