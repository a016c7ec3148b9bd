// Bare matrix products on request, turn by turn with other libraries: products THREADS FOLDER
//
// A line `TYPE OUTPUTS COLUMNS ROWS` is answered with the seconds that one such product takes. What
// was multiplied and what came out are left in the folder, decoded to f32, so that the others
// multiply the same and can be compared. `transposed …` multiplies rows as wide as there are outputs by the same
// weights the other way round. Lines `runs …` and `gradients …` are answered with the seconds of what `Runs` and
// `Gradients` do.

import Foundation

@testable import Model

/// A checkpoint in memory with one random matrix: q4_1 or f32, its elements within about ±1.
struct RandomMatrix: TensorFile {
  let path = "random"
  let tensors: [TensorInfo]
  private let bytes: [UInt8]

  init?(_ type: TensorType, outputs: Int, columns: Int) {
    guard
      let tensor = TensorInfo(
        name: "w", shape: [outputs, columns], type: type, offset: 0, shard: 0)
    else { return nil }
    tensors = [tensor]
    var bytes: [UInt8] = []
    for _ in 0..<(outputs * columns / type.elementsPerBlock) {
      switch type {
      case .f32: bytes += Self.bytes(of: Float.random(in: -1...1).bitPattern)
      case .q4_1:
        // w = scale · (0...15) + smallest, both halves.
        bytes += Self.bytes(of: Float16.random(in: 0...0.125).bitPattern)
        bytes += Self.bytes(of: Float16.random(in: -1...0).bitPattern)
        bytes += (0..<16).map { _ in UInt8.random(in: 0...255) }
      default: return nil
      }
    }
    self.bytes = bytes
  }

  func require(_ name: String) throws -> TensorInfo { tensors[0] }

  func read(
    _ tensor: TensorInfo, bytes range: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    buffer.copyBytes(from: bytes[range])
  }

  var decoded: [Float] {
    [Float](unsafeUninitializedCapacity: tensors[0].elementCount) { out, count in
      count = tensors[0].elementCount
      bytes.withUnsafeBytes {
        Dequantize.dequantize(
          tensors[0].type, $0, into: UnsafeMutableBufferPointer(rebasing: out[..<count]))
      }
    }
  }

  private static func bytes<T: FixedWidthInteger>(of value: T) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

/// One matrix and the rows that it is multiplied with.
struct Product {
  private let matrix: PackedMatrix
  private let rows: Int
  private let x: [Float]
  /// `[rows][outStride]`
  private let out: FloatBuffer
  private let outStride: Int
  private let products: Products
  private let transposed: TransposedProducts?

  init?(_ request: String, pool: WorkerPool, writingTo folder: String) throws {
    var words = request.split(separator: " ")
    let isTransposed = words.first == "transposed"
    if isTransposed { words.removeFirst() }
    let sizes = words.dropFirst().compactMap { Int($0) }
    guard sizes.count == 3,
      let type = TensorType.allCases.first(where: { "\($0)" == words[0] }),
      let file = RandomMatrix(type, outputs: sizes[0], columns: sizes[1])
    else { return nil }
    rows = sizes[2]
    matrix = try PackedMatrix(MatrixSource(file.tensors[0], in: file))
    products = Products(pool: pool)
    transposed = isTransposed ? TransposedProducts(pool: pool) : nil
    x = (0..<rows * (isTransposed ? matrix.stride : matrix.columns)).map { _ in
      Float.random(in: -1...1)
    }
    let width = Kernels.panelWidth
    outStride =
      isTransposed ? (matrix.columns + width - 1) / width * width : matrix.stride
    out = FloatBuffer(rows * outStride)
    multiply()
    if isTransposed { return }
    let found = Array(UnsafeBufferPointer(start: out.pointer, count: out.count))
    for (what, values) in [("x", x), ("w", file.decoded), ("out", found)] {
      let url = URL(filePath: folder).appending(
        path: "\(words.joined(separator: "-")).\(what)")
      try values.withUnsafeBytes { try Data($0).write(to: url) }
    }
  }

  private func multiply() {
    if let transposed {
      return x.withUnsafeBufferPointer { x in
        guard let base = x.baseAddress else { return }
        transposed.multiply(
          [TransposedFactor(matrix: matrix, x: base)], rows: rows, into: out.pointer,
          stride: outStride)
      }
    }
    products.multiply(
      x, rows: rows, stride: matrix.columns, [ProductTarget(matrix: matrix, out: out.pointer)])
  }

  /// The mean over as many as take a tenth of a second.
  func secondsOfOne() -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var count = 0.0
    while true {
      multiply()
      count += 1
      let elapsed = clock.now - start
      if elapsed > .milliseconds(100) { return elapsed / .seconds(1) / count }
    }
  }
}

guard CommandLine.arguments.count == 3, let threads = Int(CommandLine.arguments[1]) else {
  fatalError("usage: products THREADS FOLDER")
}
let pool = WorkerPool(width: threads)
var prepared: [String: Product] = [:]
var runs: [String: Runs] = [:]
var gradients: [String: Gradients] = [:]
while let line = readLine() {
  if let gradient = try gradients[line] ?? Gradients(line, pool: pool) {
    gradients[line] = gradient
    print(try gradient.seconds())
    fflush(nil)
    continue
  }
  if let run = try runs[line] ?? Runs(line, pool: pool) {
    runs[line] = run
    print(try run.seconds())
    fflush(nil)
    continue
  }
  guard
    let product = try prepared[line]
      ?? Product(line, pool: pool, writingTo: CommandLine.arguments[2])
  else { fatalError("not a product: \(line)") }
  prepared[line] = product
  print(product.secondsOfOne())
  fflush(nil)
}
