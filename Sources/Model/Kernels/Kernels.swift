import CSIMD

#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#else
  import KernelsNEON
#endif

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// out = f(x), or f(x) · up where there is a gate.
typealias Activate =
  @Sendable (
    UnsafePointer<Float>, UnsafePointer<Float>?, Int, UnsafeMutablePointer<Float>
  ) -> Void

/// One instruction set's kernels. All variants are one source and give the same bits.
public struct Kernels: Sendable {
  /// As `SUMMAND_ISA` writes it: `avx2`, `avx512`, `neon`.
  public let name: String
  let packPanel:
    @Sendable (
      SummandPanelType, UnsafeBufferPointer<UnsafeRawPointer>, Int, UnsafeMutableRawPointer
    ) -> Bool
  let packedTiles: @Sendable (Int) -> Int
  let packTile:
    @Sendable (Int, UnsafePointer<Float>, Int, Int, Int, UnsafeMutablePointer<Float>) -> Void
  let product:
    @Sendable (
      SummandPanelType, UnsafeRawPointer, Int, UnsafePointer<Float>, Int,
      UnsafeMutablePointer<Float>, Int, UnsafeMutablePointer<Float>
    ) -> Void
  let widen:
    @Sendable (SummandPanelType, UnsafeRawPointer, Int, UnsafeMutablePointer<Float>) -> Void
  let transposedProduct:
    @Sendable (
      UnsafePointer<Float>, Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>
    ) -> Void
  let foldLanes: @Sendable (UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>) -> Void
  let dot: @Sendable (UnsafePointer<Float>, UnsafePointer<Float>, Int) -> Float
  let add: @Sendable (UnsafePointer<Float>, UnsafeMutablePointer<Float>, Int) -> Void
  let rootMeanSquare: @Sendable (UnsafePointer<Float>, Int, Float) -> Float
  let normalise:
    @Sendable (
      UnsafePointer<Float>, Float, UnsafePointer<Float>, Int, UnsafeMutablePointer<Float>
    ) -> Void
  let mean: @Sendable (UnsafePointer<Float>, Int) -> Float
  let deviation: @Sendable (UnsafePointer<Float>, Float, Int, Float) -> Float
  let normaliseCentred:
    @Sendable (
      UnsafePointer<Float>, Float, Float, UnsafePointer<Float>, UnsafePointer<Float>, Int,
      UnsafeMutablePointer<Float>
    ) -> Void
  let softmax: @Sendable (UnsafeMutablePointer<Float>, Int) -> Void
  let softCap: @Sendable (UnsafeMutablePointer<Float>, Int, Float) -> Void
  let activateSiLU, activateGELU, activateGELUTanh: Activate
  let attentionScores:
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, Int, UnsafePointer<Int32>, Int, Int, Float,
      UnsafeMutablePointer<Float>
    ) -> Void
  let weightedValues:
    @Sendable (
      UnsafePointer<Float>, UnsafePointer<Float>, Int, UnsafePointer<Int32>, Int, Int,
      UnsafeMutablePointer<Float>
    ) -> Void
  let rotate,
    rotateAdjacent:
      @Sendable (
        UnsafeMutablePointer<Float>, Int, UnsafePointer<Float>, UnsafePointer<Float>
      ) -> Void
}

extension Kernels {
  func activate(_ nonlinearity: MLPShape.Nonlinearity) -> Activate {
    switch nonlinearity {
    case .silu: activateSiLU
    case .gelu: activateGELU
    case .geluTanh: activateGELUTanh
    }
  }

  /// Columns of a panel.
  static let panelWidth = 32

  /// What this process computes with: what `SUMMAND_ISA` names, else the widest that the processor
  /// has.
  public static let current: Kernels = {
    let asked = getenv("SUMMAND_ISA").map { String(cString: $0) }
    return available.first { $0.name == asked } ?? available.first ?? all[0]
  }()

  /// Why this processor, or the instruction set that was asked for, cannot serve. To be asked
  /// before anything is computed.
  public static func complaint() -> ModelError? {
    guard !available.isEmpty else {
      return ModelError(
        .request, "this processor has no AVX2 with FMA, which Summand's arithmetic needs",
        help: "any x86-64 processor since 2013 (Haswell, Excavator) or any arm64 will do")
    }
    guard let asked = getenv("SUMMAND_ISA").map({ String(cString: $0) }) else { return nil }
    if available.contains(where: { $0.name == asked }) { return nil }
    let names = available.map(\.name).joined(separator: ", ")
    return ModelError(
      .request, "SUMMAND_ISA is '\(asked)', which this processor or build does not have",
      help: "leave it unset, or choose from: \(names)")
  }

