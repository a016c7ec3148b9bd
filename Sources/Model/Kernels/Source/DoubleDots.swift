import CSIMD

// Products of vectors of doubles with vectors, for small matrices in double precision. No fused
// multiply-adds: see `Scripts/check-kernels`.

/// R vectors by C others, each sum in eight lanes: R × C of them never leave the registers.
private enum DoubleDots<let R: Int, let C: Int> {
  /// - Parameter out: `[R][stride]`
  @inline(__always)
  static func run(
    _ x: UnsafePointer<Double>, by y: UnsafePointer<Double>, length: Int,
    into out: UnsafeMutablePointer<Double>, stride: Int
  ) {
    var sums = InlineArray<R, InlineArray<C, SIMD8<Double>>> { _ in
      InlineArray { _ in .zero }
    }
    let whole = length & ~7
    var i = 0
    while i < whole {
      let some = InlineArray<R, SIMD8<Double>> { summand_load_f64(x + ($0 * length + i)) }
      for c in 0..<C {
        let other = summand_load_f64(y + (c * length + i))
        for r in 0..<R { sums[r][c] += some[r] * other }
      }
      i += 8
    }
    for r in 0..<R {
      for c in 0..<C {
        var sum = sums[r][c][0]
        for lane in 1..<8 { sum += sums[r][c][lane] }
        for i in whole..<length { sum += x[r * length + i] * y[c * length + i] }
        out[r * stride + c] = sum
      }
    }
  }

  /// All others, the last ones one by one.
  @inline(__always)
  static func all(
    _ x: UnsafePointer<Double>, by y: SummandVectors, into out: UnsafeMutablePointer<Double>,
    stride: Int
  ) {
    var first = 0
    while y.count - first >= C {
      run(x, by: y.base + first * y.length, length: y.length, into: out + first, stride: stride)
      first += C
    }
    while first < y.count {
      DoubleDots<R, 1>.run(
        x, by: y.base + first * y.length, length: y.length, into: out + first, stride: stride)
      first += 1
    }
  }
}

extension Implementation {
  /// Σ of the products of each vector of x with each of y, which are as long.
  ///
  /// - Parameter out: `[x.count][stride]`
  public static func dots(
    _ x: SummandVectors, by y: SummandVectors, into out: UnsafeMutablePointer<Double>, stride: Int
  ) {
    #if AVX512
      let atOnce = 4
    #else
      let atOnce = 2
    #endif
    var row = 0
    while x.count - row >= atOnce {
      let (some, out) = (x.base + row * x.length, out + row * stride)
      #if AVX512
        DoubleDots<4, 4>.all(some, by: y, into: out, stride: stride)
      #else
        DoubleDots<2, 2>.all(some, by: y, into: out, stride: stride)
      #endif
      row += atOnce
    }
    while row < x.count {
      DoubleDots<1, 4>.all(x.base + row * x.length, by: y, into: out + row * stride, stride: stride)
      row += 1
    }
  }
}
