import Lang
import Model

// Paths of several edges (Wang et al. 2022; Goldowsky-Dill et al. 2023): along each edge the reader alone sees what
// the writer before gives, and what it then gives is handed on.

extension EditBinder {
  /// What the last edge of a path gives at every position. All paths of a prompt are run together.
  mutating func pathRows(_ spec: EditSpec, _ place: Place, at index: Int) throws -> [[Float]] {
    if let known = paths, known.spec == ObjectIdentifier(spec.identity), known.index == index,
      let rows = known.rows[place]
    {
      return rows
    }
    guard set.edits.count == 1 else {
      throw Failure(
        "a path is patched in the prompt's own run, and this line has other edits",
        help: "omit them")
    }
    var all: [Place] = []
    var seen: Set<Place> = []
    for target in spec.targets where seen.insert(target.place).inserted { all.append(target.place) }
    let rows = try PathRuns(
      set.prompts[index], index: index, passesMLPs: spec.passesMLPs, run: caseRunner
    ).rows(of: all, given: try donorRows(spec, all, at: index))
    paths = (ObjectIdentifier(spec.identity), index, rows)
    return rows[place] ?? []
  }

  /// What the first component of each path gives in the donor's run.
  private mutating func donorRows(_ spec: EditSpec, _ places: [Place], at index: Int) throws
    -> [Edge.Writer: [[Float]]]
  {
    let positions = Array(set.prompts[index].tokens.indices)
    var rows: [Edge.Writer: [[Float]]] = [:]
    for place in places {
      guard let writer = place.firstWriter, rows[writer] == nil else { continue }
      rows[writer] = try self.rows(spec, writer.part, nil, at: positions, ofPrompt: index)
    }
    return rows
  }
}

extension Place {
  /// Where its path begins.
  var firstWriter: Edge.Writer? { path.first?.writer ?? edges.first?.writer }
}
