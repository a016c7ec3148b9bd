/// What is done to every row alike: products, norms, sums. Each row's numbers are its own, so that
/// threads may take rows in any order.
struct RowWork {
  let model: Transformer
  var buffers: Buffers
  let kernels = Kernels.current
  let products: Products

  init(_ model: Transformer, buffers: Buffers) {
    self.model = model
    self.buffers = buffers
    products = Products(pool: model.pool, mayStop: true)
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

  /// Writes the normed rows of `x` into `out`, both `[rows][stride]`. `visit` sees what they are
  /// divided by, `[rows]`, before that is done.
  func normalise(
    _ x: FloatBuffer, stride: Int, rows: Int, _ norm: Transformer.Norm, into out: FloatBuffer,
    visit: (FloatBuffer) -> Void
  ) {
    let (kernels, width, scales) = (kernels, width, buffers.scales)
    let epsilon = model.configuration.epsilon
    forEach(rows) { row in
      scales.pointer[row] = norm.scale(of: x.pointer + row * stride, width, epsilon, kernels)
    }
    visit(scales)
    forEach(rows) { row in
      norm.apply(
        to: x.pointer + row * stride, scale: scales.pointer[row], width, kernels,
        into: out.pointer + row * stride)
    }
  }

  /// Adds `x`, `[rows][stride]`, to the stream.
  func addToStream(_ x: FloatBuffer, stride: Int, rows: Int) {
    let (kernels, stream, width) = (kernels, buffers.stream, width)
    forEach(rows) { row in
      kernels.add(x.pointer + row * stride, to: stream.pointer + row * width, count: width)
    }
  }

  func forEach(_ rows: Int, _ body: (Int) -> Void) {
    let perItem = 8
    model.pool.run((rows + perItem - 1) / perItem) { item, _ in
      for row in item * perItem..<min(rows, (item + 1) * perItem) { body(row) }
    }
  }
}
