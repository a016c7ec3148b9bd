extension Transformer {
  struct Norm: Sendable {
    var kind: NormKind
    /// γ
    var weight: [Float]
    /// β of a LayerNorm.
    var bias: [Float] = []

    /// What it divides a vector by; NaN where F32 cannot hold it. Dividing by infinity would make zeros
    /// of a vector that is anything but.
    func scale(
      of x: UnsafePointer<Float>, _ width: Int, _ epsilon: Float, _ kernels: any InstructionSet.Type
    ) -> Float {
      let scale =
        switch kind {
        case .rootMeanSquare: kernels.rootMeanSquare(x, count: width, epsilon: epsilon)
        case .layer:
          kernels.deviation(
            x, mean: kernels.mean(x, count: width), count: width, epsilon: epsilon)
        }
      return scale.isFinite ? scale : .nan
    }

    /// Norms a vector by a scale that was computed before. `out` may be `x`.
    func apply(
      to x: UnsafePointer<Float>, scale: Float, _ width: Int, _ kernels: any InstructionSet.Type,
      into out: UnsafeMutablePointer<Float>
    ) {
      switch kind {
      case .rootMeanSquare:
        kernels.normalise(x, scale: scale, weight: weight, count: width, into: out)
      case .layer:
        kernels.normaliseCentred(
          x, scale: scale, weight: weight, bias: bias, count: width, into: out)
      }
    }
  }
}
