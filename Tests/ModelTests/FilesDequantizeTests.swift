import Foundation
import TestSupport
import Testing

@testable import Model

/// Against `gguf.quants`; the record is made by Scripts/reference/formats/quants.py.
@Suite struct FilesDequantizeTests {
  @Test func equalsTheReferenceBitForBit() throws {
    let record = try Array(Data(contentsOf: URL(filePath: Fixtures.path("quants.bin"))))
    var position = 0
    func take(_ count: Int) -> ArraySlice<UInt8> {
      defer { position += count }
      return record[position..<position + count]
    }
    func integer() -> UInt32 {
      take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
    var seen: Set<TensorType> = []
    var (odd, compared) = (0, 0)
    while position < record.count {
      let type = try #require(TensorType(ggml: integer()))
      let (size, count) = (Int(integer()), Int(integer()))
      let bytes = Array(take(size))
      let expected = (0..<count).map { _ in integer() }
      var values = [Float](repeating: 0, count: count)
      values.withUnsafeMutableBufferPointer { values in
        bytes.withUnsafeBytes { Dequantize.dequantize(type, $0, into: values) }
      }
      let wrong = zip(values, expected).enumerated().filter { _, pair in
        let (value, expected) = (pair.0, Float(bitPattern: pair.1))
        return expected.isNaN ? !value.isNaN : value.bitPattern != pair.1
      }
      #expect(wrong.isEmpty, "\(type.name): \(wrong.count) of \(count), first \(wrong.prefix(3))")
      #expect(size / type.bytesPerBlock * type.elementsPerBlock == count)
      seen.insert(type)
      compared += count
      odd += expected.count { !Float(bitPattern: $0).isFinite }
    }
    #expect(seen.union([.f8_E4M3, .f8_E5M2]) == Set(TensorType.allCases))
    #expect(compared > 15000)
    #expect(odd > 500)
  }

  /// Every eight-bit float as PyTorch decodes it; the record is made by Scripts/reference/formats/float8.py.
  @Test(arguments: [("e4m3", TensorType.f8_E4M3), ("e5m2", .f8_E5M2)])
  func decodesEveryEightBitFloat(name: String, type: TensorType) throws {
    let file = try SafetensorsFile(path: Fixtures.path("float8.safetensors"))
    let stored = try file.require(name)
    #expect(stored.type == type && stored.byteCount == 256)
    let bytes = try data(stored, in: file)
    let expected = try data(file.require(name + ".f32"), in: file)
    var values = [Float](repeating: 0, count: 256)
    values.withUnsafeMutableBufferPointer { values in
      bytes.withUnsafeBytes { Dequantize.dequantize(type, $0, into: values) }
    }
    for (index, value) in values.enumerated() {
      let wanted = expected.withUnsafeBytes {
        Float(bitPattern: $0.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
      }
      #expect(wanted.isNaN ? value.isNaN : value.bitPattern == wanted.bitPattern, "\(index)")
    }
    #expect(Set(bytes).count == 256)
  }

  /// Doubles are read as the singles that they are.
  @Test func readsDoubles() throws {
    let file = try SafetensorsFile(path: Fixtures.path("float8.safetensors"))
    let doubles = try file.require("f64")
    #expect(doubles.type == .f32)
    #expect(try data(doubles, in: file) == data(file.require("f64.f32"), in: file))
    expectFileError("tensor 'f64.third' has the weight 0.333", "F32 cannot hold") {
      _ = try data(file.require("f64.third"), in: file)
    }
  }

  @Test func convertsEveryHalf() {
    #if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
      for bits in UInt16.min...UInt16.max {
        let (ours, theirs) = (Dequantize.float(half: bits), Float(Float16(bitPattern: bits)))
        #expect(theirs.isNaN ? ours.isNaN : ours.bitPattern == theirs.bitPattern, "\(bits)")
      }
    #endif
  }
}
