/// What was perhaps meant by an unknown name: the candidate that the fewest typing slips (a letter
/// more, less, other, or two swapped) lead to, if they are few for its length. Letter case is
/// forgiven first. Ties go to the earlier candidate.
public func suggestion(for name: String, among candidates: [String]) -> String? {
  let wanted = Array(name.lowercased())
  guard !wanted.isEmpty, wanted.count <= 100 else { return nil }
  var best: (candidate: String, distance: Int)?
  for candidate in candidates where candidate != name {
    let letters = Array(candidate.lowercased())
    let allowed = min(max(wanted.count, letters.count) / 3, 4)
    let limit = min(allowed, best.map { $0.distance - 1 } ?? allowed)
    guard limit >= 0, abs(letters.count - wanted.count) <= limit else { continue }
    let distance = editDistance(wanted, letters)
    if distance <= limit { best = (candidate, distance) }
  }
  return best?.candidate
}

/// The number of insertions, deletions, substitutions and swaps of neighbours that make one text the
/// other, no stretch edited twice (optimal string alignment).
func editDistance(_ left: [Character], _ right: [Character]) -> Int {
  var beforePrevious: [Int] = []
  var previous = Array(0...right.count)
  for (row, letter) in left.enumerated() {
    var current = [row + 1]
    for (column, other) in right.enumerated() {
      var cost = min(
        previous[column + 1] + 1, current[column] + 1, previous[column] + (letter == other ? 0 : 1))
      if row > 0, column > 0, letter == right[column - 1], other == left[row - 1] {
        cost = min(cost, beforePrevious[column - 1] + 1)
      }
      current.append(cost)
    }
    (beforePrevious, previous) = (previous, current)
  }
  return previous[right.count]
}
