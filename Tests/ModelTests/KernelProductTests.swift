import CSIMD
import TestSupport
import Testing

@testable import Model

@Suite("Kernels: products over packed panels")
struct KernelProductTests {
  /// Rows of activations: every tile of either instruction set, and several of them.
  private static let rowCounts = Array(1...30) + [40]

  private static func columns(_ type: TensorType) -> Int {
    switch type.elementsPerBlock {
    case 1: 37
    case 32: 96
    default: 512
    }
  }

  /// Σ_k x[m, k] · w[n, k], k in order, each step fused.
  private static func naive(_ x: [Float], _ w: [Float], rows: Int, outputs: Int, k: Int) -> [Float]
  {
    x.withUnsafeBufferPointer { x in
      w.withUnsafeBufferPointer { w in
        var out: [Float] = []
        for m in 0..<rows {
          for n in 0..<outputs {
            var sum: Float = 0
            for i in 0..<k { sum = sum.addingProduct(x[m * k + i], w[n * k + i]) }
            out.append(sum)
          }
        }
        return out
      }
    }
  }

  /// Σ_n x[m, n] · w[n, k], n in order, each step fused.
  @Test(
    "with transposed weights equal the naive loop to the bit", arguments: TensorType.allCases,
    [1, 33, 300])
  func transposed(_ type: TensorType, outputs: Int) throws {
    let k = Self.columns(type)
    let file = try RandomMatrixFile(
      type, rows: outputs, columns: k, values: .moderate, seed: outputs)
    let weights = file.decoded()
    let turned = (0..<k).flatMap { k0 in (0..<outputs).map { weights[$0 * k + k0] } }
    var generator = SeededGenerator(8)
    let matrix = try PackedMatrix(MatrixSource(file.matrix, in: file))
    let stride = (k + 31) / 32 * 32
    for rows in [1, 4, 7, 12, 25] {
      let first = generator.floats(rows * outputs)
      let second = generator.floats(rows * outputs)
      var wanted = Self.naive(first, turned, rows: rows, outputs: k, k: outputs)
      Self.add(second, turned, rows: rows, outputs: k, k: outputs, to: &wanted)
      for (kernels, width) in Kernels.available.flatMap({ k in [1, 3].map { (k, $0) } }) {
        let products = TransposedProducts(kernels: kernels, pool: TestModels.pool(width: width))
        let out = FloatBuffer(rows * stride)
        out.pointer.update(repeating: .nan, count: out.count)
        let factors = [first, second].map { x in
          let padded = FloatBuffer(rows * matrix.stride, zeroed: true)
          for m in 0..<rows {
            for n in 0..<outputs { padded.pointer[m * matrix.stride + n] = x[m * outputs + n] }
          }
          return padded
        }
        products.multiply(
          factors.map { TransposedFactor(matrix: matrix, x: $0.pointer) }, rows: rows,
          into: out.pointer, stride: stride)
        withExtendedLifetime(factors) {}
        for m in 0..<rows {
          let row = UnsafeBufferPointer(start: out.pointer + m * stride, count: stride)
          expectSameBits(row.prefix(k), wanted[m * k..<(m + 1) * k], "\(rows) rows")
          #expect(row.dropFirst(k).allSatisfy { $0 == 0 })
        }
      }
    }
  }

  /// The same, going on from what is there.
  private static func add(
    _ x: [Float], _ w: [Float], rows: Int, outputs: Int, k: Int, to out: inout [Float]
  ) {
    for m in 0..<rows {
      for n in 0..<outputs {
        for i in 0..<k {
          out[m * outputs + n] = out[m * outputs + n].addingProduct(x[m * k + i], w[n * k + i])
        }
      }
    }
  }

