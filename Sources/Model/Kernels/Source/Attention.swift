import CSIMD

// Attention of a block of queries of one key/value head. The keys and values of a sequence need not
// lie together: each query says in which row of the buffers a source's stand, so that a variant of a
// prompt reads the clean run's keys and values where they are. Most sources are the same for all
// queries of a block. These are read in tiles; the others one query at a time.
//
// A score is one dot product in 16 lanes with one fixed fold; an element of z is one sum over the
// sources in order. No sum is split, so that no bit depends on tiles, blocks or what is shared.

#if AVX512
  /// Keys at a time. 3 queries × 8 keys: 24 of the 32 registers hold sums.
  private let keysAtOnce = 8
#else
  /// 1 query × 4 keys: 8 of the 16 registers hold sums.
  private let keysAtOnce = 4
#endif

// MARK: - Scores

/// R queries by the keys of a tile: their sums never leave the registers.
private enum ScoreTile<let R: Int> {
  #if AVX512
    private typealias Sums = InlineArray<8, SIMD16<Float>>
    private typealias Keys = InlineArray<8, UnsafePointer<Float>>
  #else
    private typealias Sums = InlineArray<4, SIMD16<Float>>
    private typealias Keys = InlineArray<4, UnsafePointer<Float>>
  #endif

  /// The scores of the sources `from` up to `end`, which stand in `rows`; up to the end of a tile,
  /// the numbers after them are written too.
  @inline(__always)
  static func run(
    _ queries: UnsafePointer<SummandQuery>, _ rows: UnsafePointer<Int32>, _ from: Int, _ end: Int,
    _ head: SummandHead, scale: Float
  ) {
    var q = InlineArray<R, UnsafePointer<Float>> { _ in queries[0].q }
    for r in 0..<R { q[r] = queries[r].q }
    let whole = head.width & ~15
    var j = from
    while j < end {
      var keys = Keys { _ in head.base }
      for c in 0..<keysAtOnce { keys[c] = key(j + c, rows, end, head) }
      var sums = InlineArray<R, Sums> { _ in Sums { _ in .zero } }
      var i = 0
      while i < whole {
        var x = InlineArray<R, SIMD16<Float>> { _ in .zero }
        for r in 0..<R { x[r] = summand_load_f32(q[r] + i) }
        for c in 0..<keysAtOnce {
          let key = summand_load_f32(keys[c] + i)
          for r in 0..<R { sums[r][c] = summand_fma(x[r], key, sums[r][c]) }
        }
        i += 16
      }
      if whole < head.width {
        let rest = head.width - whole
        var x = InlineArray<R, SIMD16<Float>> { _ in .zero }
        for r in 0..<R { x[r] = tail(q[r] + whole, rest, padding: 0) }
        for c in 0..<keysAtOnce {
          let key = tail(keys[c] + whole, rest, padding: 0)
          for r in 0..<R { sums[r][c] = summand_fma(x[r], key, sums[r][c]) }
        }
      }
      for r in 0..<R { store(sums[r], scale, queries[r].scores + j) }
      j += keysAtOnce
    }
  }

  /// The last key stands in for those after it.
  @inline(__always)
  private static func key(
    _ source: Int, _ rows: UnsafePointer<Int32>, _ end: Int, _ head: SummandHead
  ) -> UnsafePointer<Float> {
    head.base + Int(rows[source < end ? source : end - 1]) * head.stride
  }

  @inline(__always)
  private static func store(_ s: Sums, _ scale: Float, _ out: UnsafeMutablePointer<Float>) {
    #if AVX512
      let folded = summand_fold_eight(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7])
      summand_store_f32x8(out, folded * SIMD8(repeating: scale))
    #else
      let folded = summand_fold_four(s[0], s[1], s[2], s[3])
      summand_store_f32x4(out, folded * SIMD4(repeating: scale))
    #endif
  }

  /// The sources that the queries share, up to the last that one of them has.
  @inline(__always)
  static func shared(
    _ queries: UnsafePointer<SummandQuery>, _ shared: Int, _ head: SummandHead, scale: Float
  ) {
    var (rows, end) = (queries[0].rows, queries[0].count)
    for r in 1..<R where queries[r].count > end {
      (rows, end) = (queries[r].rows, queries[r].count)
    }
    run(queries, rows, 0, shared < end ? shared : end, head, scale: scale)
  }
}

extension Implementation {
  /// scores[j] = scale · Σ q[i] · key_j[i] for each source j of each query; the sum in 16 lanes and
  /// one fixed fold.
  public static func attentionScores(of block: SummandQueries, keys: SummandHead, scale: Float) {
    var queries = block.queries
    var left = block.count
    #if AVX512
      while left >= 3 {
        ScoreTile<3>.shared(queries, block.shared, keys, scale: scale)
        (queries, left) = (queries + 3, left - 3)
      }
      if left == 2 {
        ScoreTile<2>.shared(queries, block.shared, keys, scale: scale)
        (queries, left) = (queries + 2, left - 2)
      }
    #endif
    while left > 0 {
      ScoreTile<1>.shared(queries, block.shared, keys, scale: scale)
      (queries, left) = (queries + 1, left - 1)
    }
    for i in 0..<block.count {
      let query = block.queries + i
      ScoreTile<1>.run(
        query, query.pointee.rows, block.shared, query.pointee.count, keys, scale: scale)
    }
  }
}

