/// Where edges that are edited fall on the rows of a batch, and what their writers gave in these runs.
///
/// A reader then reads a copy of the stream of its own: what the stream has, and for each edge the
/// difference between what the edit gives and what the writer gave in this very run.
struct EdgeTaps {
  private struct Bound {
    var member: Int
    var edge: Edge
    var positions: [Int]
    var rows: [[Float]]
  }

  private struct Place: Hashable {
    var member: Int
    var position: Int
  }

  /// What attention gives in one row before the norm on its way into the stream.
  struct AttentionSum {
    var sum: [Float]
    /// What edits make of the number that this norm divides by.
    var scaleEdits: [Taps.RowEdit]
  }

  /// By the site of the reader, in the order in which they apply.
  private var edits: [Site: [Bound]] = [:]
  private var wanted: [Edge.Writer: Set<Place>] = [:]
  private var lastWanted: [Edge.Writer: (member: Int, positions: [Int])] = [:]
  private var written: [Edge.Writer: [Place: [Float]]] = [:]
  /// By layer, of models with such a norm.
  private var sums: [Int: [Place: AttentionSum]] = [:]

  mutating func bind(_ edge: Edge, _ rows: [[Float]], of edit: Edit, member: Int) {
    edits[edit.site, default: []].append(
      Bound(member: member, edge: edge, positions: edit.positions, rows: rows))
    // Edges from one writer mostly have the same positions.
    if let last = lastWanted[edge.writer], last.member == member, last.positions == edit.positions {
      return
    }
    lastWanted[edge.writer] = (member, edit.positions)
    wanted[edge.writer, default: []].formUnion(
      edit.positions.map { Place(member: member, position: $0) })
  }

  // MARK: - Writers

  /// The rows in which a writer's own output is needed, in their order.
  func rows(of writer: Edge.Writer, in rows: Batch) -> [Int] {
    guard let places = wanted[writer] else { return [] }
    return Set(places.map { rows.row(of: $0.member, at: $0.position) }).filter { $0 >= 0 }.sorted()
  }

  /// Notes what a writer gives in these runs.
  ///
  /// - Parameter vector: what it adds to the stream in a row; of a head, before the norm on its way.
  mutating func note(_ writer: Edge.Writer, rows: Batch, _ vector: (_ row: Int) -> [Float]) {
    guard let wanted = wanted[writer] else { return }
    var known: [Int: [Float]] = [:]
    for place in wanted {
      let row = rows.row(of: place.member, at: place.position)
      guard row >= 0 else { continue }
      let found = known[row] ?? vector(row)
      known[row] = found
      written[writer, default: [:]][place] = found
    }
  }

  /// Notes what attention as a whole gives where one of its heads is a writer.
  mutating func noteSum(
    ofAttention layer: Int, heads: Int, rows: Batch, _ sum: (_ row: Int) -> AttentionSum
  ) {
    var known: [Int: AttentionSum] = [:]
    for head in 0..<heads {
      for place in wanted[.head(layer: layer, head: head)] ?? [] {
        let row = rows.row(of: place.member, at: place.position)
        guard row >= 0 else { continue }
        let found = known[row] ?? sum(row)
        known[row] = found
        sums[layer, default: [:]][place] = found
      }
    }
  }

  // MARK: - Readers

  /// What one reader's copy of the stream differs by in one row.
  struct Shift {
    struct Part {
      var writer: Edge.Writer
      /// What the edit gives, and what the writer gave.
      var given, own: [Float]
      /// Of a head whose layer has a norm after attention.
      var sum: AttentionSum?
    }

    var member: Int
    var row: Int
    var position: Int
    /// The query head that reads it; 0 where no head does.
    var head: Int
    fileprivate(set) var parts: [Part]
    /// What it takes of many writers at once.
    var outside: OutsideTaps.Copy?

