import TestSupport
import Testing

@testable import Model

@Suite struct FilesGGUFTests {
  /// Opens what `builder` makes, or other bytes.
  private func open(_ builder: GGUFBuilder, _ edit: (inout [UInt8]) -> Void = { _ in }) throws {
    var bytes = builder.build().bytes
    edit(&bytes)
    let file = try TemporaryFile(bytes, name: "x.gguf")
    _ = try GGUFFile(path: file.path)
  }

  @Test func readsEveryKindOfMetadata() throws {
    let file = try TemporaryFile(GGUFBuilder.complete.build().bytes)
    let gguf = try GGUFFile(path: file.path)
    #expect(gguf.version == 3)
    #expect(gguf.metadata.keys == GGUFBuilder.complete.metadata.map(\.0))
    #expect(gguf.metadata["general.architecture"]?.string == "test")
    #expect(gguf.metadata["absent"] == nil)
    #expect(gguf.metadata["a.u8"] == .unsigned(200))
    #expect(gguf.metadata["a.i8"]?.int == -100)
    #expect(gguf.metadata["a.u16"]?.int == 65000)
    #expect(gguf.metadata["a.i16"]?.int == -30000)
    #expect(gguf.metadata["a.u32"]?.int == 4_000_000_000)
    #expect(gguf.metadata["a.i32"]?.double == -5)
    #expect(gguf.metadata["a.f32"]?.double == Double(Float(0.1)))
    #expect(gguf.metadata["a.f32"]?.int == nil)
    #expect(gguf.metadata["a.bool"]?.bool == true)
    #expect(gguf.metadata["a.string"]?.string == "naïve")
    #expect(gguf.metadata["a.u64"] == .unsigned(.max))
    #expect(gguf.metadata["a.u64"]?.int == nil)
    #expect(gguf.metadata["a.i64"]?.int == .min)
    #expect(gguf.metadata["a.f64"]?.double == 0.1)
    let strings = try #require(gguf.metadata["b.strings"]?.strings)
    #expect((0..<strings.count).map(strings.string) == ["one", "", "drei €"])
    #expect(gguf.metadata["b.i32"]?.int32s == [1, -2])
    #expect(gguf.metadata["b.i32"]?.ints == [1, -2])
    #expect(gguf.metadata["b.f32"]?.floats == [1.5, -2])
    #expect(gguf.metadata["b.bool"] == .bools([false, true]))
    #expect(gguf.metadata["b.u8"]?.ints == [255])
    #expect(gguf.metadata["b.u32"]?.ints == [4_294_967_295])
    #expect(gguf.metadata["b.u64"] == .unsigneds([.max]))
    #expect(gguf.metadata["b.u64"]?.ints == nil)
    #expect(gguf.metadata["b.f64"] == .doubles([2]))
    let x = StringArray(bytes: Array("x".utf8), ends: [1])
    #expect(gguf.metadata["b.nested"] == .arrays([.int32s([3]), .strings(x)]))
    #expect(gguf.metadata["b.empty"]?.strings?.count == 0)
  }

