import CSIMD

// Eigenvalues by QR with Francis's double shift (Martin, Peters and Wilkinson's `hqr`, as EISPACK has it), of
// eight matrices at a time. Each has its own window of rows and columns in which steps are still to be done;
// a step goes over the windows of all. Outside of its own a matrix is changed by 0, or where nothing is read
// again.

extension Implementation {
  /// The eigenvalues of each matrix, in the order in which they are found. Those that 60 steps do not find are
  /// NaN.
  ///
  /// - Parameters:
  ///   - matrices: are overwritten.
  ///   - values: `[matrices][size][2]`: real and imaginary part.
  public static func eigenvalues(
    of matrices: SummandMatrices, into values: UnsafeMutablePointer<Double>
  ) {
    matrices.reduce()
    var iteration = ShiftedQR(matrices, values)
    iteration.run()
  }
}

private struct ShiftedQR {
  private let a: SummandMatrices
  private let values: UnsafeMutablePointer<Double>
  private var found = SIMD8<Int64>.zero
  /// Σ of all magnitudes.
  private var size = SIMD8<Double>.zero
  /// The window of each: the block of rows up to its last that no element under the diagonal ends. None is
  /// left where the last is −1.
  private var (first, last) = (SIMD8<Int64>.zero, SIMD8<Int64>(repeating: -1))
  private var steps = SIMD8<Int64>.zero
  private var shift = SIMD8<Double>.zero

  init(_ a: SummandMatrices, _ values: UnsafeMutablePointer<Double>) {
    (self.a, self.values) = (a, values)
    for lane in 0..<a.count { last[lane] = Int64(a.size - 1) }
    for i in 0..<a.size {
      for j in max(i - 1, 0)..<a.size { size += summand_magnitude_f64(a[i, j]) }
    }
  }

  mutating func run() {
    while true {
      var changed = SIMD8<Int64>(repeating: -1)
      while summand_any_i64(changed) != 0 {
        findFirst(of: changed)
        changed = takeEnds()
      }
      if last.max() < 0 { return }
      step()
    }
  }

  // MARK: - Windows

  /// The row from which on no element under the diagonal is small enough to count as 0.
  private mutating func findFirst(of changed: SIMD8<Int64>) {
    first &= ~changed
    var open = changed & summand_below_i64(.zero, last)
    var l = Int(last.max())
    while l > 0, summand_any_i64(open) != 0 {
      let number = SIMD8(repeating: Int64(l))
      let s = summand_magnitude_f64(a[l - 1, l - 1]) + summand_magnitude_f64(a[l, l])
      let least = summand_choose_f64(summand_is_zero_f64(s), size, s) * SIMD8(repeating: 0x1p-53)
      let under = a[l, l - 1]
      let isSmall =
        open & ~summand_below_i64(last, number)
        & summand_at_most_f64(summand_magnitude_f64(under), least)
      if summand_any_i64(isSmall) != 0 {
        a[l, l - 1] = summand_choose_f64(isSmall, .zero, under)
        first |= number & isSmall
        open &= ~isSmall
      }
      l -= 1
    }
  }

  /// The eigenvalues of windows of one and two rows, which end.
  ///
  /// - Returns: in which matrices there were any.
  private mutating func takeEnds() -> SIMD8<Int64> {
    var changed = SIMD8<Int64>.zero
    for lane in 0..<8 where last[lane] >= 0 {
      let (first, last) = (Int(first[lane]), Int(last[lane]))
      if first == last {
        add(a[last, last, lane: lane] + shift[lane], 0, lane)
        self.last[lane] -= 1
      } else if first == last - 1 {
        takePair(last, lane)
        self.last[lane] -= 2
      } else if steps[lane] == 60 {
        // Nothing is known of what is left.
        for _ in 0...last { add(.nan, .nan, lane) }
        self.last[lane] = -1
      } else {
        continue
      }
      steps[lane] = 0
      changed[lane] = -1
    }
    return changed
  }

  /// The two of the last block.
  private mutating func takePair(_ last: Int, _ lane: Int) {
    let (x, y) = (a[last, last, lane: lane], a[last - 1, last - 1, lane: lane])
    let w = a[last, last - 1, lane: lane] * a[last - 1, last, lane: lane]
    let (p, shift) = ((y - x) / 2, shift[lane])
    let q = p * p + w
    let root = q.magnitude.squareRoot()
    guard q >= 0 else {
      add(x + shift + p, root, lane)
      add(x + shift + p, -root, lane)
      return
    }
    let z = p + (p < 0 ? -root : root)
    add(x + shift + z, 0, lane)
    add(z == 0 ? x + shift : x + shift - w / z, 0, lane)
  }

  private mutating func add(_ real: Double, _ imaginary: Double, _ lane: Int) {
    let place = (lane * a.size + Int(found[lane])) * 2
    (values[place], values[place + 1]) = (real, imaginary)
    found[lane] += 1
  }

  // MARK: - Steps

  /// What the last two rows give for both shifts, and where a step begins.
  private struct Start {
    var (x, y, w) = (SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero)
    var (p, q, r) = (SIMD8<Double>.zero, SIMD8<Double>.zero, SIMD8<Double>.zero)
    var m = SIMD8<Int64>(repeating: .max)
  }

  /// One step in the windows that are left, all of three rows or more.
  private mutating func step() {
    var start = Start()
    for lane in 0..<8 where last[lane] >= 0 {
      choose(lane, &start)
      steps[lane] += 1
    }
    place(&start)
    let (low, high) = (Int(start.m.min()), Int(last.max()))
    for i in low + 2...high {
      a[i, i - 2] = .zero
      if i > low + 2 { a[i, i - 3] = .zero }
    }
    chase(start, from: low, through: high)
  }

