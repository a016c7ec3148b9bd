import CSIMD

// out[m, k] = Σ_n x[m, n] · w[n, k]: a product with the transposed weights, n in order, with fused
// multiply-adds. Its panels are made of parts of the weights' own as they are needed.

extension Implementation {
  /// Turns part of a panel: its weights as f32, `[32 n][32]` for each 32 k, those `partStride` apart. Where
  /// fewer than 32 k are left, the columns that they would have are 0.
  ///
  /// - Parameters:
  ///   - panel: `k` of it are turned; it may begin at any block of the whole one.
  ///   - scratch: room for 32 · k floats, and 32 more for each k that is missing.
  public static func turn(
    _ panel: SummandPanel, into out: UnsafeMutablePointer<Float>, partStride: Int,
    scratch: UnsafeMutablePointer<Float>
  ) {
    widen(panel, into: scratch)
    let parts = (panel.k + panelWidth - 1) / panelWidth
    let missing = parts * panelWidth - panel.k
    summand_clear(scratch + panel.k * panelWidth, missing * panelWidth * 4)
    for part in 0..<parts {
      let (from, to) = (scratch + part * panelWidth * panelWidth, out + part * partStride)
      for k in 0..<2 {
        for n in 0..<2 {
          summand_transpose_block(
            from + (k * 16 * panelWidth + n * 16), panelWidth, to + (n * 16 * panelWidth + k * 16),
            panelWidth)
        }
      }
    }
  }

  /// sums[k] += Σ over the panel's 32 columns n of w[n, k] · u[n], in 16 lanes for each k: what a
  /// product with the transposed weights is made of, panel after panel.
  public static func transposedProduct(
    widened panel: UnsafePointer<Float>, k: Int, by u: UnsafePointer<Float>,
    addingTo sums: UnsafeMutablePointer<Float>
  ) {
    let low = summand_load_f32(u)
    let high = summand_load_f32(u + 16)
    for i in 0..<k {
      var sum = summand_load_f32(sums + i * 16)
      sum = summand_fma(summand_load_f32(panel + i * 32), low, sum)
      sum = summand_fma(summand_load_f32(panel + (i * 32 + 16)), high, sum)
      summand_store_f32(sums + i * 16, sum)
    }
  }
}