    /// Adds it to the stream's numbers, to which the sums of what is taken at once are added already. What is
    /// as it was moves no bit.
    func apply(
      to x: UnsafeMutablePointer<Float>, on model: Transformer, _ outside: OutsideTaps
    ) {
      var normed: [Int: [Part]] = [:]
      var sums: [Int: AttentionSum] = [:]
      for part in parts {
        if let sum = part.sum, let layer = part.writer.layer {
          normed[layer, default: []].append(part)
          sums[layer] = sum
        } else {
          addDifference(part.given, part.own, to: x)
        }
      }
      var heads: [Int: OutsideTaps.NormedHeads] = [:]
      for own in outside.normedHeads(self, bias: { model.layers[$0].o.bias }) {
        sums[own.layer] = own.sum
        heads[own.layer] = own
      }
      // Heads of one layer go through its norm together.
      for (layer, sum) in sums.sorted(by: { $0.key < $1.key }) {
        guard let norm = model.layers[layer].ln1Post else { continue }
        let others = (normed[layer] ?? []).reduce(into: heads[layer]?.changed ?? sum.sum) {
          sum, part in
          sum.withUnsafeMutableBufferPointer { sum in
            if let sum = sum.baseAddress { addDifference(part.given, part.own, to: sum) }
          }
        }
        let epsilon = model.configuration.epsilon
        let isAlone = heads[layer]?.isAlone ?? false
        addDifference(
          sum.normed(others, by: norm, epsilon),
          isAlone
            ? [Float](repeating: 0, count: others.count) : sum.normed(sum.sum, by: norm, epsilon),
          to: x)
      }
    }
  }

  /// The rows whose readers at a site have a copy of their own, those of the member that the edit is of.
  /// Of two edits of one edge the later one holds.
  func shifts(at site: Site, rows: Batch, _ outside: OutsideTaps) -> [Shift] {
    var shifts = outside.copies(at: site, rows: rows)
    var places: [Copy: Int] = [:]
    for (index, shift) in shifts.enumerated() {
      places[Copy(row: shift.row, head: shift.head)] = index
    }
    // By shift: whose parts it has. A run may have edits of all edges.
    var writers = shifts.map { Set($0.parts.map(\.writer)) }
    for edit in edits[site] ?? [] {
      let writer = edit.edge.writer
      let (head, layer) = (edit.edge.reader.head ?? 0, writer.head == nil ? nil : writer.layer)
      guard let given = written[writer] else { continue }
      let sums = layer.flatMap { self.sums[$0] }
      for (index, position) in edit.positions.enumerated() {
        let place = Place(member: edit.member, position: position)
        guard let row = rows.ownRow(of: edit.member, at: position),
          let own = given[place]
        else { continue }
        let shift = places[Copy(row: row, head: head), default: shifts.count]
        if shift == shifts.count {
          places[Copy(row: row, head: head)] = shift
          shifts.append(
            Shift(member: edit.member, row: row, position: position, head: head, parts: []))
          writers.append([])
        }
        if !writers[shift].insert(writer).inserted {
          shifts[shift].parts.removeAll { $0.writer == writer }
        }
        shifts[shift].parts.append(
          Shift.Part(
            writer: writer, given: edit.rows[index], own: own,
            sum: sums?[place]))
      }
    }
    return shifts
  }

  private struct Copy: Hashable {
    var row: Int
    var head: Int
  }
}

extension EdgeTaps.AttentionSum {
  /// A sum like this one, through the norm on the way of this one.
  fileprivate func normed(_ x: [Float], by norm: Transformer.Norm, _ epsilon: Float) -> [Float] {
    let kernels = Kernels.current
    var scale = norm.scale(of: x, x.count, epsilon, kernels)
    for edit in scaleEdits {
      Taps.change(&scale, edit.change, index: edit.index, unit: 0, width: 1)
    }
    return [Float](unsafeUninitializedCapacity: x.count) { buffer, count in
      if let out = buffer.baseAddress {
        norm.apply(to: x, scale: scale, x.count, kernels, into: out)
      }
      count = x.count
    }
  }
}

/// Adds a − b to x, where the two differ: adding 0 would turn −0 into 0.
func addDifference(_ a: [Float], _ b: [Float], to x: UnsafeMutablePointer<Float>) {
  for i in a.indices {
    let difference = a[i] - b[i]
    if difference != 0 { x[i] += difference }
  }
}

extension Edge.Reader {
  /// The query head that reads.
  public var head: Int? { if case .head(_, _, let head) = self { head } else { nil } }

  /// The first site through which all passes that an edit of what it reads changes.
  public var site: Site {
    switch self {
    case .head(.q, let layer, _): Site(.q, layer: layer)
    case .head(.k, let layer, _): Site(.k, layer: layer)
    case .head(.v, let layer, _): Site(.v, layer: layer)
    case .mlp(let layer): Site(.mlpPost, layer: layer)
    case .logits: Site(.lnFinalScale)
    }
  }
}

extension Edit {
  /// An edit of what one reader reads of one writer.
  ///
  /// - Parameter rows: for each position what the writer is taken to give.
  public init(edge: Edge, positions: [Int], rows: [[Float]]) {
    self.init(site: edge.reader.site, positions: positions, change: .edge(edge, rows))
  }

  /// The edge that it changes.
  public var edge: Edge? { if case .edge(let edge, _) = change { edge } else { nil } }
}
