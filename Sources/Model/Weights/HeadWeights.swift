/// A head's weights as what they do in the stream: with the gains of the norms around it, and for LayerNorm
/// without the part that the norm subtracts. A norm's scale, biases and RoPE are no part of them.
public struct HeadWeights: Sendable {
  /// What makes queries, keys and values of the stream, [d_head][d_model].
  public var query: Matrix
  public var key: Matrix
  public var value: Matrix
  /// What z adds to the stream, [d_head][d_model].
  public var output: Matrix
}

extension HeadWeights {
  /// The product of two factors AᵀB, `[d_model][d_model]` and of rank d_head, by what is left of it in bases
  /// of the two: all that its singular values depend on.
  public struct Product: Sendable {
    /// Orthonormal rows: what the product gives, and what it takes.
    public var left: Matrix
    public var right: Matrix
    /// [k][k], k being the lesser of d_head and d_model.
    public var core: Matrix

    /// Aᵀ B.
    init(_ a: Matrix, _ b: Matrix) throws {
      let (left, one) = try a.rowBasis()
      let (right, other) = try b.rowBasis()
      (self.left, self.right) = (left, right)
      core = one.transposed * other
    }

    /// √Σ of the squares of all elements.
    public var norm: Double { core.norm }
  }

  /// What the head writes of what it reads: W_O W_V, of a column of the stream.
  public var ov: Product { get throws { try Product(output, value) } }

  /// The query's side on the left, the key's on the right: their scores before scaling, at distance 0 where
  /// there is RoPE.
  public var qk: Product { get throws { try Product(query, key) } }

  /// W_V W_O, [d_head][d_head]: it has the eigenvalues of the head's OV that are not 0.
  public var ovInside: Matrix { value.timesTransposed(output) }

  /// ‖Aᵀ B‖
  public static func norm(_ a: Matrix, _ b: Matrix) throws -> Double {
    norm(grams: try a.gram(), try b.gram())
  }

  /// The same of A Aᵀ and B Bᵀ.
  static func norm(grams a: Matrix, _ b: Matrix) -> Double {
    let square = zip(a.elements, b.elements).reduce(0) { $0 + $1.0 * $1.1 }
    return max(0, square).squareRoot()
  }

  /// A head of independent numbers.
  ///
  /// - Parameter normal: the next number, of mean 0.
  public init(heads width: Int, model: Int, _ normal: () -> Double) {
    func matrix() -> Matrix {
      Matrix(rows: width, columns: model, elements: (0..<width * model).map { _ in normal() })
    }
    self.init(query: matrix(), key: matrix(), value: matrix(), output: matrix())
  }
}

extension Transformer {
  /// The weights of some heads of a layer.
  ///
  /// - Throws: `ModelError` where weights cannot be read.
  public func headWeights(layer number: Int, heads: [Int]) throws -> [HeadWeights] {
    let (layer, width) = (layers[number], configuration.headWidth)
    let found = heads.map { head in
      let first = configuration.keyValueHead(of: head) * width
      return weights(of: layer, head * width..<(head + 1) * width, shared: first..<first + width)
    }
    try checkWeights()
    return found
  }

  /// The weights of all heads of a layer, one after the other: queries and outputs of each head, keys and
  /// values of each key/value head.
  ///
  /// - Throws: `ModelError` where weights cannot be read.
  func allHeadWeights(layer number: Int) throws -> HeadWeights {
    let layer = layers[number]
    let found = weights(
      of: layer, 0..<layer.q.matrix.rows, shared: 0..<layer.k.matrix.rows)
    try checkWeights()
    return found
  }

  /// - Parameters:
  ///   - own: rows of queries, columns of outputs.
  ///   - shared: rows of keys and values.
  private func weights(of layer: Layer, _ own: Range<Int>, shared: Range<Int>) -> HeadWeights {
    HeadWeights(
      query: reading(layer.q.matrix, own, in: layer, layer.qNorm),
      key: reading(layer.k.matrix, shared, in: layer, layer.kNorm),
      value: reading(layer.v.matrix, shared, in: layer, nil),
      output: writing(layer.o.matrix, own, layer.ln1Post))
  }

