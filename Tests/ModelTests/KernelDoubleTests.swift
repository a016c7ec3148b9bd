import CSIMD
import TestSupport
import Testing

@testable import Model

@Suite("Kernels: small matrices in double precision")
struct KernelDoubleTests {
  private func matrix(_ rows: Int, _ columns: Int, _ generator: inout SeededGenerator) -> Matrix {
    Matrix(
      rows: rows, columns: columns,
      elements: (0..<rows * columns).map { _ in Double.random(in: -1...1, using: &generator) })
  }

  /// Eight sums side by side, added in order, then the elements that are left.
  private func dot(_ x: ArraySlice<Double>, _ y: ArraySlice<Double>) -> Double {
    let (x, y) = (Array(x), Array(y))
    var lanes = [Double](repeating: 0, count: 8)
    let whole = x.count / 8 * 8
    for i in 0..<whole { lanes[i % 8] += x[i] * y[i] }
    var sum = lanes[0]
    for lane in lanes.dropFirst() { sum += lane }
    for i in whole..<x.count { sum += x[i] * y[i] }
    return sum
  }

  @Test(arguments: [(1, 1, 3), (4, 4, 8), (7, 9, 21), (3, 6, 40), (18, 5, 64)])
  func dots(rows: Int, others: Int, length: Int) throws {
    var generator = SeededGenerator(rows)
    let (a, b) = (matrix(rows, length, &generator), matrix(others, length, &generator))
    let wanted = (0..<rows * others).map { dot(a[row: $0 / others], b[row: $0 % others]) }
    for kernels in Kernels.available {
      var found = [Double](repeating: .nan, count: wanted.count)
      a.elements.withUnsafeBufferPointer { x in
        b.elements.withUnsafeBufferPointer { y in
          found.withUnsafeMutableBufferPointer { out in
            guard let x = x.baseAddress, let y = y.baseAddress, let out = out.baseAddress else {
              return
            }
            kernels.dots(
              SummandVectors(base: x, count: rows, length: length),
              by: SummandVectors(base: y, count: others, length: length), into: out, stride: others)
          }
        }
      }
      #expect(found == wanted, "\(kernels.name)")
    }
    #expect(a.timesTransposed(b).elements == wanted)
    #expect(try a.gram().elements == a.timesTransposed(a).elements)
    let part = 1..<max(2, rows)
    if rows > 1 {
      #expect(try a.gram(of: part).elements == a.products(of: part, with: a, part).elements)
    }
  }

  /// Random ones, and some that take another way: of whole numbers, with zeros, and a permutation, on which the
  /// usual shifts go round in circles.
  private func matrices(_ size: Int) -> [Matrix] {
    var generator = SeededGenerator(size)
    return (0..<11).map { number in
      var found = matrix(size, size, &generator)
      if number % 4 == 1 { found.elements = found.elements.map { ($0 * 3).rounded() } }
      if number % 4 == 2 { for i in 0..<size { found[i, number % size] = 0 } }
      if number % 4 == 3 {
        for i in 0..<size { for j in 0..<size { found[i, j] = j == (i + 1) % size ? 1 : 0 } }
      }
      return found
    }
  }

  @Test(
    "Eigenvalues are the same alone and together, on every instruction set",
    arguments: [1, 2, 3, 5, 8, 17, 40])
  func eigenvaluesAlone(size: Int) throws {
    let matrices = matrices(size)
    let alone = try matrices.map { try Eigenvalues($0).values }
    for (kernels, width) in Kernels.available.flatMap({ k in [1, 2].map { (k, $0) } }) {
      let pool = TestModels.pool(width: width)
      let found = try Eigenvalues.of(matrices, kernels: kernels, on: pool)
      #expect(found.count == matrices.count)
      for (one, other) in zip(found, alone) {
        #expect(one.values.map(\.real) == other.map(\.real), "\(kernels.name)")
        #expect(one.values.map(\.imaginary) == other.map(\.imaginary), "\(kernels.name)")
      }
    }
  }

  /// Their sums are the traces of the matrix and of its square; those of a permutation are roots of 1.
  @Test(arguments: [1, 2, 3, 5, 8, 17, 40])
  func eigenvaluesAreOfTheMatrix(size: Int) throws {
    for (number, matrix) in matrices(size).enumerated() {
      let values = try Eigenvalues(matrix).values
      #expect(values.count == size)
      let square = matrix * matrix
      let sum = values.reduce(0) { $0 + $1.real }
      let squares = values.reduce(0) { $0 + $1.real * $1.real - $1.imaginary * $1.imaginary }
      let trace = (0..<size).reduce(0) { $0 + matrix[$1, $1] }
      #expect(abs(sum - trace) < 1e-11)
      #expect(abs(squares - (0..<size).reduce(0) { $0 + square[$1, $1] }) < 1e-11)
      #expect(abs(values.reduce(0) { $0 + $1.imaginary }) < 1e-11)
      if number % 4 == 3 {
        #expect(values.allSatisfy { abs(Eigenvalues.magnitude($0) - 1) < 1e-11 })
      }
    }
  }

  /// More columns than rows that are laid out together, and more tokens than are added together.
  @Test("Products over the vocabulary equal the naive loop to the bit", arguments: [true, false])
  func vocabulary(isTied: Bool) throws {
    let (tokens, width) = (300, 130)
    let files = try [3, 4].map {
      try RandomMatrixFile(.f32, rows: tokens, columns: width, values: .moderate, seed: $0)
    }
    let all = try files.map { try PackedMatrix(MatrixSource($0.matrix, in: $0)) }
    let e = files[0].decoded()
    let u = isTied ? e : files[1].decoded()
    var wanted = [Float](repeating: 0, count: width * width)
    for t in 0..<tokens {
      for m in 0..<width {
        for k in 0..<width {
          wanted[m * width + k].addProduct(u[t * width + m], e[t * width + k])
        }
      }
    }
    for (kernels, threads) in Kernels.available.flatMap({ k in [1, 2].map { (k, $0) } }) {
      let sums = VocabularySums(
        unembedding: isTied ? all[0] : all[1], embedding: all[0], kernels: kernels,
        pool: TestModels.pool(width: threads))
      let count = all[0].panelCount
      for first in stride(from: 0, to: count, by: VocabularySums.panelsAtOnce) {
        sums.add(first..<min(count, first + VocabularySums.panelsAtOnce))
      }
      sums.mirror()
      for m in 0..<width {
        let row = UnsafeBufferPointer(start: sums.product.pointer + m * sums.stride, count: width)
        expectSameBits(row, wanted[m * width..<(m + 1) * width], "\(kernels.name), row \(m)")
      }
    }
  }
}
