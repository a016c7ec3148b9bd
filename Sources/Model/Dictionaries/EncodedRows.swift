import Synchronization

/// The active features of rows that were encoded last. A sweep asks for one feature after the other at the
/// same rows, those of the run that it varies, and a joint rule takes all features for one.
///
/// A row's bits decide what is active, whoever encodes it, so that what is found here has the bits of what
/// would be computed. Memory is bounded: the older half of the rows goes when the newer one is full.
final class EncodedRows: Sendable {
  /// Bits, not numbers: 0 and −0 are equal, and NaN is not.
  private struct Row: Hashable {
    let bits: [UInt32]

    init(_ row: [Float]) { bits = row.map(\.bitPattern) }
  }

  private struct State {
    var newer: [Row: [ActiveFeature]] = [:]
    var older: [Row: [ActiveFeature]] = [:]
    /// What `newer` takes.
    var bytes = 0
    var encodings = 0
  }

  private let state = Mutex(State())
  private let bytesOfHalf: Int

  /// - Parameter bytes: what is kept at the most.
  init(bytes: Int = 32 << 20) { bytesOfHalf = bytes / 2 }

  /// How many rows had to be encoded.
  var encodings: Int { state.withLock { $0.encodings } }

  /// What is active at a row, in the order of the features' numbers.
  ///
  /// - Parameter encode: computes it, where it is not known.
  func active(at row: [Float], encode: () -> [ActiveFeature]) -> [ActiveFeature] {
    let key = Row(row)
    if let known = state.withLock({ $0.newer[key] ?? $0.older[key] }) { return known }
    let found = encode()
    let size = bytes(of: row, found)
    state.withLock { state in
      state.encodings += 1
      guard size <= bytesOfHalf else { return }
      if state.bytes + size > bytesOfHalf {
        (state.older, state.newer, state.bytes) = (state.newer, [:], 0)
      }
      if state.newer.updateValue(found, forKey: key) == nil { state.bytes += size }
    }
    return found
  }

  /// With what the table and the arrays take besides their elements.
  private func bytes(of row: [Float], _ found: [ActiveFeature]) -> Int {
    row.count * MemoryLayout<UInt32>.size + found.count * MemoryLayout<ActiveFeature>.stride + 128
  }
}

extension [ActiveFeature] {
  /// A feature's activation, in the order of the features' numbers.
  func activation(of feature: Int) -> Float {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if self[middle].feature < feature { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low].feature == feature ? self[low].activation : 0
  }
}
