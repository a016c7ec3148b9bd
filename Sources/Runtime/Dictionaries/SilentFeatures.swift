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
  mutating func add(_ result: RunResult, of request: RunRequest) {
    for met in result.fired where request.edits.indices.contains(met.edit) {
      guard case .features(let edit) = request.edits[met.edit].change,
        case .features(let numbers) = edit.part
      else { continue }
      for number in numbers {
        let fired = met.features.contains(number)
        guard fired || met.isWhole else { continue }
        let feature = Feature(placed: edit.placed, number: number)
        if fires[feature] == nil { order.append(feature) }
        fires[feature] = fires[feature] ?? false || fired
      }
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
