import Model

extension Attribution {
  /// The attributions of several tokens together: of each component the sum of its parts. A head that has
  /// no split over sources in one of them has none in the sum.
  static func sum(_ all: [Attribution]) -> Attribution? {
    guard var sum = all.first, all.count > 1 else { return all.first }
    var places: [Component: Int] = [:]
    for (i, part) in sum.parts.enumerated() { places[part.component] = i }
    var values = sum.parts.map(\.values)
    for attribution in all.dropFirst() {
      sum.logit += attribution.logit
      for part in attribution.parts {
        guard let place = places[part.component] else {
          places[part.component] = sum.parts.count
          sum.parts.append(part)
          values.append(part.values)
          continue
        }
        for (i, value) in part.values.enumerated() { values[place][i] += value }
        sum.parts[place].sources = added(sum.parts[place].sources, part.sources)
      }
    }
    for i in sum.parts.indices { sum.parts[i].set(values[i]) }
    return sum
  }

  /// By source. One may have more sources: the tokens of an answer.
  private static func added(_ a: [Float]?, _ b: [Float]?) -> [Float]? {
    guard let a, let b else { return nil }
    let (longer, shorter) = a.count < b.count ? (b, a) : (a, b)
    return longer.enumerated().map { $0 < shorter.count ? $1 + shorter[$0] : $1 }
  }
}

extension Attribution.Part {
  /// Its value, or those of its neurons.
  fileprivate var values: [Double] {
    neurons.isEmpty ? [Double(value)] : neurons.map(Double.init)
  }

  fileprivate mutating func set(_ values: [Double]) {
    if neurons.isEmpty {
      value = Float(values[0])
    } else {
      neurons = values.map { Float($0) }
      value = Float(values.reduce(0, +))
    }
  }
}
