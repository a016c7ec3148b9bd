extension Implementation {
  /// Rotates one head's vector: elements i and i + half by the angle whose cosine and sine stand at i.
  /// `half` is half of the rotated width; what lies beyond it is not touched.
  public static func rotate(
    _ x: UnsafeMutablePointer<Float>, half: Int, cosines: UnsafePointer<Float>,
    sines: UnsafePointer<Float>
  ) {
    for i in 0..<half {
      let a = x[i]
      let b = x[i + half]
      x[i] = a * cosines[i] - b * sines[i]
      x[i + half] = a * sines[i] + b * cosines[i]
    }
  }

  /// The same for elements 2i and 2i + 1.
  public static func rotateAdjacent(
    _ x: UnsafeMutablePointer<Float>, half: Int, cosines: UnsafePointer<Float>,
    sines: UnsafePointer<Float>
  ) {
    for i in 0..<half {
      let a = x[2 * i]
      let b = x[2 * i + 1]
      x[2 * i] = a * cosines[i] - b * sines[i]
      x[2 * i + 1] = a * sines[i] + b * cosines[i]
    }
  }
}
