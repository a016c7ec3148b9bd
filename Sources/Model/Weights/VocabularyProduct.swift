import CSIMD

/// Σ_t u_t e_tᵀ over the vocabulary, [d_model][stride]: u_t is what a vector of the stream is multiplied by for
/// the logit of t, e_t the embedding. With it nothing is ever as large as a vocabulary squared.
public struct VocabularyProduct: @unchecked Sendable {
  let numbers: FloatBuffer
  let stride: Int
}

extension Transformer {
  /// The same for every head.
  ///
  /// - Throws: `Interruption.Stopped`, and `ModelError` where weights cannot be read.
  public func vocabularyProduct() throws -> VocabularyProduct {
    PackedMatrix.packAll([embedding, unembedding], on: pool)
    try Interruption.check()
    let sums = VocabularySums(unembedding: unembedding, embedding: embedding, pool: pool)
    for first in Swift.stride(from: 0, to: embedding.panelCount, by: VocabularySums.panelsAtOnce) {
      try Interruption.check()
      sums.add(first..<min(embedding.panelCount, first + VocabularySums.panelsAtOnce))
    }
    sums.mirror()
    try checkWeights()
    fold(sums.product, stride: sums.stride)
    return VocabularyProduct(numbers: sums.product, stride: sums.stride)
  }

  /// What the final norm makes of unembeddings: its gain, and for LayerNorm less the mean over d_model.
  private func fold(_ product: FloatBuffer, stride: Int) {
    let d = configuration.width
    var means = [Double](repeating: 0, count: d)
    for m in 0..<d {
      let (row, gain) = (product.pointer + m * stride, finalNorm.weight[m])
      for k in 0..<d {
        row[k] *= gain
        means[k] += Double(row[k]) / Double(d)
      }
    }
    guard finalNorm.kind == .layer else { return }
    for m in 0..<d {
      for k in 0..<d { product.pointer[m * stride + k] -= Float(means[k]) }
    }
  }
}

/// Σ_t u_t e_tᵀ as it grows, each element one sum over the tokens in order.
struct VocabularySums {
  /// Panels of 32 tokens that are added together: what they take stays in the second caches.
  static let panelsAtOnce = 8

  let product: FloatBuffer
  let stride: Int
  private let unembedding: PackedMatrix
  private let embedding: PackedMatrix
  private let pool: WorkerPool
  private let kernels: any InstructionSet.Type
  private let width: Int
  /// Of the tokens that are added, u as `[d_model][tokens]`, then in tiles of rows; e as parts of 32 columns,
  /// `[tokens][32]`.
  private let (rows, tiles, parts): (FloatBuffer, FloatBuffer, FloatBuffer)
  private let scratch: [FloatBuffer]

  /// Rows that are laid out by themselves, whole tiles of every instruction set.
  private static let rowsOfGroup = 48
  private static let tokensAtOnce = panelsAtOnce * Kernels.panelWidth
  private static let partStride = tokensAtOnce * Kernels.panelWidth

  init(
    unembedding: PackedMatrix, embedding: PackedMatrix,
    kernels: any InstructionSet.Type = Kernels.current, pool: WorkerPool
  ) {
    (self.unembedding, self.embedding) = (unembedding, embedding)
    (self.kernels, self.pool) = (kernels, pool)
    let panelWidth = Kernels.panelWidth
    width = embedding.columns
    stride = (width + panelWidth - 1) / panelWidth * panelWidth
    product = FloatBuffer(width * stride, zeroed: true)
    rows = FloatBuffer(width * Self.tokensAtOnce)
    tiles = FloatBuffer(width * Self.tokensAtOnce)
    parts = FloatBuffer(stride * Self.tokensAtOnce)
    let stride = stride
    scratch = (0..<pool.width).map { _ in FloatBuffer(stride * panelWidth) }
  }

  /// Where the two are one matrix, the product is symmetric, and half of it is enough.
  private var isSymmetric: Bool { unembedding === embedding }

  /// Adds the tokens of some panels.
  func add(_ panels: Range<Int>) {
    let tokens = panels.count * Kernels.panelWidth
    pool.run(panels.count) { item, worker in
      lay(panels.lowerBound + item, at: item, tokens, scratch[worker].pointer)
    }
    pool.run(groups) { group, _ in pack(group, tokens) }
    pool.run(stride / Kernels.panelWidth) { part, _ in
      multiply(part, tokens, continues: panels.lowerBound > 0)
    }
  }

  /// Lays a panel's tokens out for the product.
  private func lay(
    _ panel: Int, at place: Int, _ tokens: Int, _ widened: UnsafeMutablePointer<Float>
  ) {
    let panelWidth = Kernels.panelWidth
    kernels.turn(
      embedding.panel(panel), into: parts.pointer + place * panelWidth * panelWidth,
      partStride: Self.partStride, scratch: widened)
    // To turn a panel is to widen it first.
    if !isSymmetric { kernels.widen(unembedding.panel(panel), into: widened) }
    for m in 0..<width {
      let out = rows.pointer + m * tokens + place * panelWidth
      out.update(from: widened + m * panelWidth, count: panelWidth)
    }
  }

  private func pack(_ group: Int, _ tokens: Int) {
    let own = rows(of: group)
    for tile in 0..<kernels.packedTiles(rows: own.count) {
      kernels.packTile(
        tile, rows.pointer + own.lowerBound * tokens, rows: own.count, k: tokens, stride: tokens,
        into: tiles.pointer + own.lowerBound * tokens)
    }
  }

  /// What the tokens add to 32 columns; where half is enough, to the rows from the diagonal on.
  private func multiply(_ part: Int, _ tokens: Int, continues: Bool) {
    let column = part * Kernels.panelWidth
    for group in (isSymmetric ? column / Self.rowsOfGroup : 0)..<groups {
      let own = rows(of: group)
      kernels.addProduct(
        SummandPackedRows(
          x: tiles.pointer + own.lowerBound * tokens, count: own.count, length: tokens),
        by: SummandPart(
          panel: parts.pointer + part * Self.partStride, first: 0, count: tokens,
          continues: continues),
        into: product.pointer + own.lowerBound * stride + column, stride: stride)
    }
  }

  /// The half that was left out.
  func mirror() {
    guard isSymmetric else { return }
    for m in 0..<width {
      for k in m + 1..<width {
        product.pointer[m * stride + k] = product.pointer[k * stride + m]
      }
    }
  }

  private var groups: Int { (width + Self.rowsOfGroup - 1) / Self.rowsOfGroup }

  private func rows(of group: Int) -> Range<Int> {
    group * Self.rowsOfGroup..<min(width, (group + 1) * Self.rowsOfGroup)
  }
}
