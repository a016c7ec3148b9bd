/// The derivatives of the number by the activations of the layer at hand, `[rows][stride]` each: zero where
/// a row is filled up to whole panels.
final class Slopes {
  /// By the stream: what leaves the layer at hand, then what enters it.
  let stream: FloatBuffer
  /// By what attention or the MLP adds to the stream.
  let added: FloatBuffer
  /// By what leaves the layer, where both read what enters it.
  let outgoing: FloatBuffer
  /// By what a norm gives.
  let normed: FloatBuffer
  /// By what norms divide by, and these themselves.
  let scale, scales: FloatBuffer
  let hidden, up: FloatBuffer
  let z, q: FloatBuffer
  /// By each query head's own copy of its keys and values, and by those that heads share.
  let keysOfHeads, valuesOfHeads: FloatBuffer
  let k, v: FloatBuffer
  /// Of `stream`, `added`, `outgoing` and `normed`: d_model filled up to whole panels.
  let width: Int

  init(_ model: Transformer, rows: Int) {
    let sizes = model.bufferSizes
    func buffer(_ stride: Int) -> FloatBuffer { FloatBuffer(rows * stride, zeroed: true) }
    let width = Self.width(of: model)
    self.width = width
    stream = buffer(width)
    added = buffer(width)
    outgoing = buffer(model.configuration.residual == .parallel ? width : 0)
    normed = buffer(width)
    scale = buffer(1)
    scales = buffer(1)
    hidden = buffer(sizes.hidden)
    up = buffer(sizes.up)
    z = buffer(sizes.query)
    q = buffer(sizes.query)
    keysOfHeads = buffer(sizes.query)
    valuesOfHeads = buffer(sizes.query)
    k = buffer(sizes.key)
    v = buffer(sizes.value)
  }

  static func width(of model: Transformer) -> Int {
    let panel = Kernels.panelWidth
    return (model.configuration.width + panel - 1) / panel * panel
  }

  /// What all of them take for one row, with a row packed for a product.
  static func bytesPerRow(_ model: Transformer) -> Int {
    let sizes = model.bufferSizes
    let width = width(of: model)
    let floats =
      4 * width + 2 + sizes.hidden + sizes.up + 4 * sizes.query + sizes.key + sizes.value
      + max(width, sizes.hidden, sizes.query)
    return floats * MemoryLayout<Float>.size
  }
}
