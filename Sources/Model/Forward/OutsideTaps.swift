import CSIMD

/// The members of a batch some of whose readers take what writers give from elsewhere, all at once: what is
/// outside of a circuit.
///
/// Of every writer the difference between what it is taken to give and what it gave is kept, for every
/// position of such a member. A reader's copy of the stream has the sum of those that it is to take: the sums
/// of the readers of a layer are a product of a matrix of zeros and ones with the differences.
struct OutsideTaps {
  private struct Bound {
    var member: Int
    var reads: OutsideReads
    var positions: [Int]
  }

  /// A member and one of its positions.
  private struct Slot {
    var member: Int
    var position: Int
  }

  /// One reader's copy.
  struct Copy {
    var slot: Int
    /// Numbers of writers, ascending.
    var writers: [Int]
    /// How many writers come before the reader.
    var count: Int
  }

  private let graph: EdgeGraph
  private let width: Int
  private let panels: Int
  /// Whether a norm follows attention, so that heads do not add up.
  private let normsHeads: Bool
  private var bound: [Site: [Bound]] = [:]
  private var given: [Int: GivenWrites] = [:]
  private var slots: [Slot] = []
  /// By member, then by position; −1 where there is none.
  private var numbers: [Int: [Int]] = [:]
  /// By member the writers that some reader takes from elsewhere.
  private var wanted: [Int: [Bool]] = [:]
  /// `[slots][panels][writers][32]`; where writers are to give nothing, what they gave.
  private var differences = FloatBuffer(0)
  /// `[slots][d_model]`: what is in the stream and no writer's, positions and biases. Copies without what
  /// writers gave begin with it: to take all of a stream away from it again would leave its rounding.
  private var rests = FloatBuffer(0)
  /// By layer, then by slot, of models with a norm after attention.
  private var sums: [Int: [Int: EdgeTaps.AttentionSum]] = [:]

  init(_ configuration: Configuration) {
    graph = EdgeGraph(configuration)
    width = configuration.width
    panels = (width + Kernels.panelWidth - 1) / Kernels.panelWidth
    normsHeads = configuration.hasPostNorms
  }

  var isEmpty: Bool { bound.isEmpty }

  mutating func bind(_ reads: OutsideReads, of edit: Edit, member: Int, tokens: Int) {
    bound[edit.site, default: []].append(
      Bound(member: member, reads: reads, positions: edit.positions))
    given[member] = reads.given
    var wanted =
      wanted[member] ?? [Bool](repeating: reads.given.isZero, count: graph.writerCount)
    for writer in reads.writers { wanted[writer] = true }
    self.wanted[member] = wanted
    var numbers = numbers[member] ?? [Int](repeating: -1, count: tokens)
    for position in edit.positions where numbers[position] < 0 {
      numbers[position] = slots.count
      slots.append(Slot(member: member, position: position))
    }
    self.numbers[member] = numbers
  }

  /// Once all are bound.
  mutating func makeRoom() {
    guard !slots.isEmpty else { return }
    differences = FloatBuffer(slots.count * floatsPerSlot, zeroed: true)
    if given.values.contains(where: \.isZero) {
      rests = FloatBuffer(slots.count * width, zeroed: true)
    }
  }

  private var floatsPerSlot: Int { panels * graph.writerCount * Kernels.panelWidth }

  /// What `makeRoom` takes for each position of a member.
  static func bytesPerPosition(_ configuration: Configuration) -> Int {
    let panels = (configuration.width + Kernels.panelWidth - 1) / Kernels.panelWidth
    let floats = panels * EdgeGraph(configuration).writerCount * Kernels.panelWidth
    return (floats + configuration.width) * MemoryLayout<Float>.size
  }

  // MARK: - Writers

  /// The rows in which a writer's own output is needed, in their order.
  func rows(of writer: Edge.Writer, in rows: Batch) -> [Int] {
    let writer = graph.index(of: writer)
    let found = slots.lazy.filter { wanted[$0.member]?[writer] == true }
      .map { rows.row(of: $0.member, at: $0.position) }.filter { $0 >= 0 }
    return Set(found).sorted()
  }