  #if arch(x86_64)
    private static let all = [avx512, avx2]

    /// What the processor can run, widest first.
    static let available: [Kernels] =
      (summand_has_v4() != 0 ? [avx512] : []) + (summand_has_v3() != 0 ? [avx2] : [])

    private static let avx2 = Kernels(
      name: "avx2", packPanel: KernelsAVX2.packPanel, packedTiles: KernelsAVX2.packedTiles,
      packTile: KernelsAVX2.packTile, product: KernelsAVX2.product, widen: KernelsAVX2.widen,
      transposedProduct: KernelsAVX2.transposedProduct, foldLanes: KernelsAVX2.foldLanes,
      dot: KernelsAVX2.dot, add: KernelsAVX2.add, rootMeanSquare: KernelsAVX2.rootMeanSquare,
      normalise: KernelsAVX2.normalise, mean: KernelsAVX2.mean, deviation: KernelsAVX2.deviation,
      normaliseCentred: KernelsAVX2.normaliseCentred, softmax: KernelsAVX2.softmax,
      softCap: KernelsAVX2.softCap, activateSiLU: KernelsAVX2.activateSiLU,
      activateGELU: KernelsAVX2.activateGELU,
      activateGELUTanh: KernelsAVX2.activateGELUTanh,
      attentionScores: KernelsAVX2.attentionScores, weightedValues: KernelsAVX2.weightedValues,
      rotate: KernelsAVX2.rotate, rotateAdjacent: KernelsAVX2.rotateAdjacent)

    private static let avx512 = Kernels(
      name: "avx512", packPanel: KernelsAVX512.packPanel, packedTiles: KernelsAVX512.packedTiles,
      packTile: KernelsAVX512.packTile, product: KernelsAVX512.product, widen: KernelsAVX512.widen,
      transposedProduct: KernelsAVX512.transposedProduct, foldLanes: KernelsAVX512.foldLanes,
      dot: KernelsAVX512.dot, add: KernelsAVX512.add, rootMeanSquare: KernelsAVX512.rootMeanSquare,
      normalise: KernelsAVX512.normalise, mean: KernelsAVX512.mean,
      deviation: KernelsAVX512.deviation, normaliseCentred: KernelsAVX512.normaliseCentred,
      softmax: KernelsAVX512.softmax, softCap: KernelsAVX512.softCap,
      activateSiLU: KernelsAVX512.activateSiLU, activateGELU: KernelsAVX512.activateGELU,
      activateGELUTanh: KernelsAVX512.activateGELUTanh,
      attentionScores: KernelsAVX512.attentionScores,
      weightedValues: KernelsAVX512.weightedValues, rotate: KernelsAVX512.rotate,
      rotateAdjacent: KernelsAVX512.rotateAdjacent)
  #else
    private static let all = [neon]
    static let available = all

    private static let neon = Kernels(
      name: "neon", packPanel: KernelsNEON.packPanel, packedTiles: KernelsNEON.packedTiles,
      packTile: KernelsNEON.packTile, product: KernelsNEON.product, widen: KernelsNEON.widen,
      transposedProduct: KernelsNEON.transposedProduct, foldLanes: KernelsNEON.foldLanes,
      dot: KernelsNEON.dot, add: KernelsNEON.add, rootMeanSquare: KernelsNEON.rootMeanSquare,
      normalise: KernelsNEON.normalise, mean: KernelsNEON.mean, deviation: KernelsNEON.deviation,
      normaliseCentred: KernelsNEON.normaliseCentred, softmax: KernelsNEON.softmax,
      softCap: KernelsNEON.softCap, activateSiLU: KernelsNEON.activateSiLU,
      activateGELU: KernelsNEON.activateGELU,
      activateGELUTanh: KernelsNEON.activateGELUTanh,
      attentionScores: KernelsNEON.attentionScores, weightedValues: KernelsNEON.weightedValues,
      rotate: KernelsNEON.rotate, rotateAdjacent: KernelsNEON.rotateAdjacent)
  #endif
}
