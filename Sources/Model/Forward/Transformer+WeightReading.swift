extension Transformer {
  /// Reads every weight of the model's file into memory, as runs need them, and looks whether each
  /// is a number.
  ///
  /// - Parameter progress: told how many of the matrices are read.
  /// - Returns: how many weights the matrices have.
  /// - Throws: `ModelError` that names a tensor with a weight that is none, or that cannot be read.
  public func readWeights(progress: (_ done: Int, _ of: Int) -> Void) throws -> Int {
    let matrices = self.matrices
    for (done, matrix) in matrices.enumerated() {
      try Interruption.check()
      progress(done, matrices.count)
      PackedMatrix.packAll([matrix], on: pool)
      try checkWeights()
    }
    return matrices.reduce(0) { $0 + $1.rows * $1.columns }
  }

  /// What the weights that no run has needed yet will take.
  public var unreadWeightBytes: Int {
    matrices.reduce(0) { $0 + $1.byteCount - $1.packedBytes }
  }
}
