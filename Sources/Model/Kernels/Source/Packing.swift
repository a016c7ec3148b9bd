import CSIMD

// From the file's rows to panels, in the same number of bytes. The layouts are those that
// `Product.swift` reads.

/// Packs up to 32 rows of a matrix into one panel.
///
/// - Parameters:
///   - rows: where each row's bytes begin in the file's layout; at most 32. Missing rows are
///     weights of 0.
///   - k: weights in a row, a multiple of the type's block.
///   - panel: 32 rows' worth of bytes.
public func packPanel(
  _ type: SummandPanelType, rows: UnsafeBufferPointer<UnsafeRawPointer>, k: Int,
  into panel: UnsafeMutableRawPointer
) {
  switch type {
  case .F32: packWhole(UInt32.self, rows: rows, k: k, into: panel)
  case .F16, .BF16: packWhole(UInt16.self, rows: rows, k: k, into: panel)
  case .Q8_0: packEightBits(rows: rows, blocks: k / 32, into: panel)
  case .Q4_1: packFourBits(rows: rows, blocks: k / 32, into: panel)
  case .Q6_K: packSixBits(rows: rows, blocks: k / 256, into: panel)
  }
}

@inline(__always)
private func packWhole<Word: FixedWidthInteger & BitwiseCopyable>(
  _: Word.Type, rows: UnsafeBufferPointer<UnsafeRawPointer>, k: Int,
  into panel: UnsafeMutableRawPointer
) {
  let out = panel.assumingMemoryBound(to: Word.self)
  out.update(repeating: 0, count: k * 32)
  for (n, row) in rows.enumerated() {
    for i in 0..<k {
      out[i * 32 + n] = row.loadUnaligned(
        fromByteOffset: i * MemoryLayout<Word>.size, as: Word.self)
    }
  }
}

private func packEightBits(
  rows: UnsafeBufferPointer<UnsafeRawPointer>, blocks: Int, into panel: UnsafeMutableRawPointer
) {
  clear(panel, blocks * 1088)
  for (n, row) in rows.enumerated() {
    for b in 0..<blocks {
      let block = row + b * 34
      let out = panel + b * 1088
      copyScale(block, to: out + n * 2)
      let bytes = (out + (64 + n)).assumingMemoryBound(to: UInt8.self)
      let source = (block + 2).assumingMemoryBound(to: UInt8.self)
      for i in 0..<32 { bytes[i * 32] = source[i] }
    }
  }
}

private func packFourBits(
  rows: UnsafeBufferPointer<UnsafeRawPointer>, blocks: Int, into panel: UnsafeMutableRawPointer
) {
  clear(panel, blocks * 640)
  for (n, row) in rows.enumerated() {
    let shift = UInt8(truncatingIfNeeded: (n >> 4) * 4)
    for b in 0..<blocks {
      let block = row + b * 20
      let out = panel + b * 640
      copyScale(block, to: out + n * 2)
      copyScale(block + 2, to: out + (64 + n * 2))
      // The file has elements i and 16 + i of a row in one byte; the panel has columns n and
      // 16 + n of one k.
      let bytes = (out + (128 + n & 15)).assumingMemoryBound(to: UInt8.self)
      let source = (block + 4).assumingMemoryBound(to: UInt8.self)
      for i in 0..<16 {
        bytes[i * 16] |= (source[i] & 15) << shift
        bytes[(i + 16) * 16] |= (source[i] >> 4) << shift
      }
    }
  }
}

private func packSixBits(
  rows: UnsafeBufferPointer<UnsafeRawPointer>, blocks: Int, into panel: UnsafeMutableRawPointer
) {
  clear(panel, blocks * 6720)
  for (n, row) in rows.enumerated() {
    let shift = UInt8(truncatingIfNeeded: (n >> 4) * 4)
    for b in 0..<blocks {
      let block = (row + b * 210).assumingMemoryBound(to: UInt8.self)
      let low = block
      let high = block + 128
      let scales = block + 192
      let out = panel + b * 6720
      copyScale(UnsafeRawPointer(block + 208), to: out + n * 2)
      let outScales = (out + (64 + n)).assumingMemoryBound(to: UInt8.self)
      for s in 0..<16 { outScales[s * 32] = scales[s] }
      let outLow = (out + (576 + n & 15)).assumingMemoryBound(to: UInt8.self)
      let outHigh = (out + (4672 + n)).assumingMemoryBound(to: UInt8.self)
      for k in 0..<256 {
        // Each half of 128 has its own 64 low and 32 high bytes; within it, quarters of 32.
        let half = k >> 7
        let quarter = (k >> 5) & 3
        let i = k & 31
        let lowByte = low[half * 64 + (quarter & 1) * 32 + i]
        let nibble = quarter < 2 ? lowByte & 15 : lowByte >> 4
        let bits = (high[half * 32 + i] >> UInt8(truncatingIfNeeded: quarter * 2)) & 3
        outLow[k * 16] |= nibble << shift
        outHigh[(k >> 2) * 32] |= bits << UInt8(truncatingIfNeeded: (k & 3) * 2)
      }
    }
  }
}

@inline(__always)
private func clear(_ panel: UnsafeMutableRawPointer, _ count: Int) {
  panel.assumingMemoryBound(to: UInt8.self).update(repeating: 0, count: count)
}

@inline(__always)
private func copyScale(_ source: UnsafeRawPointer, to out: UnsafeMutableRawPointer) {
  out.storeBytes(of: source.loadUnaligned(as: UInt16.self), as: UInt16.self)
}
