import Testing

@testable import Model

/// What is left of a head's weights, against the weights themselves.
@Suite struct HeadProductTests {
  /// Small whole numbers, as they come.
  private func head(_ width: Int, _ model: Int) -> HeadWeights {
    var state = 7
    return HeadWeights(heads: width, model: model) {
      state = (state &* 1_103_515_245 &+ 12_345) & 0x7FFF_FFFF
      return Double(state >> 16 & 7) - 3
    }
  }

  /// A head may be wider than the stream.
  @Test(arguments: [(2, 5), (4, 4), (5, 3)])
  func factorsGiveTheProduct(width: Int, model: Int) throws {
    let head = head(width, model)
    let (ov, qk) = (try head.ov, try head.qk)
    for (product, a, b) in [(ov, head.output, head.value), (qk, head.query, head.key)] {
      let rank = min(width, model)
      #expect(product.core.rows == rank && product.core.columns == rank)
      let whole = a.transposed * b
      let again = product.left.transposed * product.core * product.right
      #expect(zip(whole.elements, again.elements).allSatisfy { abs($0 - $1) < 1e-10 })
      #expect(abs(product.norm - whole.norm) < 1e-10)
      let values = try SingularValues(product.core).values
      let squares = values.reduce(0) { $0 + $1 * $1 }
      #expect(values.count == rank && abs(squares.squareRoot() - whole.norm) < 1e-10)
    }
  }
}
