import CSIMD

/// One instruction set's kernels. All are compiled from the sources in `Source`, which say what each
/// computes, and give the same bits.
protocol InstructionSet: SendableMetatype {
  /// As `SUMMAND_ISA` writes it: `avx2`, `avx512`, `neon`.
  static var name: String { get }

  // MARK: Panels of weights

  static func block(of type: SummandPanelType) -> (weights: Int, bytes: Int)
  static func packPanel(
    _ type: SummandPanelType, rows: UnsafeBufferPointer<UnsafeRawPointer>, k: Int,
    into panel: UnsafeMutableRawPointer
  ) -> Bool
  static func widen(_ panel: SummandPanel, into out: UnsafeMutablePointer<Float>)

  // MARK: Products

  static func packedTiles(rows: Int) -> Int
  static func packTile(
    _ tile: Int, _ x: UnsafePointer<Float>, rows: Int, k: Int, stride: Int,
    into out: UnsafeMutablePointer<Float>)
  static func product(
    _ x: UnsafePointer<Float>, rows: Int, by panel: SummandPanel,
    into out: UnsafeMutablePointer<Float>, stride: Int, scratch: UnsafeMutablePointer<Float>)
  static func addProduct(
    _ rows: SummandPackedRows, by part: SummandPart, into out: UnsafeMutablePointer<Float>,
    stride: Int)
  static func turn(
    _ panel: SummandPanel, into out: UnsafeMutablePointer<Float>, partStride: Int,
    scratch: UnsafeMutablePointer<Float>)
  static func transposedProduct(
    widened panel: UnsafePointer<Float>, k: Int, by u: UnsafePointer<Float>,
    addingTo sums: UnsafeMutablePointer<Float>)
  static func foldLanes(
    _ lanes: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>)
  static func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, count: Int) -> Float
  static func dots(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ c: UnsafePointer<Float>,
    _ d: UnsafePointer<Float>, by columns: SummandColumns, into out: UnsafeMutablePointer<Float>)

  // MARK: Small matrices in double precision

  static func dots(
    _ x: SummandVectors, by y: SummandVectors, into out: UnsafeMutablePointer<Double>, stride: Int)
  static func eigenvalues(
    of matrices: SummandMatrices, into values: UnsafeMutablePointer<Double>)

  // MARK: Rows

  static func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int)
  static func rootMeanSquare(_ x: UnsafePointer<Float>, count: Int, epsilon: Float) -> Float
  static func normalise(
    _ x: UnsafePointer<Float>, scale: Float, weight: UnsafePointer<Float>, count: Int,
    into out: UnsafeMutablePointer<Float>)
  static func mean(_ x: UnsafePointer<Float>, count: Int) -> Float
  static func deviation(
    _ x: UnsafePointer<Float>, mean: Float, count: Int, epsilon: Float
  ) -> Float
  static func normaliseCentred(
    _ x: UnsafePointer<Float>, scale: Float, weight: UnsafePointer<Float>,
    bias: UnsafePointer<Float>, count: Int, into out: UnsafeMutablePointer<Float>)
  static func softmax(_ x: UnsafeMutablePointer<Float>, count: Int)
  static func softCap(_ x: UnsafeMutablePointer<Float>, count: Int, cap: Float)
  static func activateSiLU(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, count: Int,
    into out: UnsafeMutablePointer<Float>)
  static func activateGELU(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, count: Int,
    into out: UnsafeMutablePointer<Float>)
  static func activateGELUTanh(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, count: Int,
    into out: UnsafeMutablePointer<Float>)

  // MARK: Slopes

  static func slopeSiLU(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ g: UnsafePointer<Float>, count: Int,
    into out: SummandGateSlopes)
  static func slopeGELU(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ g: UnsafePointer<Float>, count: Int,
    into out: SummandGateSlopes)
  static func slopeGELUTanh(
    _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?, _ g: UnsafePointer<Float>, count: Int,
    into out: SummandGateSlopes)
  static func slopeSoftmax(
    _ p: UnsafePointer<Float>, _ g: UnsafePointer<Float>, count: Int,
    into out: UnsafeMutablePointer<Float>)
  static func slopeSoftCap(
    _ x: UnsafePointer<Float>, _ g: UnsafeMutablePointer<Float>, count: Int, cap: Float)
  static func slopeNorm(
    _ g: UnsafePointer<Float>, x: UnsafePointer<Float>, _ norm: SummandNorm, count: Int,
    into out: UnsafeMutablePointer<Float>
  ) -> Float
  static func addCentred(
    _ x: UnsafePointer<Float>, mean: Float, times factor: Float, plus offset: Float, count: Int,
    to out: UnsafeMutablePointer<Float>)

  // MARK: Rows of logits

  static func extremes(_ x: UnsafePointer<Float>, count: Int) -> SummandExtremes
  static func exponentialSums(_ x: UnsafePointer<Float>, count: Int, shift: Float) -> (
    sum: Double, weighted: Double
  )
  static func divergence(
    _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, count: Int, logSums: (Double, Double)
  ) -> Double
  static func jensenShannon(
    _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, count: Int, logSums: (Double, Double)
  ) -> Double
  static func totalVariation(
    _ p: UnsafePointer<Float>, _ q: UnsafePointer<Float>, count: Int, logSums: (Double, Double)
  ) -> Double
  static func countAbove(_ threshold: Float, _ x: UnsafePointer<Float>, count: Int) -> Int
  static func countInBins(
    _ x: UnsafePointer<Float>, count: Int, _ bins: SummandBins,
    into counts: UnsafeMutablePointer<Int32>)
  static func indices(
    inAndAbove bin: Int, of x: UnsafePointer<Float>, count: Int, _ bins: SummandBins,
    into out: UnsafeMutablePointer<Int32>
  ) -> Int

  // MARK: Attention

  static func attentionScores(of block: SummandQueries, keys: SummandHead, scale: Float)
  static func weightedValues(of block: SummandQueries, values: SummandHead)
  static func rotate(
    _ x: UnsafeMutablePointer<Float>, half: Int, cosines: UnsafePointer<Float>,
    sines: UnsafePointer<Float>)
  static func rotateAdjacent(
    _ x: UnsafeMutablePointer<Float>, half: Int, cosines: UnsafePointer<Float>,
    sines: UnsafePointer<Float>)
}

extension InstructionSet {
  /// out = f(x), or f(x) · up where there is a gate.
  static func activate(
    _ nonlinearity: MLPShape.Nonlinearity, _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?,
    count: Int, into out: UnsafeMutablePointer<Float>
  ) {
    switch nonlinearity {
    case .silu: activateSiLU(x, up: up, count: count, into: out)
    case .gelu: activateGELU(x, up: up, count: count, into: out)
    case .geluTanh: activateGELUTanh(x, up: up, count: count, into: out)
    }
  }

  /// Of the same: what g, the slope by what comes out, is by x and by `up`.
  static func slope(
    _ nonlinearity: MLPShape.Nonlinearity, _ x: UnsafePointer<Float>, up: UnsafePointer<Float>?,
    _ g: UnsafePointer<Float>, count: Int, into out: SummandGateSlopes
  ) {
    switch nonlinearity {
    case .silu: slopeSiLU(x, up: up, g, count: count, into: out)
    case .gelu: slopeGELU(x, up: up, g, count: count, into: out)
    case .geluTanh: slopeGELUTanh(x, up: up, g, count: count, into: out)
    }
  }
}