  /// Some rows of W_Q, W_K or W_V, with the gains of the norm before and of a head's own.
  private func reading(
    _ matrix: PackedMatrix, _ rows: Range<Int>, in layer: Layer, _ norm: Norm?
  ) -> Matrix {
    let (d, width, panelWidth) = (matrix.columns, configuration.headWidth, Kernels.panelWidth)
    let gains = layer.ln1.weight.map(Double.init)
    let isCentred = layer.ln1.kind == .layer
    let elements = [Double](unsafeUninitializedCapacity: rows.count * d) { buffer, count in
      let out = buffer
      eachPanel(of: matrix, rows) { some, widened in
        for row in some {
          let own = norm.map { Double($0.weight[row % width]) } ?? 1
          let (from, to) = (widened + row % panelWidth, (row - rows.lowerBound) * d)
          gains.withUnsafeBufferPointer { gains in
            for i in 0..<d { out[to + i] = Double(from[i * panelWidth]) * gains[i] * own }
          }
          guard isCentred else { continue }
          var mean = 0.0
          for i in 0..<d { mean += out[to + i] / Double(d) }
          for i in 0..<d { out[to + i] -= mean }
        }
      }
      count = rows.count * d
    }
    return Matrix(rows: rows.count, columns: d, elements: elements)
  }

  /// Some columns of W_O, as rows, with the gain of the norm after it.
  private func writing(_ matrix: PackedMatrix, _ columns: Range<Int>, _ norm: Norm?) -> Matrix {
    let (d, panelWidth, block) = (matrix.rows, Kernels.panelWidth, matrix.columnsOfBlock)
    let start = columns.lowerBound / block * block
    let end = min(matrix.columns, (columns.upperBound + block - 1) / block * block)
    let elements = [Double](unsafeUninitializedCapacity: columns.count * d) { buffer, count in
      let out = buffer
      eachPanel(of: matrix, 0..<d, columns: start..<end) { some, widened in
        for column in columns {
          let from = widened + (column - start) * panelWidth
          let to = (column - columns.lowerBound) * d
          for i in some {
            let gain = norm.map { Double($0.weight[i]) } ?? 1
            out[to + i] = Double(from[i % panelWidth]) * gain
          }
        }
      }
      count = columns.count * d
    }
    return Matrix(rows: columns.count, columns: d, elements: elements)
  }

  /// Calls for each panel with those of some rows that are in it, and all or some columns' weights,
  /// [columns][32].
  private func eachPanel(
    of matrix: PackedMatrix, _ rows: Range<Int>, columns: Range<Int>? = nil,
    _ body: (Range<Int>, UnsafePointer<Float>) -> Void
  ) {
    let width = Kernels.panelWidth
    let columns = columns ?? 0..<matrix.columns
    let first = rows.lowerBound / width
    let scratch = (0..<pool.width).map { _ in FloatBuffer(columns.count * width) }
    pool.run((rows.upperBound + width - 1) / width - first) { item, worker in
      let panel = first + item
      let widened = scratch[worker].pointer
      Kernels.current.widen(matrix.panel(panel, columns: columns), into: widened)
      body(rows.clamped(to: panel * width..<(panel + 1) * width), widened)
    }
  }
}

extension PackedMatrix {
  /// All weights, row after row.
  func decoded() -> [Float] {
    var decoded = [Float](repeating: 0, count: rows * columns)
    let widened = FloatBuffer(columns * Kernels.panelWidth)
    for index in 0..<panelCount {
      Kernels.current.widen(panel(index), into: widened.pointer)
      let first = index * Kernels.panelWidth
      decoded.withUnsafeMutableBufferPointer { out in
        for row in 0..<min(Kernels.panelWidth, rows - first) {
          for i in 0..<columns {
            out[(first + row) * columns + i] = widened.pointer[i * Kernels.panelWidth + row]
          }
        }
      }
    }
    return decoded
  }
}
