/// Weights for `DoubleRun`: read from the file each time, decoded by the reference decoders.
struct DoubleWeights {
  private let reader: WeightReader
  /// What the file's own head has settled.
  let configuration: Configuration
  private let file: any TensorFile
  private let pool: WorkerPool

  init(_ blueprint: Blueprint, file: any TensorFile, pool: WorkerPool) throws {
    reader = WeightReader(blueprint.names, file: file, config: blueprint.config)
    configuration = try reader.configuration(of: blueprint)
    self.file = file
    self.pool = pool
  }

  func vector(_ source: WeightSource, _ count: Int) throws -> [Double] {
    try reader.vector(source, count).map(Double.init)
  }

  /// Some rows of a matrix.
  func rows(_ source: WeightSource, _ rows: [Int], of shape: (rows: Int, columns: Int)) throws
    -> [[Double]]
  {
    let tensor = try reader.tensor(source, [shape.rows, shape.columns])
    return try rows.map { row in
      try withDecoded(tensor, first: row * shape.columns, count: shape.columns) {
        $0.map(Double.init)
      }
    }
  }

  /// W x + b for every x, [positions][rows].
  func linear(_ source: BiasedSource, _ x: [[Double]], rows: Int) throws -> [[Double]] {
    let product = try product(source.weight, x, rows: rows)
    guard let bias = source.bias else { return product }
    let values = try vector(bias, rows)
    return product.map { zip($0, values).map(+) }
  }

  /// W x for every x, [positions][rows].
  func product(_ source: WeightSource, _ x: [[Double]], rows: Int) throws -> [[Double]] {
    let (columns, all) = (x[0].count, source.fileRows ?? rows)
    let order = source.order?.rows ?? Array(0..<rows)
    // What stands between the rows that are asked for is computed with them.
    let first = order.min() ?? 0
    let range = first..<(order.max() ?? first) + 1
    let sums: [Double]
    if source.isTransposed {
      sums = try transposedSums(reader.tensor(source, [columns, all]), x, range)
    } else {
      sums = try self.sums(reader.tensor(source, [all, columns]), x, range)
    }
    return x.indices.map { position in
      order.map { sums[position * range.count + $0 - first] }
    }
  }

  /// [positions][range], of a tensor [out, in]; each thread takes some rows.
  private func sums(_ tensor: TensorInfo, _ x: [[Double]], _ range: Range<Int>) throws -> [Double] {
    let columns = x[0].count
    let rowsAtOnce = max(1, (1 << 16) / columns)
    let failures = WeightFailures()
    let sums = Slots(repeating: 0.0, count: x.count * range.count)
    x.flatMap(\.self).withUnsafeBufferPointer { x in
      pool.run((range.count + rowsAtOnce - 1) / rowsAtOnce) { block, _ in
        let first = block * rowsAtOnce
        let rows = first..<min(first + rowsAtOnce, range.count)
        do {
          try withDecoded(
            tensor, first: (range.lowerBound + first) * columns, count: rows.count * columns
          ) { weights in
            for row in rows {
              let start = (row - first) * columns
              for position in 0..<x.count / columns {
                var sum = 0.0
                for i in 0..<columns {
                  sum += Double(weights[start + i]) * x[position * columns + i]
                }
                sums[position * range.count + row] = sum
              }
            }
          }
        } catch {
          failures.record(error)
        }
      }
    }
    try failures.check()
    return sums.values
  }

  /// [positions][range], of a tensor [in, out]; each thread takes some positions.
  private func transposedSums(_ tensor: TensorInfo, _ x: [[Double]], _ range: Range<Int>) throws
    -> [Double]
  {
    let all = tensor.shape[1]
    let sums = Slots(repeating: 0.0, count: x.count * range.count)
    for input in 0..<tensor.shape[0] {
      try withDecoded(tensor, first: input * all, count: all) { weights in
        pool.run(x.count) { position, _ in
          let factor = x[position][input]
          for row in range {
            sums[position * range.count + row - range.lowerBound] += factor * Double(weights[row])
          }
        }
      }
    }
    return sums.values
  }

  /// Some elements, whole rows of them: a row is a whole number of blocks.
  private func withDecoded<T>(
    _ tensor: TensorInfo, first: Int, count: Int, _ body: (UnsafeBufferPointer<Float>) -> T
  ) throws -> T {
    func bytes(_ elements: Int) -> Int {
      elements / tensor.type.elementsPerBlock * tensor.type.bytesPerBlock
    }
    let range = bytes(first)..<bytes(first + count)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: range.count, alignment: 64)
    let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: count)
    defer {
      buffer.deallocate()
      values.deallocate()
    }
    try file.read(tensor, bytes: range, into: buffer)
    Dequantize.dequantize(tensor.type, UnsafeRawBufferPointer(buffer), into: values)
    return body(UnsafeBufferPointer(values))
  }
}
