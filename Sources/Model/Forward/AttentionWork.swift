import CSIMD

/// What a thread computes of one layer's attention: the heads of one key/value head for a block of
/// rows.
struct AttentionWork: @unchecked Sendable {
  private let configuration: Configuration
  private let window: LayerAttention
  private let kernels: any InstructionSet.Type
  private let rows: [Batch.Row]
  private let sources: SourceRows
  private let taps: AttentionTaps
  // `[rows][stride]` each; z stands as queries do.
  private let q, z, keys, values: UnsafeMutablePointer<Float>
  private let qStride, keyStride, valueStride: Int

  init(_ layer: LayerForward, rows: [Batch.Row], sources: SourceRows, taps: AttentionTaps) {
    configuration = layer.model.configuration
    window = configuration.attention[layer.number]
    kernels = layer.work.kernels
    self.rows = rows
    self.sources = sources
    self.taps = taps
    (q, z) = (layer.buffers.turnedQueries.pointer, layer.buffers.z.pointer)
    (keys, values) = (layer.keys.pointer, layer.values.pointer)
    qStride = layer.weights.q.stride
    (keyStride, valueStride) = (layer.weights.k.stride, layer.weights.v.stride)
  }

  /// One thread's own.
  final class Scratch: @unchecked Sendable {
    /// `[queries][stride]`
    let scores: FloatBuffer
    let stride: Int
    let queries: UnsafeMutablePointer<SummandQuery>
    private let count: Int

    /// - Parameter sources: the most that a block reads.
    init(queries: Int, sources: Int) {
      // The kernels write up to 16 numbers beyond the last source.
      stride = (sources + 31) & ~15
      scores = FloatBuffer(queries * stride)
      self.queries = .allocate(capacity: queries)
      count = queries
    }

    deinit { queries.deallocate() }

    func holds(_ queries: Int, sources: Int) -> Bool {
      queries <= count && (sources + 31) & ~15 <= stride
    }
  }

  /// - Parameters:
  ///   - blockRows: the rows of the block, as the batch numbers them.
  ///   - heads: some that read the key/value head.
  func attend(
    _ block: AttentionBlocks.Block, rows blockRows: ArraySlice<Int>, heads: Range<Int>,
    of keyValueHead: Int, _ scratch: Scratch
  ) {
    let width = configuration.headWidth
    var count = 0
    for row in blockRows {
      for head in heads {
        scratch.queries[count] = query(
          row, head, width, block, scratch.scores.pointer + count * scratch.stride)
        count += 1
      }
    }
    let queries = SummandQueries(
      queries: scratch.queries, count: count,
      shared: max(0, min(block.shared, block.sources) - block.start))
    kernels.attentionScores(
      of: queries,
      keys: SummandHead(base: keys + keyValueHead * width, stride: keyStride, width: width),
      scale: configuration.attentionScale)
    count = 0
    for row in blockRows {
      for head in heads {
        makePattern(&scratch.queries[count], row: row, head: head)
        count += 1
      }
    }
    kernels.weightedValues(
      of: queries,
      values: SummandHead(base: values + keyValueHead * width, stride: valueStride, width: width))
  }

  /// The same of one head of one row, whose keys and values stand by themselves, `[positions][d_head]`.
  func attend(
    _ row: Int, head: Int, keys: UnsafePointer<Float>, values: UnsafePointer<Float>,
    _ scratch: Scratch
  ) {
    let (width, position) = (configuration.headWidth, rows[row].position)
    let places = SourceRows([(0...position).map(Int32.init)])
    let offset = row * qStride + head * width
    scratch.queries[0] = SummandQuery(
      q: q + offset, rows: places[0], first: window.firstSource(of: position),
      count: position + 1, scores: scratch.scores.pointer, z: z + offset)
    let queries = SummandQueries(queries: scratch.queries, count: 1, shared: position + 1)
    kernels.attentionScores(
      of: queries, keys: SummandHead(base: keys, stride: width, width: width),
      scale: configuration.attentionScale)
    makePattern(&scratch.queries[0], row: row, head: head)
    kernels.weightedValues(
      of: queries, values: SummandHead(base: values, stride: width, width: width))
    withExtendedLifetime(places) {}
  }

  /// What the kernels are told of one head of a row.
  private func query(
    _ row: Int, _ head: Int, _ width: Int, _ block: AttentionBlocks.Block,
    _ scores: UnsafeMutablePointer<Float>
  ) -> SummandQuery {
    let offset = row * qStride + head * width
    let (owner, position) = (rows[row].owner, rows[row].position)
    return SummandQuery(
      q: q + offset, rows: sources[owner] + block.start,
      first: window.firstSource(of: position) - block.start, count: position + 1 - block.start,
      scores: scores, z: z + offset)
  }

  /// Turns a head's scores into its pattern.
  private func makePattern(_ query: inout SummandQuery, row: Int, head: Int) {
    let (scores, count) = (query.scores, query.count)
    if let cap = configuration.scoreCap { kernels.softCap(scores, count: count, cap: cap) }
    taps.visit(.attnScores, row: row, head: head, scores, sources: count, unseen: query.first)
    kernels.softmax(scores, count: count)
    taps.visit(.pattern, row: row, head: head, scores, sources: count)
    // An edit of the pattern may weigh what the window hides.
    if !taps.edits(of: .pattern, row: row).isEmpty { query.first = 0 }
  }
}
