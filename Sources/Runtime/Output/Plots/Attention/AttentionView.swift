import Lang

/// What heads read, for a page on which the reader chooses heads and points at tokens.
struct AttentionView {
  struct Head {
    var name: String
    var readings: [Reading]
  }

  /// What one token reads.
  struct Reading {
    /// Which token it is; nil where the table does not say.
    var position: Int?
    /// One for each token; NaN where the table has none.
    var values: [Double]
  }

  var valueTitle: String
  /// As in the prompt; what cannot be seen is written as `\n`.
  var tokens: [String]
  var heads: [Head]
  /// Heads for which there was no room.
  var omitted = 0

  /// A page with more cells than these is slow to open.
  private static let mostCells = 40_000

  /// Nil where not even one head fits.
  init?(_ table: Table, value: String?, prompts: [Prompt]) throws {
    let value = try table.numericColumn(value, for: "plot attention")
    guard let sources = table["source"], table.rowCount > 0 else { return nil }
    let places = (0..<table.rowCount).map { sources.values.number($0).flatMap(Int.init(exactly:)) }
    let texts = try table.attendedTokens(of: prompts)
    let count = max((places.compactMap { $0 }.max() ?? 0) + 1, texts.count)
    guard count > 0, count <= Self.mostCells else { return nil }
    valueTitle = escapedText(value.name)
    tokens = (0..<count).map { texts.indices.contains($0) ? escapedText(texts[$0]) : "\($0)" }
    let positions = table["position"]

    heads = []
    var cells = 0
    for rows in try table.groups(by: ["component"].compactMap { table[$0] }) {
      let part = try table.gathered(rows)
      let name = table["component"].map { escapedText($0[rows[0]].title) } ?? ""
      let groups = try part.groups(by: [positions].compactMap { $0.flatMap { part[$0.name] } })
      cells += groups.count * count
      guard cells <= Self.mostCells else {
        omitted += 1
        continue
      }
      let readings = groups.map { group in
        var values = [Double](repeating: .nan, count: count)
        for row in group {
          if let place = places[rows[row]], values.indices.contains(place) {
            values[place] = value.values.number(rows[row]) ?? .nan
          }
        }
        let position = positions?.values.number(rows[group[0]]).flatMap(Int.init(exactly:))
        return Reading(position: position, values: values)
      }
      heads.append(Head(name: name, readings: readings))
    }
    if heads.isEmpty { return nil }
  }

  /// The largest value by size: the strongest colour.
  var limit: Double {
    heads.flatMap(\.readings).flatMap(\.values).filter(\.isFinite).map(\.magnitude).max() ?? 0
  }
}

extension Plot {
  /// Of `plot attention` without panels, whose readers can choose heads.
  func attentionView() throws -> AttentionView? {
    guard kind == .attention, facet == nil, table.rowCount > 0 else { return nil }
    return try AttentionView(table, value: columns.first, prompts: prompts)
  }
}