  @Test(
    "equal the naive loop to the bit", arguments: TensorType.allCases, [1, 31, 32, 33, 70])
  func product(_ type: TensorType, outputs: Int) throws {
    let k = Self.columns(type)
    let most = Self.rowCounts.max() ?? 0
    let file = try RandomMatrixFile(
      type, rows: outputs, columns: k, values: .moderate, seed: outputs)
    let weights = file.decoded()
    var generator = SeededGenerator(7)
    // Rows further apart than they are long, with something between that must not be read.
    let stride = k + 5
    let x = generator.floats(most * k, in: -2...2)
    var spaced = [Float](repeating: .nan, count: most * stride)
    for m in 0..<most {
      for i in 0..<k { spaced[m * stride + i] = x[m * k + i] }
    }
    let wanted = Self.naive(x, weights, rows: most, outputs: outputs, k: k)

    for (kernels, width) in Kernels.available.flatMap({ k in [1, 2, 3, 4].map { (k, $0) } }) {
      let pool = TestModels.pool(width: width)
      let matrix = try PackedMatrix(MatrixSource(file.matrix, in: file))
      let products = Products(kernels: kernels, pool: pool)
      for rows in Self.rowCounts {
        let out = FloatBuffer(rows * matrix.stride + 1)
        out.pointer[rows * matrix.stride] = 12345
        products.multiply(
          spaced, rows: rows, stride: stride, [ProductTarget(matrix: matrix, out: out.pointer)])
        #expect(out.pointer[rows * matrix.stride] == 12345)
        let found = (0..<rows).flatMap { m in
          UnsafeBufferPointer(start: out.pointer + m * matrix.stride, count: outputs)
        }
        expectSameBits(
          found, wanted[..<(rows * outputs)], "\(kernels.name), \(rows) rows, \(width) threads")
      }
    }
  }

  /// The error of a sum of k fused products is some ulp of the sum of their magnitudes; measured:
  /// below 3e-7 of it.
  @Test("are near to products in double precision", arguments: TensorType.allCases)
  func doublePrecision(_ type: TensorType) throws {
    let (rows, outputs, k) = (5, 40, Self.columns(type))
    let file = try RandomMatrixFile(
      type, rows: outputs, columns: k, values: .moderate, seed: 21)
    let weights = file.decoded()
    var generator = SeededGenerator(22)
    let x = generator.floats(rows * k)
    let pool = TestModels.pool(width: 2)
    let matrix = try PackedMatrix(MatrixSource(file.matrix, in: file))
    for kernels in Kernels.available {
      let out = FloatBuffer(rows * matrix.stride)
      Products(kernels: kernels, pool: pool).multiply(
        x, rows: rows, stride: k, [ProductTarget(matrix: matrix, out: out.pointer)])
      for m in 0..<rows {
        for n in 0..<outputs {
          let terms = (0..<k).map { Double(x[m * k + $0]) * Double(weights[n * k + $0]) }
          let magnitude = terms.reduce(0) { $0 + abs($1) }
          let gap = abs(Double(out.pointer[m * matrix.stride + n]) - terms.reduce(0, +))
          #expect(gap <= 1e-6 * magnitude, "\(kernels.name) [\(m), \(n)]")
        }
      }
    }
  }

  @Test("of several matrices at once are each its own", arguments: [1, 2, 3])
  func severalTargets(width: Int) throws {
    let pool = TestModels.pool(width: width)
    let files = try [(TensorType.q4_1, 70), (.f16, 33), (.q8_0, 500)].map {
      try RandomMatrixFile($0, rows: $1, columns: 64, values: .moderate, seed: $1)
    }
    let matrices = try files.map { try PackedMatrix(MatrixSource($0.matrix, in: $0)) }
    var generator = SeededGenerator(3)
    let x = generator.floats(9 * 64)
    let outs = matrices.map { FloatBuffer(9 * $0.stride) }
    Products(pool: pool).multiply(
      x, rows: 9, stride: 64,
      zip(matrices, outs).map { ProductTarget(matrix: $0, out: $1.pointer) })
    for ((file, matrix), out) in zip(zip(files, matrices), outs) {
      let wanted = Self.naive(x, file.decoded(), rows: 9, outputs: matrix.rows, k: 64)
      let found = (0..<9).flatMap { m in
        (0..<matrix.rows).map { out.pointer[m * matrix.stride + $0] }
      }
      expectSameBits(found, wanted, matrix.type.name)
    }
  }

  @Test("of single outputs equal those of the full product", arguments: TensorType.allCases)
  func singleOutputs(_ type: TensorType) throws {
    let k = Self.columns(type)
    let pool = TestModels.pool(width: 2)
    let file = try RandomMatrixFile(type, rows: 70, columns: k, values: .moderate, seed: 5)
    let matrix = try PackedMatrix(MatrixSource(file.matrix, in: file))
    var generator = SeededGenerator(11)
    let x = generator.floats(k)
    let wanted = Self.naive(x, file.decoded(), rows: 1, outputs: 70, k: k)
    let asked = [69, 0, 31, 32, 33, 69]
    for kernels in Kernels.available {
      let found = Products(kernels: kernels, pool: pool).outputs(asked, of: x, by: matrix)
      expectSameBits(found, asked.map { wanted[$0] }, kernels.name)
    }
  }

