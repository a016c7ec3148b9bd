// Readers whose copy of the stream an edge was edited in.

/// Keys and values that query heads do not share with others, by head and by the row, among those that
/// give keys and values, that they stand in place of. Every run that reads the row reads them.
struct OwnKeysAndValues {
  /// By head, then by the row that they stand in place of.
  var keys: [Int: [Int32: [Float]]] = [:]
  var values: [Int: [Int32: [Float]]] = [:]

  var heads: [Int] { Set(keys.keys).union(values.keys).sorted() }

  /// Whether a head has a key or a value of its own in place of a row's.
  func has(_ row: Int32, for head: Int) -> Bool {
    keys[head]?[row] != nil || values[head]?[row] != nil
  }
}

extension LayerForward {
  // MARK: - Heads

  /// What a head makes of copies of its own, `[shift]`, before its norm and RoPE.
  private func read(
    _ shifts: [EdgeTaps.Shift], by linear: Transformer.Linear, _ activation: Activation,
    _ rows: Batch, _ taps: Taps
  ) -> [[Float]] {
    let c = model.configuration
    func output(_ shift: EdgeTaps.Shift) -> Int {
      activation.units == .heads ? shift.head : c.keyValueHead(of: shift.head)
    }
    // Those of one head stand together: only that head's rows of the matrix are read.
    let order = shifts.indices.sorted { (output(shifts[$0]), $0) < (output(shifts[$1]), $1) }
    let normed = norm(order.map { shifts[$0] }, by: weights.ln1, .ln1Scale, rows, taps)
    var read = [[Float]](repeating: [], count: shifts.count)
    var done = 0
    while done < order.count {
      let head = output(shifts[order[done]])
      let own = order[done...].prefix { output(shifts[$0]) == head }
      let part = work.part(
        of: linear, rows: head * c.headWidth..<(head + 1) * c.headWidth,
        by: normed.pointer + done * c.width, count: own.count)
      for (index, shift) in own.enumerated() { read[shift] = part[index] }
      done += own.count
    }
    return read
  }

  /// The keys and values that heads have by themselves, ready to be attended to.
  func readOwnKeysAndValues(_ rows: Batch, _ taps: Taps) -> OwnKeysAndValues {
    OwnKeysAndValues(
      keys: readOwn(.k, by: weights.k, rows, taps) { turn(&$0, $1, rows) },
      values: readOwn(.v, by: weights.v, rows, taps) { _, _ in })
  }

  /// - Returns: by head, then by the row that it stands in place of.
  private func readOwn(
    _ activation: Activation, by linear: Transformer.Linear, _ rows: Batch, _ taps: Taps,
    _ finish: (inout [Float], EdgeTaps.Shift) -> Void
  ) -> [Int: [Int32: [Float]]] {
    let shifts = taps.shifts(at: site(activation), rows: rows)
    guard !shifts.isEmpty else { return [:] }
    var own: [Int: [Int32: [Float]]] = [:]
    for (shift, x) in zip(shifts, read(shifts, by: linear, activation, rows, taps)) {
      var x = x
      edit(&x, activation, shift, rows, taps)
      finish(&x, shift)
      own[shift.head, default: [:]][Int32(shift.row)] = x
    }
    return own
  }

  /// A line's own edits of a key or value hold for a head's copy too.
  private func edit(
    _ x: inout [Float], _ activation: Activation, _ shift: EdgeTaps.Shift, _ rows: Batch,
    _ taps: Taps
  ) {
    let head = model.configuration.keyValueHead(of: shift.head)
    for (row, edit) in taps.rowEdits(at: site(activation), rows: rows) where row == shift.row {
      guard let unit = edit.units.firstIndex(of: head) else { continue }
      x.withUnsafeMutableBufferPointer { x in
        guard let base = x.baseAddress else { return }
        Taps.change(base, edit.change, index: edit.index, unit: unit, width: x.count)
      }
    }
  }