  /// The shifts of one matrix.
  private mutating func choose(_ lane: Int, _ start: inout Start) {
    let last = Int(last[lane])
    var (x, y) = (a[last, last, lane: lane], a[last - 1, last - 1, lane: lane])
    var w = a[last, last - 1, lane: lane] * a[last - 1, last, lane: lane]
    if steps[lane] > 0, steps[lane] % 10 == 0 {
      // Another shift, where the usual one goes round in circles.
      shift[lane] += x
      for i in 0...last { a[i, i, lane: lane] -= x }
      let s =
        a[last, last - 1, lane: lane].magnitude + a[last - 1, last - 2, lane: lane].magnitude
      x = 0.75 * s
      y = x
      w = -0.4375 * s * s
    }
    (start.x[lane], start.y[lane], start.w[lane]) = (x, y, w)
  }

  /// Where two elements in a row under the diagonal are small enough for the step to begin after them.
  private func place(_ start: inout Start) {
    var open = summand_below_i64(SIMD8(repeating: -1), last)
    var m = Int(last.max()) - 2
    while true {
      let number = SIMD8(repeating: Int64(m))
      let here = open & summand_below_i64(number, last &- 1)
      let z = a[m, m]
      let (dx, dy) = (start.x - z, start.y - z)
      var p = (dx * dy - start.w) / a[m + 1, m] + a[m, m + 1]
      var q = a[m + 1, m + 1] - z - dx - dy
      var r = a[m + 2, m + 1]
      let s = summand_magnitude_f64(p) + summand_magnitude_f64(q) + summand_magnitude_f64(r)
      p /= s
      q /= s
      r /= s
      start.p = summand_choose_f64(here, p, start.p)
      start.q = summand_choose_f64(here, q, start.q)
      start.r = summand_choose_f64(here, r, start.r)
      var isEnd = here & summand_equal_i64(first, number)
      if m > 0 {
        let u =
          summand_magnitude_f64(a[m, m - 1])
          * (summand_magnitude_f64(q) + summand_magnitude_f64(r))
        let around =
          summand_magnitude_f64(a[m - 1, m - 1]) + summand_magnitude_f64(z)
          + summand_magnitude_f64(a[m + 1, m + 1])
        let least = SIMD8(repeating: 0x1p-53) * summand_magnitude_f64(p) * around
        isEnd |= here & summand_at_most_f64(u, least)
      }
      start.m = (start.m & ~isEnd) | (number & isEnd)
      open &= ~isEnd
      if summand_any_i64(open) == 0 { return }
      m -= 1
    }
  }

  /// Chases the bulges that the shifts make down the diagonals.
  private func chase(_ start: Start, from low: Int, through high: Int) {
    let isActive = summand_below_i64(SIMD8(repeating: -1), last)
    let top = Int((first | ~isActive & SIMD8(repeating: .max)).min())
    for k in low..<high {
      let number = SIMD8(repeating: Int64(k))
      let here = isActive & summand_below_i64(number, last) & ~summand_below_i64(number, start.m)
      let isFurther = here & summand_below_i64(start.m, number)
      let small = reflection(k, start, here, isFurther)
      a.reflectRows(k, through: high, small)
      a.reflectColumns(k, rows: top, through: min(high, k + 3), small)
    }
  }

  /// What takes the bulge a row further.
  ///
  /// - Parameters:
  ///   - here: in whose steps `k` is.
  ///   - isFurther: in whose it is not the first.
  @inline(__always)
  private func reflection(
    _ k: Int, _ start: Start, _ here: SIMD8<Int64>, _ isFurther: SIMD8<Int64>
  ) -> SummandMatrices.Small {
    let one = SIMD8<Double>(repeating: 1)
    var (p, q, r) = (start.p, start.q, start.r)
    var x = SIMD8<Double>.zero
    if k > 0 {
      let isLast = summand_equal_i64(SIMD8(repeating: Int64(k + 1)), last)
      let third = summand_choose_f64(isLast, .zero, a[k + 2, k - 1])
      p = summand_choose_f64(isFurther, a[k, k - 1], p)
      q = summand_choose_f64(isFurther, a[k + 1, k - 1], q)
      r = summand_choose_f64(isFurther, third, r)
      let sum = summand_magnitude_f64(p) + summand_magnitude_f64(q) + summand_magnitude_f64(r)
      x = summand_choose_f64(isFurther, sum, .zero)
      let divisor = summand_choose_f64(summand_is_zero_f64(x), one, x)
      p /= divisor
      q /= divisor
      r /= divisor
    }
    let root = summand_root_f64(p * p + q * q + r * r)
    let s = summand_choose_f64(summand_below_f64(p, .zero), -root, root)
    let moves = here & ~summand_is_zero_f64(s)
    if k > 0 {
      let before = a[k, k - 1]
      let isTurned = moves & ~isFurther & ~summand_equal_i64(first, start.m)
      let after = summand_choose_f64(moves & isFurther, -s * x, before)
      a[k, k - 1] = summand_choose_f64(isTurned, -before, after)
    }
    let divisor = summand_choose_f64(moves, s, one)
    p = summand_choose_f64(moves, p + s, one)
    return (
      x: summand_choose_f64(moves, p / divisor, .zero),
      y: summand_choose_f64(moves, q / divisor, .zero),
      z: summand_choose_f64(moves, r / divisor, .zero),
      q: summand_choose_f64(moves, q / p, .zero), r: summand_choose_f64(moves, r / p, .zero)
    )
  }
}
