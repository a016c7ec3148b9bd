import Lang
import Model

extension ComponentLiteral {
  /// `L12F5`, `sae.L12F5`, `L12.error`.
  var isOfFeatures: Bool {
    if case .features = part { return true }
    return part == .whole && path == ["error"]
  }
}

/// Places of features: which dictionary a literal means.
struct FeaturePlaces {
  private let configuration: Configuration
  private let access: Access
  private let dictionaries: [LoadedDictionary]?
  private let text: String

  /// - Parameter access: a feature is read at one site, and edited wherever it is added.
  init(
    _ configuration: Configuration, for access: Access, _ dictionaries: [LoadedDictionary]?,
    text: String
  ) {
    (self.configuration, self.access) = (configuration, access)
    (self.dictionaries, self.text) = (dictionaries, text)
  }

  func places(of literal: ComponentLiteral) throws -> [Place] {
    guard let dictionaries else {
      throw Failure(
        "'\(text)' is a feature of a dictionary, which this does not take",
        help:
          "features can be read by `activations` and `examples`, edited, and attributed by `dla by feature`"
      )
    }
    guard literal.path.isEmpty || literal.path == ["error"] else {
      throw Failure("'\(text)': a feature has no sites", help: "it is one number: L12F5")
    }
    guard let indices = literal.layers else { throw Failure("'\(text)' names no layer") }
    let layers = try indices.expanded(configuration.layers, "layers", in: text)
    let found = try layers.compactMap { try dictionary(at: $0, of: literal, dictionaries) }
    guard !found.isEmpty else { throw isMissing(literal, layers, dictionaries) }
    return try found.flatMap { try places(of: literal, in: $0, dictionaries) }
  }

  private func places(
    of literal: ComponentLiteral, in loaded: LoadedDictionary, _ all: [LoadedDictionary]
  ) throws -> [Place] {
    let layer = loaded.layer
    let start = loaded.prefix(among: all)
    guard case .features(let indices) = literal.part else {
      let part = Place.SitePart(
        site: loaded.placed.site, units: nil, feature: .error(loaded.placed))
      return [Place(label: "\(start)L\(layer).error", layer: layer, sites: [part])]
    }
    guard case .some = indices else {
      return [
        Place(
          label: "\(start)L\(layer)F*", layer: layer, sites: loaded.parts(nil, for: access))
      ]
    }
    let numbers = try indices.expanded(
      loaded.dictionary.features, "features", of: "'\(loaded.name)'", in: text)
    return numbers.map { loaded.place(of: $0, among: all, for: access) }
  }

  /// The one dictionary at a layer that a literal means; nil where there is none.
  private func dictionary(
    at layer: Int, of literal: ComponentLiteral, _ all: [LoadedDictionary]
  ) throws -> LoadedDictionary? {
    let there = all.filter {
      $0.layer == layer && (literal.dictionary == nil || $0.name == literal.dictionary)
    }
    guard there.count > 1 else { return there.first }
    let rest = literal.dictionary == nil ? literal.text : text
    throw Failure(
      "there are \(there.count) dictionaries at layer \(layer)",
      help: "say which: \(listed(there.map { "\($0.name).\(rest)" }))")
  }

  private func isMissing(
    _ literal: ComponentLiteral, _ layers: [Int], _ all: [LoadedDictionary]
  ) -> Failure {
    let used = all.map {
      "'\($0.name)' at L\($0.placed.site.layer).\($0.placed.site.activation.rawValue)"
    }
    let help =
      used.isEmpty
      ? "load one: dictionary PATH at L\(layers.first ?? 0).resid_post as sae"
      : "in use: \(listed(used))"
    if let name = literal.dictionary, !all.contains(where: { $0.name == name }) {
      return Failure("'\(text)': there is no dictionary '\(name)' on this model", help: help)
    }
    return Failure(
      "'\(text)': no dictionary is in use at layer \(layers.map(String.init).joined(separator: ", "))",
      help: help)
  }
}

extension LoadedDictionary {
  /// What stands before its features' names: its own, where another is at the same layer.
  func prefix(among all: [LoadedDictionary]) -> String {
    all.count { $0.layer == layer } > 1 ? name + "." : ""
  }

  /// One feature.
  func place(of feature: Int, among all: [LoadedDictionary], for access: Access = .editing)
    -> Place
  {
    Place(
      label: "\(prefix(among: all))L\(layer)F\(feature)", layer: layer,
      sites: parts([feature], for: access))
  }

  /// Features where they are read, or where they are added.
  fileprivate func parts(_ features: [Int]?, for access: Access) -> [Place.SitePart] {
    let sites =
      switch access {
      case .reading: [placed.site]
      case .editing, .patching: placed.writeSites
      }
    return sites.map { Place.SitePart(site: $0, units: features, feature: .features(placed)) }
  }
}
