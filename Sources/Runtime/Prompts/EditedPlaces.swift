import Model

/// The places of one edit of one prompt that are changed already, as its list is gone through:
/// `scale L9.mlp@subject, L9.mlp@last by 2` where the subject comes last.
struct EditedPlaces {
  private let configuration: Configuration
  /// Of each site, without units, and position the units.
  private var done: [Place.SitePart: [Int: Set<Int>]] = [:]

  init(_ configuration: Configuration) { self.configuration = configuration }

  /// What of a part is not changed yet: units, and the positions where just these are left.
  mutating func add(_ part: Place.SitePart, at positions: [Int]) -> [(
    part: Place.SitePart, positions: [Int]
  )] {
    let units = part.units ?? part.features ?? Array(0..<configuration.unitCount(part.site))
    let whole = Place.SitePart(site: part.site, units: nil, feature: part.feature)
    let known = done[whole]
    var left: [(part: Place.SitePart, positions: [Int])] = []
    for position in positions {
      let before = known?[position] ?? []
      done[whole, default: [:]][position] = before.union(units)
      var rest = part
      if !before.isDisjoint(with: units) { rest.units = units.filter { !before.contains($0) } }
      if rest.units?.isEmpty == true { continue }
      if let place = left.firstIndex(where: { $0.part == rest }) {
        left[place].positions.append(position)
      } else {
        left.append((rest, [position]))
      }
    }
    return left
  }
}