  /// The norm and RoPE of one head's key.
  private func turn(_ x: inout [Float], _ shift: EdgeTaps.Shift, _ rows: Batch) {
    let (kernels, width) = (work.kernels, model.configuration.headWidth)
    let epsilon = model.configuration.epsilon
    let tokens = rows.members[shift.member].request.tokens.count
    x.withUnsafeMutableBufferPointer { x in
      guard let x = x.baseAddress else { return }
      if let norm = weights.kNorm {
        let scale = norm.scale(of: x, width, epsilon, kernels)
        norm.apply(to: x, scale: scale, width, kernels, into: x)
      }
      rotary?.table(tokens: tokens)
        .rotate(x, heads: 1, width: width, at: shift.position, kernels)
    }
  }

  /// Writes the queries of heads that read a copy of their own over those of the stream.
  func readOwnQueries(_ rows: Batch, _ taps: Taps) {
    let shifts = taps.shifts(at: site(.q), rows: rows)
    guard !shifts.isEmpty else { return }
    let width = model.configuration.headWidth
    for (shift, query) in zip(shifts, read(shifts, by: weights.q, .q, rows, taps)) {
      let place = buffers.q.pointer + shift.row * weights.q.stride + shift.head * width
      place.update(from: query, count: width)
    }
  }

  /// One head of one run that reads a key or a value of its own.
  private struct Attending {
    var member: Int
    var head: Int
    var rows: [Int]
    var lastPosition: Int
  }

  /// Attends again with the heads that read keys or values of their own: those of their run, or of one
  /// whose rows it shares.
  func attendToOwn(
    _ own: OwnKeysAndValues, _ batch: Batch, _ work: AttentionWork, _ sources: [[Int32]]
  ) {
    let heads = own.heads
    guard !heads.isEmpty else { return }
    let rows = Dictionary(grouping: batch.rows.indices) { batch.rows[$0].owner }
    var items: [Attending] = []
    for (member, rows) in rows.sorted(by: { $0.key < $1.key }) {
      for head in heads {
        let first = sources[member].firstIndex { $0 >= 0 && own.has($0, for: head) }
        guard let first else { continue }
        let reading = rows.filter { batch.rows[$0].position >= first }
        guard let last = reading.map({ batch.rows[$0].position }).max() else { continue }
        items.append(
          Attending(member: member, head: head, rows: reading, lastPosition: last))
      }
    }
    model.pool.run(items.count) { index, _ in
      let item = items[index]
      let (head, sources) = (item.head, sources[item.member][...item.lastPosition])
      let keys = gathered(own.keys[head] ?? [:], keys, weights.k.stride, head, sources)
      let values = gathered(own.values[head] ?? [:], values, weights.v.stride, head, sources)
      let scratch = AttentionWork.Scratch(queries: 1, sources: sources.count)
      for row in item.rows {
        work.attend(row, head: head, keys: keys.pointer, values: values.pointer, scratch)
      }
    }
  }

  /// A head's keys or values, `[positions][d_head]`: its own where it has them, else the shared ones.
  private func gathered(
    _ own: [Int32: [Float]], _ shared: FloatBuffer, _ stride: Int, _ head: Int,
    _ sources: ArraySlice<Int32>
  ) -> FloatBuffer {
    let width = model.configuration.headWidth
    let offset = model.configuration.keyValueHead(of: head) * width
    let all = FloatBuffer(sources.count * width, zeroed: true)
    for (position, row) in sources.enumerated() where row >= 0 {
      let place = all.pointer + position * width
      if let vector = own[row] {
        place.update(from: vector, count: width)
      } else {
        place.update(from: shared.pointer + Int(row) * stride + offset, count: width)
      }
    }
    return all
  }

  // MARK: - MLP

