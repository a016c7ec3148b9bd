import Model

/// The directions of targets, each made once, and from others where that is less work.
struct Directions {
  /// How many are made together: what they take stays in the second cache.
  private static let atOnce = 16

  private let transformer: Transformer
  private let withNeurons: Bool
  private var made: [LogitTarget: Direction] = [:]

  init(_ transformer: Transformer, withNeurons: Bool) {
    self.transformer = transformer
    self.withNeurons = withNeurons
  }

  /// Makes what is not known yet of the directions of some targets.
  mutating func make(_ goals: [AttributionGoal.Target]) throws {
    var missing: [LogitTarget] = []
    var seen: Set<LogitTarget> = []
    for goal in goals {
      let targets = goal.parts.isEmpty ? [goal.target] : goal.parts.map(\.target)
      missing += targets.filter { made[$0] == nil && seen.insert($0).inserted }
    }
    for start in stride(from: 0, to: missing.count, by: Self.atOnce) {
      let some = Array(missing[start..<min(start + Self.atOnce, missing.count)])
      let directions = try transformer.directions(of: some, withNeurons: withNeurons)
      for (target, direction) in zip(some, directions) { made[target] = direction }
    }
  }

  /// Forgets those that were made, once they are many: of the tokens of long texts few come again.
  mutating func forgetMany() {
    if made.count >= 256 { made = [:] }
  }

  mutating func direction(of goal: AttributionGoal.Target) throws -> Direction {
    if goal.parts.isEmpty { return try direction(of: goal.target) }
    return .sum(try goal.parts.map { ($0.weight, try direction(of: $0.target)) })
  }

  private mutating func direction(of target: LogitTarget) throws -> Direction {
    if let known = made[target] { return known }
    let direction = try transformer.direction(of: target, withNeurons: withNeurons)
    made[target] = direction
    return direction
  }
}