  /// Notes what a writer gives in these runs.
  ///
  /// - Parameter vector: what it adds to the stream in a row; of a head, before the norm on its way.
  mutating func note(
    _ writer: Edge.Writer, rows: Batch, _ vector: (_ row: Int) -> UnsafePointer<Float>
  ) {
    if isEmpty { return }
    let index = graph.index(of: writer)
    for (number, slot) in slots.enumerated() where wanted[slot.member]?[index] == true {
      let row = rows.row(of: slot.member, at: slot.position)
      guard row >= 0, let given = given[slot.member] else { continue }
      let own = vector(row)
      if let row = given.row(of: writer, at: slot.position, width: width) {
        row.withUnsafeBufferPointer { write($0.baseAddress, minus: own, number, index) }
      } else {
        forEachPart(number, index) { part, place, count in
          part.update(from: own + place, count: count)
        }
      }
    }
  }

  private func write(
    _ given: UnsafePointer<Float>?, minus own: UnsafePointer<Float>, _ slot: Int, _ writer: Int
  ) {
    guard let given else { return }
    forEachPart(slot, writer) { part, place, count in
      for i in 0..<count { part[i] = given[place + i] - own[place + i] }
    }
  }

  /// Notes what is added to the stream and no writer's.
  func noteRest(rows: Batch, _ vector: (_ row: Int) -> UnsafePointer<Float>) {
    guard rests.count > 0 else { return }
    for (number, slot) in slots.enumerated() {
      let row = rows.row(of: slot.member, at: slot.position)
      if row >= 0 {
        Kernels.current.add(vector(row), to: rests.pointer + number * width, count: width)
      }
    }
  }

  /// The parts of a difference, one a panel.
  private func forEachPart(
    _ slot: Int, _ writer: Int,
    _ body: (_ part: UnsafeMutablePointer<Float>, _ place: Int, _ count: Int) -> Void
  ) {
    for panel in 0..<panels {
      let place = panel * Kernels.panelWidth
      body(
        self.panel(panel, of: slot) + writer * Kernels.panelWidth, place,
        min(Kernels.panelWidth, width - place))
    }
  }

  private func panel(_ panel: Int, of slot: Int) -> UnsafeMutablePointer<Float> {
    differences.pointer + slot * floatsPerSlot
      + panel * graph.writerCount * Kernels.panelWidth
  }

  /// Whether attention as a whole is needed where one of its heads is a writer.
  mutating func noteSums(
    ofAttention layer: Int, rows: Batch, _ sum: (_ row: Int) -> EdgeTaps.AttentionSum
  ) {
    let heads = (0..<graph.heads).map { graph.index(of: .head(layer: layer, head: $0)) }
    var known: [Int: EdgeTaps.AttentionSum] = [:]
    for (number, slot) in slots.enumerated() {
      let row = rows.row(of: slot.member, at: slot.position)
      guard row >= 0, let wanted = wanted[slot.member], heads.contains(where: { wanted[$0] })
      else { continue }
      let found = known[row] ?? sum(row)
      known[row] = found
      sums[layer, default: [:]][number] = found
    }
  }

  // MARK: - Readers

  /// The readers at a site that have copies in rows of their member's own.
  func copies(at site: Site, rows: Batch) -> [EdgeTaps.Shift] {
    var copies: [EdgeTaps.Shift] = []
    for item in bound[site] ?? [] {
      let (reader, member) = (item.reads.reader, item.member)
      let count = graph.writerCount(before: reader)
      for position in item.positions {
        guard let row = rows.ownRow(of: member, at: position),
          let slot = numbers[member]?[position], slot >= 0
        else { continue }
        copies.append(
          EdgeTaps.Shift(
            member: member, row: row, position: position, head: reader.head ?? 0, parts: [],
            outside: Copy(slot: slot, writers: item.reads.writers, count: count)))
      }
    }
    return copies
  }

  private func isZero(_ copy: Copy) -> Bool { given[slots[copy.slot].member]?.isZero ?? false }

  /// What the copy of a shift begins with.
  func start(_ shift: EdgeTaps.Shift, stream: UnsafePointer<Float>) -> UnsafePointer<Float> {
    guard let copy = shift.outside, isZero(copy) else { return stream }
    return UnsafePointer(rests.pointer + copy.slot * width)
  }

  /// Adds to copies of the stream, `[shift][d_model]`, what adds up.
  func addSums(_ shifts: [EdgeTaps.Shift], to copies: FloatBuffer, _ work: RowWork) {
    var groups: [Int: [Int]] = [:]
    for (index, shift) in shifts.enumerated() {
      if let slot = shift.outside?.slot { groups[slot, default: []].append(index) }
    }
    let items = groups.sorted { $0.key < $1.key }
    work.model.pool.run(items.count) { item, _ in
      addSums(items[item].value, of: shifts, slot: items[item].key, to: copies, work.kernels)
    }
  }