// MARK: - Weighted values

/// R queries by C groups of 16 columns of z.
private enum ValueTile<let R: Int, let C: Int> {
  private typealias Sums = InlineArray<C, SIMD16<Float>>

  /// Writes z from `column` on.
  @inline(__always)
  static func run(
    _ queries: UnsafePointer<SummandQuery>, _ shared: Int, _ head: SummandHead, _ column: Int
  ) {
    // Sources that all R queries weigh and share.
    var (begin, end) = (0, shared)
    for r in 0..<R {
      if queries[r].first > begin { begin = queries[r].first }
      if queries[r].count < end { end = queries[r].count }
    }
    if end < begin { end = begin }
    let base = head.base + column
    var sums = InlineArray<R, Sums> { _ in Sums { _ in .zero } }
    for r in 0..<R {
      let count = queries[r].count
      add(queries + r, queries[r].first, begin < count ? begin : count, base, head, &sums[r])
    }
    let rows = queries[0].rows
    var pattern = InlineArray<R, UnsafeMutablePointer<Float>> { _ in queries[0].scores }
    for r in 0..<R { pattern[r] = queries[r].scores }
    var j = begin
    while j < end {
      let value = base + Int(rows[j]) * head.stride
      var values = Sums { _ in .zero }
      for c in 0..<C { values[c] = summand_load_f32(value + c * 16) }
      for r in 0..<R {
        let weight = SIMD16(repeating: pattern[r][j])
        for c in 0..<C { sums[r][c] = summand_fma(weight, values[c], sums[r][c]) }
      }
      j += 1
    }
    for r in 0..<R {
      add(queries + r, end, queries[r].count, base, head, &sums[r])
      for c in 0..<C { summand_store_f32(queries[r].z + (column + c * 16), sums[r][c]) }
    }
  }

  /// Adds what one query weighs of the sources `from` up to `end`.
  @inline(__always)
  private static func add(
    _ query: UnsafePointer<SummandQuery>, _ from: Int, _ end: Int, _ base: UnsafePointer<Float>,
    _ head: SummandHead, _ sums: inout Sums
  ) {
    let (pattern, rows) = (query.pointee.scores, query.pointee.rows)
    var j = from
    while j < end {
      let value = base + Int(rows[j]) * head.stride
      let weight = SIMD16(repeating: pattern[j])
      for c in 0..<C { sums[c] = summand_fma(weight, summand_load_f32(value + c * 16), sums[c]) }
      j += 1
    }
  }
}

extension Implementation {
  /// z[i] = Σ_j pattern[j] · value_j[i] for each query, over the sources j that it weighs, in order.
  public static func weightedValues(of block: SummandQueries, values: SummandHead) {
    let whole = values.width & ~15
    var column = 0
    #if AVX512
      while column + 64 <= whole {
        fourGroups(block, values, column)
        column += 64
      }
    #endif
    while column + 32 <= whole {
      twoGroups(block, values, column)
      column += 32
    }
    while column < whole {
      for i in 0..<block.count {
        ValueTile<1, 1>.run(block.queries + i, block.shared, values, column)
      }
      column += 16
    }
    if whole < values.width {
      for i in 0..<block.count { weighRest(block.queries + i, values, from: whole) }
    }
  }

  #if AVX512
    /// 6 queries × 64 columns: 24 of the 32 registers hold sums.
    @inline(__always)
    private static func fourGroups(_ block: SummandQueries, _ values: SummandHead, _ column: Int) {
      var queries = block.queries
      var left = block.count
      while left >= 6 {
        ValueTile<6, 4>.run(queries, block.shared, values, column)
        (queries, left) = (queries + 6, left - 6)
      }
      while left >= 3 {
        ValueTile<3, 4>.run(queries, block.shared, values, column)
        (queries, left) = (queries + 3, left - 3)
      }
      while left > 0 {
        ValueTile<1, 4>.run(queries, block.shared, values, column)
        (queries, left) = (queries + 1, left - 1)
      }
    }
  #endif

  /// 3 queries × 32 columns: with AVX2, 12 of the 16 registers hold sums.
  @inline(__always)
  private static func twoGroups(_ block: SummandQueries, _ values: SummandHead, _ column: Int) {
    var queries = block.queries
    var left = block.count
    while left >= 3 {
      ValueTile<3, 2>.run(queries, block.shared, values, column)
      (queries, left) = (queries + 3, left - 3)
    }
    while left > 0 {
      ValueTile<1, 2>.run(queries, block.shared, values, column)
      (queries, left) = (queries + 1, left - 1)
    }
  }

  /// The columns that fill no vector.
  @inline(__always)
  private static func weighRest(
    _ query: UnsafePointer<SummandQuery>, _ head: SummandHead, from column: Int
  ) {
    let (pattern, rows) = (query.pointee.scores, query.pointee.rows)
    let rest = head.width - column
    var sum = SIMD16<Float>.zero
    for j in query.pointee.first..<query.pointee.count {
      let value = tail(head.base + (Int(rows[j]) * head.stride + column), rest, padding: 0)
      sum = summand_fma(SIMD16(repeating: pattern[j]), value, sum)
    }
    storeTail(sum, query.pointee.z + column, rest)
  }
}