  /// Storage is sized by the one and walked over by the other.
  @Test("walk over blocks of the sizes that files have", arguments: TensorType.allCases)
  func blocks(_ type: TensorType) {
    for kernels in Kernels.available {
      let block = kernels.block(of: type.panelType)
      #expect(block == (type.elementsPerBlock, type.bytesPerBlock), "\(kernels.name)")
    }
  }

  @Test("read weights as the reference decodes them, to the bit", arguments: TensorType.allCases)
  func widening(_ type: TensorType) throws {
    // Three panels, the last with 6 rows; 512 columns: two blocks of the largest kind.
    let (rows, columns) = (70, 512)
    let file = try RandomMatrixFile(type, rows: rows, columns: columns, values: .finite, seed: 1)
    let wanted = file.decoded()
    #expect(wanted.allSatisfy { $0.isFinite } && Set(wanted).count > 200)
    for kernels in Kernels.available {
      for first in stride(from: 0, to: rows, by: Kernels.panelWidth) {
        let end = min(rows, first + Kernels.panelWidth)
        let panel = UnsafeMutableRawBufferPointer.allocate(
          byteCount: Kernels.panelWidth * file.rowBytes, alignment: 64)
        defer { panel.deallocate() }
        panel.initializeMemory(as: UInt8.self, repeating: 0xFF)
        let widened = FloatBuffer(columns * Kernels.panelWidth)
        let base = try #require(panel.baseAddress)
        try file.bytes.withUnsafeBytes { bytes in
          let start = try #require(bytes.baseAddress)
          let pointers = (first..<end).map { start + $0 * file.rowBytes }
          pointers.withUnsafeBufferPointer {
            let isFinite = kernels.packPanel(
              type.panelType, rows: $0, k: columns, into: base)
            #expect(isFinite)
          }
        }
        kernels.widen(
          SummandPanel(type: type.panelType, bytes: base, k: columns), into: widened.pointer)
        for n in 0..<Kernels.panelWidth {
          let found = (0..<columns).map { widened.pointer[$0 * Kernels.panelWidth + n] }
          if first + n < end {
            expectSameBits(
              found, wanted[(first + n) * columns..<(first + n + 1) * columns],
              "\(kernels.name), row \(first + n)")
          } else {
            #expect(found.allSatisfy { $0 == 0 }, "a row that is not there weighs nothing")
          }
        }
      }
    }
    let matrix = try PackedMatrix(MatrixSource(file.matrix, in: file))
    for row in 0..<rows {
      expectSameBits(
        matrix.row(row), wanted[row * columns..<(row + 1) * columns], "row \(row)")
    }
  }

  @Test("of rows in another order are those rows", arguments: TensorType.allCases)
  func reordered(_ type: TensorType) throws {
    let columns = max(32, type.elementsPerBlock)
    let file = try RandomMatrixFile(type, rows: 70, columns: columns, values: .finite, seed: 2)
    var generator = SeededGenerator(4)
    let order = Array(0..<70).shuffled(using: &generator)
    let wanted = file.decoded()
    let matrix = try PackedMatrix(
      MatrixSource(file.matrix, in: file, order: order))
    for (row, source) in order.enumerated() {
      expectSameBits(matrix.row(row), wanted[source * columns..<(source + 1) * columns])
    }
  }

  /// The error of a sum of 70 products in f32 is some ulp of the sum of their magnitudes; measured:
  /// below 4e-8 of it.
  @Test("with the transposed weights", arguments: TensorType.allCases)
  func transposed(_ type: TensorType) throws {
    let (rows, columns) = (70, max(64, type.elementsPerBlock))
    let file = try RandomMatrixFile(type, rows: rows, columns: columns, values: .moderate, seed: 3)
    let weights = file.decoded()
    let matrix = try PackedMatrix(MatrixSource(file.matrix, in: file))
    var generator = SeededGenerator(9)
    let u = generator.floats(rows)
    let found = matrix.transposedProduct(u)
    #expect(found.count == columns)
    for k in 0..<columns {
      let terms = (0..<rows).map { Double(u[$0]) * Double(weights[$0 * columns + k]) }
      let magnitude = terms.reduce(0) { $0 + abs($1) }
      #expect(abs(Double(found[k]) - terms.reduce(0, +)) <= 2e-7 * magnitude)
    }
  }

  @Test(
    "stored as [in, out] are turned round, in any order of rows",
    arguments: TensorType.allCases.filter { $0.elementsPerBlock == 1 })
  func turned(_ type: TensorType) throws {
    let (columns, rows) = (37, 70)
    let file = try RandomMatrixFile(type, rows: columns, columns: rows, values: .finite, seed: 5)
    let stored = file.decoded()
    for order in [nil, Array(20..<60), [69, 3, 3, 0]] {
      let matrix = try PackedMatrix(
        MatrixSource(file.matrix, in: file, order: order, isTransposed: true))
      #expect(matrix.rows == order?.count ?? rows && matrix.columns == columns)
      for row in 0..<matrix.rows {
        let wanted = (0..<columns).map { stored[$0 * rows + (order?[row] ?? row)] }
        expectSameBits(matrix.row(row), wanted)
      }
    }
  }

