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
    let (layer, c) = (layers[number], configuration)
    let (d, width) = (c.width, c.headWidth)
    let (q, k, v) = (layer.q.matrix.decoded(), layer.k.matrix.decoded(), layer.v.matrix.decoded())
    let o = layer.o.matrix.decoded()
    try checkWeights()
    let gains = layer.ln1.weight.map(Double.init)
    func reads(_ weights: [Float], _ head: Int, gain: Norm?) -> Matrix {
      var matrix = Matrix(rows: width, columns: d)
      for row in 0..<width {
        let own = gain.map { Double($0.weight[row]) } ?? 1
        var mean = 0.0
        for i in 0..<d {
          let x = Double(weights[(head * width + row) * d + i]) * gains[i] * own
          matrix.elements[row * d + i] = x
          mean += x / Double(d)
        }
        if layer.ln1.kind == .layer {
          for i in 0..<d { matrix.elements[row * d + i] -= mean }
        }
      }
      return matrix
    }
    let written = layer.ln1Post?.weight
    return heads.map { head in
      var output = Matrix(rows: width, columns: d)
      let stride = c.heads * width
      for row in 0..<width {
        for i in 0..<d {
          let gain = written.map { Double($0[i]) } ?? 1
          output.elements[row * d + i] = Double(o[i * stride + head * width + row]) * gain
        }
      }
      let shared = c.keyValueHead(of: head)
      return HeadWeights(
        query: reads(q, head, gain: layer.qNorm), key: reads(k, shared, gain: layer.kNorm),
        value: reads(v, shared, gain: nil), output: output)
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
