/// What is done to every row alike: products, norms, sums. Each row's numbers are its own, so that
/// threads may take rows in any order.
struct RowWork {
  let model: Transformer
  var buffers: Buffers
  let kernels = Kernels.current
  let products: Products

  /// The keys and values that attention reads, by row.
  let attention = AttentionPlans()

  init(_ model: Transformer, buffers: Buffers) {
    self.model = model
    self.buffers = buffers
    products = Products(pool: model.pool, mayStop: true)
  }

  /// The same memory for another batch.
  init(_ other: RowWork) {
    model = other.model
    buffers = other.buffers
    products = other.products
  }

  private var width: Int { model.configuration.width }

  typealias Output = (linear: Transformer.Linear, out: UnsafeMutablePointer<Float>)

  /// Products of `x`, `[rows][stride]`, then biases.
  func multiply(_ x: FloatBuffer, stride: Int, rows: Int, _ outputs: [Output]) {
    products.multiply(
      x.pointer, rows: rows, stride: stride,
      outputs.map { ProductTarget(matrix: $0.linear.matrix, out: $0.out) })
    for (linear, out) in outputs {
      guard let bias = linear.bias else { continue }
      let kernels = kernels
      forEach(rows) { row in kernels.add(bias, to: out + row * linear.stride, count: bias.count) }
    }
  }

  /// Some outputs of a product of `x`, `[count][d_model]`, with the biases: a list for each row of `x`.
  func part(
    of linear: Transformer.Linear, rows outputs: Range<Int>, by x: UnsafePointer<Float>, count: Int
  ) -> [[Float]] {
    let panels =
      outputs.lowerBound / Kernels.panelWidth..<(outputs.upperBound + Kernels.panelWidth - 1)
      / Kernels.panelWidth
    let stride = panels.count * Kernels.panelWidth
    let out = FloatBuffer(count * stride)
    let matrix = linear.matrix
    products.multiply(
      x, rows: count, stride: width,
      MatrixPart(matrix: matrix, columns: 0..<matrix.columns, panels: panels), into: out.pointer)
    let offset = outputs.lowerBound - panels.lowerBound * Kernels.panelWidth
    return (0..<count).map { row in
      let start = out.pointer + row * stride + offset
      if let bias = linear.bias {
        for (i, output) in outputs.enumerated() { start[i] += bias[output] }
      }
      return Array(UnsafeBufferPointer(start: start, count: outputs.count))
    }
  }

  /// Writes the normed rows of `x` into `out`, both `[rows][stride]`.
  func normalise(
    _ x: FloatBuffer, stride: Int, rows: Int, _ norm: Transformer.Norm, into out: FloatBuffer
  ) {
    forEach(rows) { row in
      measure(x, stride, row, norm)
      apply(norm, to: x, stride, row, into: out)
    }
  }

  /// The same. `visit` sees what the rows are divided by, `[rows]`, before that is done.
  func normalise(
    _ x: FloatBuffer, stride: Int, rows: Int, _ norm: Transformer.Norm, into out: FloatBuffer,
    visit: (FloatBuffer) -> Void
  ) {
    forEach(rows) { row in measure(x, stride, row, norm) }
    visit(buffers.scales)
    forEach(rows) { row in apply(norm, to: x, stride, row, into: out) }
  }

  private func measure(_ x: FloatBuffer, _ stride: Int, _ row: Int, _ norm: Transformer.Norm) {
    buffers.scales.pointer[row] = norm.scale(
      of: x.pointer + row * stride, width, model.configuration.epsilon, kernels)
  }

  private func apply(
    _ norm: Transformer.Norm, to x: FloatBuffer, _ stride: Int, _ row: Int, into out: FloatBuffer
  ) {
    norm.apply(
      to: x.pointer + row * stride, scale: buffers.scales.pointer[row], width, kernels,
      into: out.pointer + row * stride)
  }

  /// Adds `x`, `[rows][stride]`, to the stream.
  func addToStream(_ x: FloatBuffer, stride: Int, rows: Int) {
    let (kernels, stream, width) = (kernels, buffers.stream, width)
    forEach(rows) { row in
      kernels.add(x.pointer + row * stride, to: stream.pointer + row * width, count: width)
    }
  }

  /// - Parameter floats: how many numbers `body` reads of a row, or as many as would take so long.
  func forEach(_ rows: Int, floats: Int? = nil, _ body: (Int) -> Void) {
    let perItem = max(1, Self.floatsPerItem / max(1, floats ?? width))
    model.pool.run((rows + perItem - 1) / perItem) { item, _ in
      for row in item * perItem..<min(rows, (item + 1) * perItem) { body(row) }
    }
  }

  /// What takes a thread a microsecond. Less is not worth handing out.
  private static let floatsPerItem = 8_192
}
