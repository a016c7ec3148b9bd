import Lang
import Model

/// The runs of a prompt that find what paths of several edges hand on.
struct PathRuns {
  /// An edge, and what its reader takes by position.
  private struct Handed {
    var edge: Edge
    var rows: [[Float]]
  }

  private let prompt: Prompt
  private let index: Int
  private let passesMLPs: Bool
  private let run: EditBinder.CaseRunner
  private let positions: [Int]

  /// - Parameter index: the prompt's place in its set.
  init(
    _ prompt: Prompt, index: Int, passesMLPs: Bool, run: @escaping EditBinder.CaseRunner
  ) {
    (self.prompt, self.index, self.passesMLPs, self.run) = (prompt, index, passesMLPs, run)
    positions = Array(prompt.tokens.indices)
  }

  /// By position what the last edge of each path gives.
  ///
  /// - Parameter given: what the first component of each gives in the donor's run.
  func rows(of places: [Place], given: [Edge.Writer: [[Float]]]) throws -> [Place: [[Float]]] {
    let clean = passesMLPs ? try cleanRun(places) : RunResult()
    // Paths that begin alike are run once.
    var known: [[Edge]: [[Float]]] = [:]
    let longest = places.map(\.path.count).max() ?? 0
    for length in 0..<longest {
      var beginnings: [[Edge]] = []
      for place in places where place.path.count > length {
        let beginning = Array(place.path[...length])
        if known[beginning] == nil, !beginnings.contains(beginning) { beginnings.append(beginning) }
      }
      let handed = beginnings.map { beginning in
        Handed(
          edge: beginning[length],
          rows: known[beginning.dropLast()] ?? given[beginning[0].writer] ?? [])
      }
      for (beginning, rows) in zip(beginnings, try pass(handed, clean)) { known[beginning] = rows }
    }
    let lasts = places.map { known[$0.path] ?? $0.firstWriter.flatMap { given[$0] } ?? [] }
    guard passesMLPs else { return Dictionary(uniqueKeysWithValues: zip(places, lasts)) }
    let edges = zip(places, lasts).map { Handed(edge: $0.edges[0], rows: $1) }
    return Dictionary(uniqueKeysWithValues: zip(places, try streams(edges, clean)))
  }

  private func item(_ edits: [Edit]) -> Case {
    Case(prompt: prompt, index: index, edits: edits, baseEdits: [])
  }

  /// What each edge's reader gives where it alone reads what is handed on.
  private func pass(_ handed: [Handed], _ clean: RunResult) throws -> [[[Float]]] {
    var read = handed
    if passesMLPs {
      read = zip(handed, try streams(handed, clean)).map { handed, rows in
        Handed(edge: Edge(from: .embed, to: handed.edge.reader), rows: rows)
      }
    }
    let runs = try run(
      read.map { read in
        let edit = Edit(edge: read.edge, positions: positions, rows: read.rows)
        let site = read.edge.reader.writer?.part.site
        return (item: item([edit]), sites: site.map { [$0: .all] } ?? [:])
      })
    return zip(read, runs).map { read, run in
      read.edge.reader.writer.map { run.rows(of: $0.part) } ?? []
    }
  }

  // MARK: - Through MLPs

  /// What the embedding would have to give for each edge's reader to read the stream of a run in which the
  /// edge's writer gives what is handed on, heads are held, and MLPs compute again.
  private func streams(_ handed: [Handed], _ clean: RunResult) throws -> [[[Float]]] {
    let held = (0..<prompt.model.configuration.layers).compactMap { layer -> Edit? in
      let site = Site(.z, layer: layer)
      guard let rows = clean.activations[site]?.rows else { return nil }
      return Edit(site: site, positions: positions, change: .replace(rows))
    }
    let runs = try run(
      handed.map { handed in
        let part = handed.edge.writer.part
        let edit = Edit(
          site: part.site, units: part.units, positions: positions, change: .replace(handed.rows))
        return (item: item(held + [edit]), sites: [stream(of: handed.edge.reader): .all])
      })
    let embedding = clean.activations[Site(.embed)]?.rows ?? []
    return zip(handed, runs).map { handed, run in
      let site = stream(of: handed.edge.reader)
      let (own, new) = (clean.activations[site]?.rows ?? [], run.activations[site]?.rows ?? [])
      return embedding.indices.map { position in
        embedding[position].indices.map {
          embedding[position][$0] + (new[position][$0] - own[position][$0])
        }
      }
    }
  }

  /// What a reader reads, before its norm.
  private func stream(of reader: Edge.Reader) -> Site {
    let configuration = prompt.model.configuration
    switch reader {
    case .head(_, let layer, _): return Site(.residPre, layer: layer)
    case .mlp(let layer):
      return Site(configuration.residual == .sequential ? .residMid : .residPre, layer: layer)
    case .logits: return Site(.residPost, layer: configuration.layers - 1)
    }
  }

  private func cleanRun(_ places: [Place]) throws -> RunResult {
    var sites: [Site: RunRequest.Positions] = [Site(.embed): .all]
    for layer in 0..<prompt.model.configuration.layers { sites[Site(.z, layer: layer)] = .all }
    for edge in places.flatMap({ $0.path + $0.edges }) { sites[stream(of: edge.reader)] = .all }
    return try run([(item: Case(prompt: prompt, index: index, edits: []), sites: sites)])[0]
  }
}

extension RunResult {
  /// What a part of the model gives at each position that was kept.
  fileprivate func rows(of part: Place.SitePart) -> [[Float]] {
    guard let kept = activations[part.site] else { return [] }
    return kept.rows.indices.map { row in
      part.units.map { $0.flatMap { Array(kept[row, $0]) } } ?? kept[row]
    }
  }
}

extension EditSpec {
  /// Whether its targets are paths of several edges, or edges through MLPs.
  var hasPaths: Bool { passesMLPs || targets.havePaths }
}