  @Test(arguments: [UInt32(2), 3], [32, 64, 256])
  func readsTensors(version: UInt32, alignment: Int) throws {
    var builder = GGUFBuilder.complete
    builder.version = version
    builder.alignment = alignment
    if alignment != 32 {
      builder.metadata.append(("general.alignment", .uint32(UInt32(alignment))))
    }
    let bytes = builder.build().bytes
    let file = try TemporaryFile(bytes)
    let gguf = try GGUFFile(path: file.path)
    #expect(gguf.version == Int(version))
    #expect(gguf.fileSize == bytes.count)
    #expect(gguf.tensors.map(\.name) == builder.tensors.map(\.name))
    #expect(gguf.tensors.map(\.type) == [.f32, .f16, .bf16, .q4_1, .q8_0, .q6_K, .f32])
    #expect(
      gguf.tensors.map(\.shape) == [[2, 3], [5], [2, 1, 2], [2, 64], [32], [2, 1, 1, 256], []])
    #expect(gguf.tensors.map(\.elementCount) == [6, 5, 4, 128, 32, 512, 1])
    for tensor in builder.tensors {
      let info = try gguf.require(tensor.name)
      #expect(info.byteCount == tensor.data.count)
      #expect(try data(info, in: gguf) == tensor.data)
      #expect(info.offset % alignment == 0)
    }
    let quantized = try gguf.require("t.q4_1")
    var part = [UInt8](repeating: 0, count: 20)
    try part.withUnsafeMutableBytes { try gguf.read(quantized, bytes: 40..<60, into: $0) }
    #expect(part == Array(builder.tensors[3].data[40..<60]))
    #expect(gguf.tensor(named: "absent") == nil)
    expectFileError("there is no tensor 'absent'") { _ = try gguf.require("absent") }
  }

  @Test func refusesOtherFiles() throws {
    expectFileError("cannot open '/nowhere/x.gguf'", "No such file") {
      _ = try GGUFFile(path: "/nowhere/x.gguf")
    }
    expectFileError("'/' is a directory") { _ = try GGUFFile(path: "/") }
    expectFileError("'/dev/null' is not a regular file") { _ = try GGUFFile(path: "/dev/null") }
    var builder = GGUFBuilder.complete
    builder.magic = "GGML"
    expectFileError("not a GGUF file") { try open(builder) }
    builder.magic = "tjgg"
    expectFileError("GGML file, the format before GGUF") { try open(builder) }
    builder.magic = "GGUF"
    for (version, message) in [
      (0, "GGUF version 0;"), (1, "version 1, whose counts have 32 bits"),
      (4, "GGUF version 4;"), (0x0300_0000, "big-endian GGUF file (version 3)"),
    ] as [(UInt32, String)] {
      builder.version = version
      expectFileError(message) { try open(builder) }
    }
  }

  @Test func refusesBadTensors() throws {
    func expect(_ parts: String, _ edit: (inout GGUFBuilder) -> Void) {
      var builder = GGUFBuilder.complete
      edit(&builder)
      expectFileError(parts) { try open(builder) }
    }
    expect("tensor 't.f32' has type 19 (IQ1_S), which is not read") { $0.tensors[0].type = 19 }
    expect("tensor 't.f32' has type 999, which is not read") { $0.tensors[0].type = 999 }
    expect("the tensor 't.f32' occurs twice") { $0.tensors[1].name = "t.f32" }
    expect("tensor 't.f32' has 5 dimensions") { $0.tensors[0].dimensions = [1, 1, 1, 1, 1] }
    expect("a name of 65 bytes") { $0.tensors[0].name = String(repeating: "n", count: 65) }
    expect("a name of 0 bytes") { $0.tensors[0].name = "" }
    expect("'t.q4_1' has the shape [2, 63], which Q4_1 cannot have") {
      $0.tensors[3].dimensions = [63, 2]
    }
    expect("offset 33, which is not a multiple of 32") { $0.tensors[1].offset = 33 }
    expect("'t.f32' and 't.f16' lie on the same bytes") { $0.tensors[1].offset = 0 }
    expect("tensor 't.f32' needs bytes") { $0.tensors[0].offset = 1 << 40 }
    expect("tensor 't.f32' lies at offset 18446744073709551584") {
      $0.tensors[0].offset = .max - 31
    }
    expect("a dimension of 18446744073709551615") { $0.tensors[0].dimensions = [.max] }
    expect("or it is too large") { $0.tensors[0].dimensions = [1 << 62, 1 << 62] }
    expect("or it is too large") { $0.tensors[0].dimensions = [1 << 62, 1 << 62, 0] }
    expect("tensor 't.f32' needs 4611686018427387904 bytes from") {
      $0.tensors[0].dimensions = [1 << 60]
      $0.tensors[0].offset = 1 << 62
    }
  }

  @Test func refusesBadMetadata() throws {
    func expect(_ parts: String, _ value: GGUFBuilder.Value, key: String = "general.alignment") {
      var builder = GGUFBuilder.complete
      builder.metadata.append((key, value))
      expectFileError(parts) { try open(builder) }
    }
    expect("general.alignment is 0, but must be a power of two", .uint32(0))
    expect("general.alignment is 48, but must be", .uint32(48))
    expect("general.alignment is -32, but must be", .int32(-32))
    expect("general.alignment is no whole number", .string("32"))
    expect("the metadata key 'a.u8' occurs twice", .uint8(1), key: "a.u8")
    expect("has 0 bytes; 1 to 65535 are allowed", .uint8(1), key: "")
    expect("the unknown type 13", .array(13, []), key: "x")
    var nested = GGUFBuilder.Value.array(0, [])
    for _ in 0..<20 { nested = .array(9, [nested]) }
    expect("arrays in arrays too deep", nested, key: "x")
  }

  @Test func namesTheMissingBytesOfATruncatedFile() throws {
    let bytes = GGUFBuilder.complete.build().bytes
    let file = try TemporaryFile(bytes.dropLast(1))
    expectFileError(
      "tensor 't.scalar' needs bytes \(bytes.count - 4)..<\(bytes.count), "
        + "but the file has \(bytes.count - 1)", "it is truncated: fetch it again"
    ) { _ = try GGUFFile(path: file.path) }
  }

  @Test func aFileThatShrinksIsAnError() throws {
    let bytes = GGUFBuilder.complete.build().bytes
    let file = try TemporaryFile(bytes)
    let gguf = try GGUFFile(path: file.path)
    #expect(truncate(file.path, to: bytes.count - 2))
    expectFileError("ends at byte \(bytes.count - 2)", "load it again") {
      _ = try data(try gguf.require("t.scalar"), in: gguf)
    }
  }

  @Test func readsAndChecksSplitFiles() throws {
    let directory = try TemporaryDirectory()
    let whole = GGUFBuilder.complete
    /// Writes the parts, and opens the one numbered `first`.
    func open(
      first: Int = 1, total: UInt16 = 7, numbers: [UInt16] = [0, 1, 2],
      edit: (inout [GGUFBuilder]) -> Void = { _ in }
    ) throws -> GGUFFile {
      var parts = [0..<3, 3..<4, 4..<7].map { range in
        var part = GGUFBuilder()
        part.tensors = Array(whole.tensors[range])
        return part
      }
      edit(&parts)
      for (index, var part) in parts.enumerated() {
        part.metadata += [
          ("split.no", .uint16(numbers[index])), ("split.count", .uint16(3)),
          ("split.tensors.count", .int32(Int32(total))),
        ]
        try directory.write(part.build().bytes, "m-0000\(index + 1)-of-00003.gguf")
      }
      return try GGUFFile(path: directory.path + "/m-0000\(first)-of-00003.gguf")
    }
    let gguf = try open()
    #expect(gguf.tensors.map(\.name) == whole.tensors.map(\.name))
    for tensor in whole.tensors {
      #expect(try data(gguf.require(tensor.name), in: gguf) == tensor.data)
    }
    expectFileError("is part 2 of 3", "-00001-of-00003.gguf") { _ = try open(first: 2) }
    expectFileError("have 7 tensors together, instead of 8") { _ = try open(total: 8) }
    expectFileError("this is not part 2 of 3") { _ = try open(numbers: [0, 2, 1]) }
    expectFileError("the tensor 't.f32' occurs twice") {
      _ = try open { $0[2].tensors[0].name = "t.f32" }
    }
    try directory.remove("m-00003-of-00003.gguf")
    expectFileError("m-00003-of-00003.gguf': No such file") {
      _ = try GGUFFile(path: directory.path + "/m-00001-of-00003.gguf")
    }
  }

  @Test func escapesWhatAMessageQuotes() {
    #expect(quoted("a\u{1B}[31m\u{202E}é") == "'a\\u{1b}[31m\\u{202e}é'")
    #expect(quoted("aaa", limit: 2) == "'a…'")
    #expect(quoted("/a/b/c", limit: 3) == "'…/c'")
  }

  @Test func readsTheDefaultModel() throws {
    let gguf = try GGUFFile(path: TestModel.path())
    #expect(gguf.fileSize == 98_362_432)
    #expect(gguf.tensors.count == 272)
    #expect(gguf.metadata["llama.block_count"]?.int == 30)
    #expect(gguf.metadata["llama.rope.freq_base"]?.double == 100_000)
    #expect(gguf.metadata["tokenizer.ggml.tokens"]?.strings?.count == 49152)
    #expect(gguf.metadata["tokenizer.ggml.merges"]?.strings?.count == 48900)
    let embedding = try gguf.require("token_embd.weight")
    #expect(embedding.shape == [49152, 576])
    #expect(embedding.type == .q8_0)
    #expect(gguf.tensors.filter { $0.type == .q4_1 }.count == 210)
  }
}
