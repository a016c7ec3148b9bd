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
      of x: UnsafePointer<Float>, _ width: Int, _ epsilon: Float, _ kernels: Kernels
    ) -> Float {
      let scale =
        switch kind {
        case .rootMeanSquare: kernels.rootMeanSquare(x, width, epsilon)
        case .layer: kernels.deviation(x, kernels.mean(x, width), width, epsilon)
        }
      return scale.isFinite ? scale : .nan
    }

    /// Norms a vector by a scale that was computed before. `out` may be `x`.
    func apply(
      to x: UnsafePointer<Float>, scale: Float, _ width: Int, _ kernels: Kernels,
      into out: UnsafeMutablePointer<Float>
    ) {
      switch kind {
      case .rootMeanSquare: kernels.normalise(x, scale, weight, width, out)
      case .layer:
        kernels.normaliseCentred(x, kernels.mean(x, width), scale, weight, bias, width, out)
      }
    }
  }
}
