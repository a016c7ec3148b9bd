import Lang
import Model

/// Features that the edits of a command name, and whether any run of it has them at another number than 0.
/// An edit of features that never fire changes nothing, and its effect of exactly 0 looks like a finding.
struct SilentFeatures {
  private struct Feature: Hashable {
    var placed: PlacedDictionary
    var number: Int
  }

  /// In the order in which the edits name them.
  private var order: [Feature] = []
  private var fires: [Feature: Bool] = [:]

  /// Adds what a run's edits met.
  mutating func add(_ fired: [FiredFeatures], of edits: [Edit]) {
    for met in fired where edits.indices.contains(met.edit) {
      guard case .features(let edit) = edits[met.edit].change else { continue }
      add(edit, fired: met.features, isWhole: met.isWhole)
    }
  }

  /// Adds what the edits of a variant meet in the run that they are estimated from.
  mutating func add(_ variant: Variant, in activations: [Site: CapturedActivation]) throws {
    for edit in variant.edits {
      guard case .features(let change) = edit.change else { continue }
      let found = try edit.positions.enumerated().map { index, position in
        try change.fired(index: index, activations, at: position)
      }
      add(
        change, fired: Set(found.compactMap(\.self).joined()),
        isWhole: found.allSatisfy { $0 != nil })
    }
  }

  private mutating func add(_ edit: FeatureEdit, fired: Set<Int>, isWhole: Bool) {
    guard case .features(let numbers) = edit.part else { return }
    for number in numbers {
      let fires = fired.contains(number)
      guard fires || isWhole else { continue }
      let feature = Feature(placed: edit.placed, number: number)
      if self.fires[feature] == nil { order.append(feature) }
      self.fires[feature] = self.fires[feature] ?? false || fires
    }
  }

  /// How many features were looked at.
  var count: Int { order.count }

  /// The names of those that never fire.
  func names(_ dictionaries: [LoadedDictionary]) -> [String] {
    order.filter { fires[$0] == false }.compactMap { feature in
      guard let loaded = dictionaries.first(where: { $0.placed == feature.placed }) else {
        return nil
      }
      let own = dictionaries.filter { $0.model === loaded.model }
      return loaded.place(of: feature.number, among: own).label
    }
  }
}

extension Session {
  /// Says which edited features never fire, at the place of the command whose runs they were.
  func warnOfSilentFeatures(at span: SourceSpan) {
    let found = statement.silentFeatures
    statement.silentFeatures = SilentFeatures()
    let names = found.names(dictionaries)
    guard let first = names.first else { return }
    let place = "0 at every position that is edited and read"
    let all = first[..<(first.lastIndex(of: "F") ?? first.endIndex)] + "F*"
    warn(
      found.count == 1
        ? "\(first) is \(place): its edit changes nothing"
        : "\(names.count) of \(found.count) edited features are \(place), and their edits change "
          + "nothing: \(excerpt(listed(names)))",
      help: "`activations \(all)` lists the features that are active", at: span)
  }
}
