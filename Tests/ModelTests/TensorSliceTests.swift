import TestSupport
import Testing

@testable import Model

/// Slices of tensors `[expert][out][in]`, as numpy and `gguf.quants` have them; the files are made by
/// Scripts/reference/formats/slices.py.
@Suite struct TensorSliceTests {
  private static let (count, rows, columns) = (3, 34, 32)

  private static func file(_ name: String) throws -> any TensorFile {
    let path = Fixtures.path(name)
    return name.hasSuffix(".gguf") ? try GGUFFile(path: path) : try SafetensorsFile(path: path)
  }

  private static func values(_ type: String, _ slice: Int) throws -> [Float] {
    try ReferenceTensors("slices.safetensors")[type + ".values"][row: [slice]]
  }

  private static let tensors = [
    ("slices.gguf", "F32"), ("slices.gguf", "Q8_0"), ("slices.safetensors", "F32"),
    ("slices.safetensors", "F64"), ("slices.safetensors", "BF16"),
  ]

  @Test("a slice as a weight of a model", arguments: tensors)
  func weights(file: String, type: String) throws {
    let reader = try WeightReader(Self.names(type), file: Self.file(file))
    for i in 0..<Self.count {
      let source = WeightSource(type).slice(i, of: Self.count)
      let matrix = try reader.matrix(source, Self.rows, Self.columns)
      let wanted = try Self.values(type, i)
      #expect((0..<Self.rows).flatMap(matrix.row) == wanted, "slice \(i)")
      // Some of a slice's rows, as where a gate and what it gates are in one tensor.
      let lower = try reader.matrix(source.rows(.range(10..<34), of: Self.rows), 24, Self.columns)
      #expect((0..<24).flatMap(lower.row) == Array(wanted[(10 * Self.columns)...]))
      guard type != "Q8_0" else { continue }
      // [expert][in][out]
      let turned = try reader.matrix(source.transposed, Self.columns, Self.rows)
      for row in 0..<Self.columns {
        #expect(turned.row(row) == (0..<Self.rows).map { wanted[$0 * Self.columns + row] })
      }
    }
    #expect(reader.matrices.count == (type == "Q8_0" ? 2 : 3) * Self.count)
  }

  @Test("a slice in double precision", arguments: tensors)
  func doubles(file: String, type: String) throws {
    let tensor = try Self.file(file).require(type)
    for i in 0..<Self.count {
      let floats = try Self.file(file).floats(of: tensor.slice(i))
      #expect(floats == (try Self.values(type, i)), "slice \(i)")
    }
  }

  @Test("tensors of another number of slices are refused, and so are whole ones")
  func shapes() throws {
    let reader = try WeightReader(Self.names("F32"), file: Self.file("slices.gguf"))
    expectFileError("has shape [3, 34, 32]", "ask for [4, 34, 32]") {
      _ = try reader.matrix(WeightSource("F32").slice(0, of: 4), Self.rows, Self.columns)
    }
    expectFileError("has shape [3, 34, 32]", "ask for [34, 32]") {
      _ = try reader.matrix(WeightSource("F32"), Self.rows, Self.columns)
    }
    expectFileError("not that of a matrix") {
      let file = try Self.file("slices.gguf")
      _ = try MatrixSource(file.require("F32"), in: file)
    }
  }

  private static func names(_ name: String) -> WeightNames {
    WeightNames(
      embedding: WeightSource(name), finalNorm: BiasedSource(name), unembedding: WeightSource(name),
      layer: { _ in
        LayerNames(
          ln1: BiasedSource(name), q: BiasedSource(name), k: BiasedSource(name),
          v: BiasedSource(name), o: BiasedSource(name), gate: BiasedSource(name),
          down: BiasedSource(name))
      })
  }
}