  private func addSums(
    _ indices: [Int], of shifts: [EdgeTaps.Shift], slot: Int, to copies: FloatBuffer,
    _ kernels: any InstructionSet.Type
  ) {
    let k = shifts[indices[0]].outside?.count ?? 0
    let chosen = FloatBuffer(indices.count * k, zeroed: true)
    for (row, index) in indices.enumerated() {
      for writer in added(shifts[index]) { chosen.pointer[row * k + writer] = 1 }
    }
    let packed = indices.count == 1 ? chosen : FloatBuffer(chosen.count)
    if indices.count > 1 {
      for tile in 0..<kernels.packedTiles(rows: indices.count) {
        kernels.packTile(
          tile, chosen.pointer, rows: indices.count, k: k, stride: k, into: packed.pointer)
      }
    }
    let sum = FloatBuffer(indices.count * Kernels.panelWidth)
    for number in 0..<panels {
      kernels.product(
        packed.pointer, rows: indices.count,
        by: SummandPanel(type: .F32, bytes: panel(number, of: slot), k: k), into: sum.pointer,
        stride: Kernels.panelWidth, scratch: sum.pointer)
      let place = number * Kernels.panelWidth
      for (row, index) in indices.enumerated() {
        let (x, parts) = (
          copies.pointer + index * width + place, sum.pointer + row * Kernels.panelWidth
        )
        // Adding 0 would turn −0 into 0.
        for i in 0..<min(Kernels.panelWidth, width - place) where parts[i] != 0 {
          x[i] += parts[i]
        }
      }
    }
  }

  /// The writers of a copy that add up, but for those whose edge is edited by itself.
  private func added(_ shift: EdgeTaps.Shift) -> [Int] {
    changing(shift).filter { !(normsHeads && isHead($0)) }
  }

  /// The writers whose differences a copy takes. Where writers are to give nothing: those that it keeps.
  private func changing(_ shift: EdgeTaps.Shift) -> [Int] {
    guard let copy = shift.outside else { return [] }
    let alone = Set(shift.parts.map { graph.index(of: $0.writer) })
    let outside = copy.writers.filter { !alone.contains($0) }
    guard isZero(copy) else { return outside }
    let left = Set(outside)
    return (0..<copy.count).filter { !left.contains($0) }
  }

  private func isHead(_ writer: Int) -> Bool { writer > 0 && writer % (graph.heads + 1) != 0 }

  /// What a copy has of a layer's attention that a norm follows.
  struct NormedHeads {
    var layer: Int
    /// What attention gave as a whole, and how its norm's scale is edited.
    var sum: EdgeTaps.AttentionSum
    /// What stands in place of the sum.
    var changed: [Float]
    /// Whether the copy does not have the sum, so that nothing is to be taken away.
    var isAlone: Bool
  }

  /// By layer.
  ///
  /// - Parameter bias: of the layer's attention.
  func normedHeads(_ shift: EdgeTaps.Shift, bias: (_ layer: Int) -> [Float]?) -> [NormedHeads] {
    guard normsHeads, let copy = shift.outside else { return [] }
    let byLayer = Dictionary(grouping: changing(shift).filter(isHead)) {
      ($0 - 1) / (graph.heads + 1)
    }
    let isAlone = isZero(copy)
    // Of a layer without a head left, the norm of its bias.
    let layers =
      isAlone
      ? Set((0..<copy.count).filter(isHead).map { ($0 - 1) / (graph.heads + 1) })
      : Set(byLayer.keys)
    return layers.sorted().compactMap { layer in
      guard let sum = sums[layer]?[copy.slot] else { return nil }
      var changed =
        isAlone ? bias(layer) ?? [Float](repeating: 0, count: width) : sum.sum
      for writer in byLayer[layer] ?? [] { addDifference(writer, of: copy.slot, to: &changed) }
      return NormedHeads(layer: layer, sum: sum, changed: changed, isAlone: isAlone)
    }
  }

  /// Adds one writer's difference to a vector.
  private func addDifference(_ writer: Int, of slot: Int, to x: inout [Float]) {
    forEachPart(slot, writer) { part, place, count in
      for i in 0..<count where part[i] != 0 { x[place + i] += part[i] }
    }
  }
}
