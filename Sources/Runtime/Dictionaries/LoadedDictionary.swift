import Lang
import Model

/// A dictionary of a session, at a site of one of its models. The layers of a cross-layer transcoder have one name.
struct LoadedDictionary: Sendable {
  var name: String
  let placed: PlacedDictionary
  let model: LanguageModel

  var layer: Int { placed.site.layer }
  var dictionary: FeatureDictionary { placed.dictionary }
}

/// Features of a dictionary, or what they leave over.
enum FeaturePart: Sendable, Hashable {
  case features(PlacedDictionary)
  case error(PlacedDictionary)

  var placed: PlacedDictionary {
    switch self {
    case .features(let placed), .error(let placed): placed
    }
  }

  var isError: Bool { if case .error = self { true } else { false } }
}

extension Session {
  /// Those that are in use on a model.
  func dictionaries(of model: LanguageModel) -> [LoadedDictionary] {
    dictionaries.filter { $0.model === model }
  }

  /// Puts dictionaries under their name, in the place of those that had it.
  func add(_ added: [LoadedDictionary]) {
    let names = Set(added.map(\.name))
    dictionaries.removeAll { names.contains($0.name) }
    dictionaries += added
  }

  /// - Returns: whether a dictionary of that name was loaded.
  func removeDictionary(_ name: String) -> Bool {
    let count = dictionaries.count
    dictionaries.removeAll { $0.name == name }
    return dictionaries.count < count
  }

  /// The dictionary of that name, or its layers.
  func requireDictionary(_ name: String) throws -> [LoadedDictionary] {
    let found = dictionaries.filter { $0.name == name }
    if !found.isEmpty { return found }
    let names = dictionaries.reduce(into: [String]()) {
      if !$0.contains($1.name) { $0.append($1.name) }
    }
    throw Failure(
      "there is no dictionary '\(name)'",
      help: suggestion(for: name, among: names).map { "did you mean \($0)?" }
        ?? (names.isEmpty
          ? "load one: dictionary PATH at L5.resid_post as \(name)" : "these are \(listed(names))"))
  }
}

extension Place {
  /// Features of a dictionary, or what they leave over.
  var isOfFeatures: Bool { sites.contains { $0.feature != nil } }

  /// Whether it is all features of a dictionary, without their numbers.
  var isAllFeatures: Bool {
    sites.contains { $0.units == nil && $0.feature?.isError == false }
  }
}

extension Place.SitePart {
  /// The sites that a run must keep for its values.
  var readSites: [Site] {
    switch feature {
    case nil: [site]
    case .features(let placed): placed.readSites
    case .error(let placed): placed.sites
    }
  }

  /// Numbers of features.
  var features: [Int]? {
    guard case .features(let placed) = feature else { return nil }
    return units ?? Array(0..<placed.dictionary.features)
  }

  /// What an edit of it changes.
  var editedPart: FeatureEdit.Part? {
    switch feature {
    case nil: nil
    case .error: .error
    case .features: .features(features ?? [])
    }
  }

  /// Its values in a run that kept `readSites`, at a position; nil where it did not.
  func values(in activations: [Site: CapturedActivation], at position: Int) throws -> [Float]? {
    if let feature, let part = editedPart {
      return try feature.placed.values(of: part, activations, at: position)
    }
    guard let activation = activations[site],
      let place = activation.positions.firstIndex(of: position)
    else { return nil }
    return units.map { units in units.flatMap { Array(activation[place, $0]) } }
      ?? activation[place]
  }
}
