/// The completions that a metric takes together, by their places among all of a prompt.
struct CompletionSet: Sendable {
  /// Each once, however often it is named.
  let all: [Int]
  /// Those that begin with no other one. A text cannot go on with two of these, so that their
  /// probabilities add up.
  let apart: [Int]

  init(_ places: [Int], of completions: [[Int]]) {
    var seen: Set<Int> = []
    let all = places.filter { seen.insert($0).inserted }
    self.all = all
    let areOneToken = all.allSatisfy { completions[$0].count == 1 }
    apart =
      areOneToken
      ? all
      : all.filter { place in
        !all.contains { $0 != place && completions[place].starts(with: completions[$0]) }
      }
  }
}

extension MetricExpression {
  /// The sets that it takes scores of.
  var tokenSets: [[Tokens]] {
    var found: [[Tokens]] = []
    visit { part in
      switch part {
      case .score(_, let tokens): found.append(tokens)
      case .accuracy: found += [[.answers], [.foils]]
      default: break
      }
    }
    return found
  }
}