  @Test("of blocks cannot be turned round")
  func turnedBlocks() throws {
    let file = try RandomMatrixFile(.q8_0, rows: 32, columns: 32, values: .finite, seed: 5)
    let error = #expect(throws: ModelError.self) {
      try MatrixSource(file.matrix, in: file, isTransposed: true)
    }
    #expect(error?.message.contains("transposed") == true)
  }

  @Test func matricesOnly() throws {
    let file = try RandomMatrixFile(.f32, rows: 4, columns: 4, values: .moderate, seed: 1)
    for shape in [[], [16], [0, 4], [4, 0], [2, 2, 4]] {
      let tensor = try #require(
        TensorInfo(name: "odd", shape: shape, type: .f32, offset: 0, shard: 0))
      #expect(throws: ModelError.self) {
        try PackedMatrix(MatrixSource(tensor, in: file))
      }
    }
  }

  @Test("that cannot be read say so from whatever thread it happens on")
  func unreadable() throws {
    struct Unreadable: TensorFile {
      let path = "gone"
      let tensors: [TensorInfo]
      func require(_ name: String) throws -> TensorInfo { tensors[0] }
      func read(
        _ tensor: TensorInfo, bytes: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
      ) throws {
        if bytes.lowerBound > 0 { throw ModelError(.file, "gone") }
        buffer.initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
    let tensor = try #require(
      TensorInfo(name: "w", shape: [100_000, 64], type: .f32, offset: 0, shard: 0))
    let file = Unreadable(tensors: [tensor])
    let failures = WeightFailures()
    let matrix = try PackedMatrix(MatrixSource(tensor, in: file), failures: failures)
    _ = matrix.row(0)
    try failures.check()
    var generator = SeededGenerator(1)
    let x = generator.floats(64)
    let out = FloatBuffer(matrix.stride)
    Products(pool: TestModels.pool(width: 2)).multiply(
      x, rows: 1, stride: 64, [ProductTarget(matrix: matrix, out: out.pointer)])
    #expect(throws: ModelError(.file, "gone")) { try failures.check() }
    #expect(out.pointer[99_999].isNaN)
  }

  @Test("whose scales or weights are no numbers are refused", arguments: TensorType.allCases)
  func notFinite(_ type: TensorType) throws {
    let columns = Self.columns(type)
    for place in Self.scalePlaces(type) {
      for row in [0, 33, 69] {
        var file = try RandomMatrixFile(
          type, rows: 70, columns: columns, values: .finite, seed: 6)
        // The last block of its row.
        let block = (row + 1) * file.rowBytes - type.bytesPerBlock
        file.bytes.replaceSubrange(
          block + place.offset..<block + place.offset + place.bytes.count,
          with: place.bytes)
        let failures = WeightFailures()
        let matrix = try PackedMatrix(MatrixSource(file.matrix, in: file), failures: failures)
        _ = matrix.row(row)
        expectFileError("tensor 'w' in 'random' has weights that are infinite or not numbers") {
          try failures.check()
        }
      }
    }
  }

  /// Bytes that no file should have, and where in a block.
  private static func scalePlaces(_ type: TensorType) -> [(offset: Int, bytes: [UInt8])] {
    let halves: [[UInt8]] = [[0x00, 0x7C], [0x01, 0xFE]]
    func at(_ offsets: Int...) -> [(offset: Int, bytes: [UInt8])] {
      offsets.flatMap { offset in halves.map { (offset, $0) } }
    }
    switch type {
    case .f32: return [(0, [0, 0, 0x80, 0x7F]), (0, [1, 0, 0x80, 0xFF])]
    case .bf16: return [(0, [0x80, 0x7F]), (0, [0x81, 0xFF])]
    case .f8_E4M3: return [(0, [0x7F]), (0, [0xFF])]
    case .f8_E5M2: return [(0, [0x7C]), (0, [0xFF])]
    case .mxfp4: return [(0, [253]), (0, [255])]
    case .f16, .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: return at(0)
    case .q4_1, .q5_1, .q4_K, .q5_K: return at(0, 2)
    case .q2_K: return at(80, 82)
    case .q3_K: return at(108)
    case .q6_K: return at(208)
    }
  }
}