  /// Writes what an MLP with a copy of its own reads over what it would read.
  func readOwnForMLP(_ input: FloatBuffer, _ rows: Batch, _ taps: Taps) {
    let shifts = taps.shifts(at: site(.mlpPost), rows: rows)
    guard !shifts.isEmpty else { return }
    let normed = norm(
      shifts, by: weights.ln2 ?? weights.ln1, weights.ln2 == nil ? .ln1Scale : .ln2Scale, rows,
      taps)
    let width = model.configuration.width
    for (index, shift) in shifts.enumerated() {
      (input.pointer + shift.row * width).update(
        from: normed.pointer + index * width, count: width)
    }
  }

  // MARK: - Common

  /// Copies of the stream with their shifts, normed, `[shift][d_model]`. Each is divided by a scale of its
  /// own, unless an edit set it.
  private func norm(
    _ shifts: [EdgeTaps.Shift], by norm: Transformer.Norm, _ scaleSite: Activation, _ rows: Batch,
    _ taps: Taps
  ) -> FloatBuffer {
    let (kernels, width) = (work.kernels, model.configuration.width)
    let epsilon = model.configuration.epsilon
    let edits = Dictionary(
      grouping: taps.rowEdits(at: site(scaleSite), rows: rows), by: \.row)
    let copies = FloatBuffer(shifts.count * width)
    for (index, shift) in shifts.enumerated() {
      (copies.pointer + index * width).update(
        from: taps.outside.start(shift, stream: buffers.stream.pointer + shift.row * width),
        count: width)
    }
    taps.outside.addSums(shifts, to: copies, work)
    work.forEach(shifts.count) { index in
      let x = copies.pointer + index * width
      shifts[index].apply(to: x, on: model, taps.outside)
      var scale = norm.scale(of: x, width, epsilon, kernels)
      for (_, edit) in edits[shifts[index].row] ?? [] {
        Taps.change(&scale, edit.change, index: edit.index, unit: 0, width: 1)
      }
      norm.apply(to: x, scale: scale, width, kernels, into: x)
    }
    return copies
  }

  // MARK: - Writers

  /// Notes what heads give whose edges are edited, before the norm on their way.
  ///
  /// - Parameter results: each head's own output, `[rows][heads][d_model]`, where it was computed.
  func noteHeads(_ rows: Batch, _ taps: inout Taps, results: FloatBuffer?) {
    let c = model.configuration
    var notes = false
    for head in 0..<c.heads {
      let writer = Edge.Writer.head(layer: number, head: head)
      let wanted = Set(taps.edges.rows(of: writer, in: rows))
        .union(taps.outside.rows(of: writer, in: rows)).sorted()
      if wanted.isEmpty { continue }
      notes = true
      let computed = results == nil ? result(of: head, rows: wanted) : nil
      let places = Dictionary(uniqueKeysWithValues: zip(wanted, 0...))
      func start(_ row: Int) -> UnsafePointer<Float> {
        if let computed, let place = places[row] {
          return UnsafePointer(computed.pointer + place * weights.o.matrix.stride)
        }
        return UnsafePointer(
          (results ?? buffers.attentionOut).pointer + (row * c.heads + head) * c.width)
      }
      taps.edges.note(writer, rows: rows) { row in
        Array(UnsafeBufferPointer(start: start(row), count: c.width))
      }
      taps.outside.note(writer, rows: rows, start)
    }
    if notes, weights.ln1Post != nil { noteSums(rows, &taps) }
  }

  private func noteSums(_ rows: Batch, _ taps: inout Taps) {
    let c = model.configuration
    let edits = Dictionary(
      grouping: taps.rowEdits(at: site(.ln1PostScale), rows: rows), by: \.row)
    func sum(_ row: Int) -> EdgeTaps.AttentionSum {
      let start = buffers.attentionOut.pointer + row * weights.o.stride
      return EdgeTaps.AttentionSum(
        sum: Array(UnsafeBufferPointer(start: start, count: c.width)),
        scaleEdits: (edits[row] ?? []).map(\.edit))
    }
    taps.edges.noteSum(ofAttention: number, heads: c.heads, rows: rows, sum)
    taps.outside.noteSums(ofAttention: number, rows: rows, sum)
  }
}
