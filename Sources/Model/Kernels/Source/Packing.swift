import CSIMD

extension Implementation {
  /// Packs up to 32 rows of a matrix into one panel, in the same number of bytes.
  ///
  /// - Parameters:
  ///   - rows: where each row's bytes begin in the file's layout; at most 32. Missing rows are
  ///     weights of 0.
  ///   - k: weights in a row, a multiple of the type's block.
  ///   - panel: 32 rows' worth of bytes.
  /// - Returns: whether all weights are finite. One that is not would turn every result of the model
  ///   into no number.
  public static func packPanel(
    _ type: SummandPanelType, rows: UnsafeBufferPointer<UnsafeRawPointer>, k: Int,
    into panel: UnsafeMutableRawPointer
  ) -> Bool {
    var isFinite = true
    withUnsafeMutablePointer(to: &isFinite) { isFinite in
      Packing(rows: rows, k: k, panel: panel, isFinite: isFinite).run(type)
    }
    return isFinite
  }
}

private struct Packing: PanelTask {
  let rows: UnsafeBufferPointer<UnsafeRawPointer>
  let k: Int
  let panel: UnsafeMutableRawPointer
  let isFinite: UnsafeMutablePointer<Bool>

  func run<Format: PanelFormat>(_: Format.Type) {
    var allFinite = true
    for b in 0..<(k / Format.blockLength) {
      let block = panel + b * Format.blockBytes * panelWidth
      if let base = rows.baseAddress, rows.count == panelWidth {
        Format.pack(base, at: b * Format.blockBytes, into: block)
      } else {
        summand_clear(block, Format.blockBytes * panelWidth)
        for column in 0..<rows.count {
          Format.pack(rows[column] + b * Format.blockBytes, column: column, into: block)
        }
      }
      allFinite = Format.isFinite(block) && allFinite
    }
    isFinite.pointee = allFinite
  }
}

extension Implementation {
  /// A block of a type, as products walk over it: weights of a row, and their bytes in the file.
  public static func block(of type: SummandPanelType) -> (weights: Int, bytes: Int) {
    var block = (weights: 0, bytes: 0)
    withUnsafeMutablePointer(to: &block) { BlockSize(block: $0).run(type) }
    return block
  }
}

private struct BlockSize: PanelTask {
  let block: UnsafeMutablePointer<(weights: Int, bytes: Int)>

  func run<Format: PanelFormat>(_: Format.Type) {
    block.pointee = (Format.blockLength, Format.blockBytes)
  }
}
