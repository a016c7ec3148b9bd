/// The activations of the layer at hand, `[rows][stride]` each, wide enough for every layer.
///
/// A step that need not keep what it read writes over it. Where intermediates are to be kept, such
/// pairs are buffers of their own, and each holds what its site has. What the way back of a layer does not
/// read is then shared with other layers.
final class Buffers {
  /// That there is room for.
  let rows: Int
  /// The residual stream.
  let stream: FloatBuffer
  /// What attention reads, and what the MLP reads.
  let normed, normedForMLP: FloatBuffer
  let scales: FloatBuffer
  /// Queries, and the same after their norm and RoPE.
  let q, turnedQueries: FloatBuffer
  let k, v, z: FloatBuffer
  /// The pre-activation, and what the nonlinearity made of it.
  let hidden, activated: FloatBuffer
  let up: FloatBuffer
  /// What attention, and what the MLP adds to the stream.
  let attentionOut, mlpOut: FloatBuffer

  // Where intermediates are kept, else empty:

  /// What enters the layer, edits included, and what stands between attention and MLP.
  let entered, between: FloatBuffer
  /// What norms on the way into the stream read.
  let attentionBeforeNorm, mlpBeforeNorm: FloatBuffer
  /// Keys before their norm and RoPE.
  let unturnedKeys: FloatBuffer

  /// - Parameter first: the buffers of another layer, as many rows, whose intermediates are kept too.
  init(
    _ model: Transformer, rows: Int, keepsIntermediates: Bool = false, sharing first: Buffers? = nil
  ) {
    self.rows = rows
    let sizes = model.bufferSizes
    // Zeroed: the columns that fill a row up to whole panels are read by no one, but must not be
    // signalling values.
    func buffer(_ stride: Int) -> FloatBuffer { FloatBuffer(rows * stride, zeroed: true) }
    func other(than first: FloatBuffer) -> FloatBuffer {
      keepsIntermediates ? FloatBuffer(first.count, zeroed: true) : first
    }
    stream = first?.stream ?? FloatBuffer(rows * sizes.width)
    normed = first?.normed ?? FloatBuffer(rows * sizes.width)
    normedForMLP = first?.normedForMLP ?? other(than: normed)
    scales = first?.scales ?? FloatBuffer(rows)
    q = buffer(sizes.query)
    turnedQueries = other(than: q)
    k = buffer(sizes.key)
    v = buffer(sizes.value)
    z = first?.z ?? buffer(sizes.query)
    hidden = buffer(sizes.hidden)
    activated = first?.activated ?? other(than: hidden)
    up = buffer(sizes.up)
    attentionOut = first?.attentionOut ?? buffer(sizes.added)
    mlpOut = first?.mlpOut ?? other(than: attentionOut)
    func kept(_ stride: Int) -> FloatBuffer { buffer(keepsIntermediates ? stride : 0) }
    entered = kept(sizes.width)
    between = kept(sizes.width)
    let hasPostNorms = model.configuration.hasPostNorms
    attentionBeforeNorm = kept(hasPostNorms ? sizes.added : 0)
    mlpBeforeNorm = kept(hasPostNorms ? sizes.added : 0)
    unturnedKeys = kept(sizes.key)
  }
}

/// Floats that a row takes in each buffer: those of the widest layer.
struct BufferSizes {
  var width: Int
  var query = 0
  var key = 0
  var value = 0
  var hidden = 0
  var up = 0
  var added = 0

  /// Of all buffers together, and of a row packed for a product.
  var floatsPerRow: Int {
    let widest = max(width, query, hidden)
    return 2 * width + 2 * query + key + value + hidden + up + added + widest + 1
  }

  /// Of those that a layer keeps for its way back.
  func keptFloatsPerRow(hasPostNorms: Bool) -> Int {
    2 * width + 2 * query + 2 * key + value + hidden + up + (hasPostNorms ? 2 * added : 0)
  }

  /// Of those that layers share where each keeps its intermediates, and of a row packed for a product.
  var sharedFloatsPerRow: Int {
    3 * width + query + hidden + 2 * added + max(width, query, hidden) + 1
  }
}

extension Transformer {
  var bufferSizes: BufferSizes {
    layers.reduce(into: BufferSizes(width: configuration.width)) { sizes, layer in
      sizes.query = max(sizes.query, layer.q.stride)
      sizes.key = max(sizes.key, layer.k.stride)
      sizes.value = max(sizes.value, layer.v.stride)
      sizes.hidden = max(sizes.hidden, layer.mlp.hiddenStride)
      sizes.up = max(sizes.up, layer.mlp.upStride)
      sizes.added = max(sizes.added, layer.o.stride, layer.mlp.outputStride)
    }
  }

  /// What `Buffers` and the packed rows of a product take for one row.
  var bytesPerRow: Int { bufferSizes.floatsPerRow * MemoryLayout<Float>.size }

  /// What one layer leaves for its way back.
  var bytesPerKeptRow: Int {
    bufferSizes.keptFloatsPerRow(hasPostNorms: configuration.hasPostNorms)
      * MemoryLayout<Float>.size
  }

  /// What layers share that keep this.
  var bytesPerSharedRow: Int { bufferSizes.sharedFloatsPerRow * MemoryLayout<Float>.size }
}
