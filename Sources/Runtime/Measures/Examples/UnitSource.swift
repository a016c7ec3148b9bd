import Lang
import Model

/// What has one number at each position of a text: a neuron, a head by its norm, an element of a site, a
/// feature of a dictionary.
struct ExampleUnit: Hashable {
  var label: String
  var layer: Int?
  var head: Int?
  var neuron: Int?
  var feature: Int?
  /// Of a site without units of its own.
  var element: Int?
}

/// Some units, and how their numbers follow from what a run keeps. What a unit is, is decided here alone:
/// `UnitCollector` only sees rows of numbers.
struct UnitSource {
  /// What a run must keep.
  let sites: [Site]
  let units: [ExampleUnit]
  /// Whether texts in which a unit is 0 are no examples of it: all features of a dictionary were named.
  let skipsZeros: Bool
  /// Makes `[positions][units]` of what was kept.
  let read: ([Site: CapturedActivation], _ positions: [Int]) throws -> [[Float]]
  /// What `read` takes at a number of positions, besides the run.
  let work: (_ positions: Int) -> UnitWork

  /// Of neurons, heads or elements.
  ///
  /// - Parameter indices: which of the site's they are.
  private init(
    _ site: Site, _ units: [ExampleUnit], _ indices: [Int], _ configuration: Configuration
  ) {
    (sites, self.units, skipsZeros) = ([site], units, false)
    work = { _ in UnitWork() }
    switch site.activation.units {
    case .heads, .keyValueHeads:
      let width = configuration.unitWidth(site.activation, sources: 1)
      read = { kept, _ in
        try (kept[site]?.rows ?? []).mapChecked { Self.norms(of: indices, width: width, $0) }
      }
    case .none, .neurons:
      let isWhole = indices == Array(0..<configuration.elements(of: site))
      read = { kept, _ in
        let rows = kept[site]?.rows ?? []
        return isWhole ? rows : try rows.mapChecked { row in indices.map { row[$0] } }
      }
    }
  }

  /// Of features.
  ///
  /// - Parameter features: their numbers.
  private init(
    _ placed: PlacedDictionary, _ units: [ExampleUnit], _ features: [Int], skipsZeros: Bool,
    on model: LanguageModel
  ) {
    (sites, self.units, self.skipsZeros) = (placed.readSites, units, skipsZeros)
    let dictionary = placed.dictionary
    read = { kept, positions in
      let rows = positions.compactMap { placed.input(kept, at: $0) }
      return try dictionary.activations(of: features, at: rows, on: model.transformer.pool)
    }
    work = { positions in
      UnitWork(
        rows: positions, flops: dictionary.encodingFlops(of: features.count),
        bytes: dictionary.encodingBytes(of: features.count, rows: positions))
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

  /// A source for each site or dictionary of some places, in the order in which they are named. What a list
  /// names twice is there once.
  ///
  /// - Parameter dictionaries: those in use on the model.
  /// - Throws: `Failure` for sites with a number for each source position, and for what dictionaries leave
  ///   over.
  static func sources(
    of places: [InspectedPlace], on model: LanguageModel, _ dictionaries: [LoadedDictionary]
  ) throws -> [UnitSource] {
    var order: [Owner] = []
    var found: [Owner: Named] = [:]
    for place in places {
      try Interruption.check()
      try check(place)
      let owner = place.part.feature.map { Owner.dictionary($0.placed) } ?? .site(place.part.site)
      if found[owner] == nil { order.append(owner) }
      var own = found[owner] ?? Named()
      own.isAll = own.isAll || place.place.isAllFeatures
      let units =
        switch owner {
        case .site: model.configuration.units(of: place)
        case .dictionary: place.features(of: dictionaries)
        }
      for (unit, index) in units where own.seen.insert(unit).inserted {
        own.units.append(unit)
        own.indices.append(index)
      }
      found[owner] = own
    }
    return order.compactMap { owner in
      found[owner].map { own in
        switch owner {
        case .site(let site): UnitSource(site, own.units, own.indices, model.configuration)
        case .dictionary(let placed):
          UnitSource(placed, own.units, own.indices, skipsZeros: own.isAll, on: model)
        }
      }
    }
  }

  /// What units are read of.
  private enum Owner: Hashable {
    case site(Site)
    case dictionary(PlacedDictionary)
  }

  /// The units of one owner, as they are named.
  private struct Named {
    var units: [ExampleUnit] = []
    var indices: [Int] = []
    var seen: Set<ExampleUnit> = []
    /// Whether all features are among them.
    var isAll = false
  }

  private static func check(_ place: InspectedPlace) throws {
    guard place.part.feature?.isError != true else {
      throw Failure(
        "\(place.place.label) is what a dictionary leaves over, not one number for the token",
        help: "`activations \(place.place.label)` has its elements", span: place.span)
    }
    guard !place.part.site.activation.isOverSources else {
      throw Failure(
        "\(place.place.label) has a number for each source position, not one for the token",
        help: "name neurons, heads (L9H3, by the norm of z) or a site such as L9.resid_post",
        span: place.span)
    }
  }
}

/// What reading units takes, besides the run.
struct UnitWork {
  /// Rows that are multiplied, and multiplications and additions of each.
  var rows = 0
  var flops = 0.0
  /// At the most.
  var bytes = 0

  func plan(on model: LanguageModel) throws -> RunPlan {
    let transformer = model.transformer
    return transformer.planProducts(
      rows: rows, flops: flops, bytes: bytes, speed: try transformer.speed())
  }
}

extension InspectedPlace {
  /// The features that it names, each with its number.
  fileprivate func features(of dictionaries: [LoadedDictionary])
    -> [(unit: ExampleUnit, index: Int)]
  {
    guard let loaded = dictionaries.first(where: { $0.placed == part.feature?.placed }) else {
      return []
    }
    return (part.features ?? []).map { feature in
      let named = loaded.place(of: feature, among: dictionaries)
      return (ExampleUnit(label: named.label, layer: named.layer, feature: feature), feature)
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
