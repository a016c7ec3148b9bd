import Testing

@testable import Model

/// The fields of headers, each with the values that it cannot have, and what is said of them.
@Suite struct FilesHeaderTests {
  // MARK: - GGUF

  /// A correct file but for one integer, in its own width.
  private func open(_ field: String, _ value: UInt64, of whole: GGUFBuilder = .complete) throws {
    let written = whole.build()
    let place = try #require(written.fields.first { $0.name == field }, "\(field)").range
    var bytes = written.bytes
    for (index, byte) in place.enumerated() {
      bytes[byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
    }
    let file = try TemporaryFile(bytes, name: "x.gguf")
    _ = try GGUFFile(path: file.path)
  }

  @Test(
    arguments: [
      ("version", 2 << 16, "big-endian GGUF file (version 512)"),
      ("version", 0xFFFF_FFFF, "GGUF version 4294967295; versions 2 and 3 are read"),
      ("tensors.count", .max, "the number of tensors is 18446744073709551615, but only"),
      ("tensors.count", 1 << 63, "the number of tensors is 9223372036854775808, but only"),
      ("tensors.count", 8, "the length of tensor 8 of 8's name"),
      ("tensors.count", 0, "nothing"),
      ("metadata.count", .max, "the number of metadata keys is 18446744073709551615, but only"),
      ("metadata.count", 1 << 32, "the number of metadata keys is 4294967296, but only"),
      ("a.u8.length", 0, "metadata key 2 of 23 has 0 bytes; 1 to 65535 are allowed"),
      ("a.u8.length", .max, "the length of metadata key 2 of 23 is 18446744073709551615, but only"),
      ("a.u8.type", 13, "the metadata key 'a.u8' has the unknown type 13"),
      ("a.u8.type", 0xFFFF_FFFF, "the metadata key 'a.u8' has the unknown type 4294967295"),
      ("a.bool", 2, "the value of 'a.bool' is the bool 2; 0 and 1 exist"),
      ("a.string.length", .max, "the length of"),
      ("b.i32.element", 13, "the metadata key 'b.i32' has the unknown type 13"),
      ("b.i32.count", 1 << 62, "the length of the array 'b.i32' is 4611686018427387904, but only"),
      ("b.u64.count", 1 << 61, "the length of the array 'b.u64' is 2305843009213693952, but only"),
      ("b.strings.count", .max, "the length of the array 'b.strings' is 18446744073709551615"),
      ("b.nested.count", .max, "the length of the array 'b.nested' is 18446744073709551615"),
      ("t.f32.length", 65, "tensor 1 of 7 has a name of 65 bytes; 1 to 64 are allowed"),
      ("t.f32.length", .max, "the length of tensor 1 of 7's name is 18446744073709551615"),
      ("t.f32.rank", 5, "tensor 't.f32' has 5 dimensions; at most 4 are allowed"),
      ("t.f32.rank", 0xFFFF_FFFF, "tensor 't.f32' has 4294967295 dimensions; at most 4"),
      ("t.f32.dimension", 1 << 63, "tensor 't.f32' has a dimension of 9223372036854775808"),
      ("t.f32.dimension", 1 << 62, "tensor 't.f32' has the shape [2, 4611686018427387904]"),
      ("t.f32.dimension", 1 << 40, "tensor 't.f32' needs bytes"),
      ("t.f32.type", 4, "tensor 't.f32' has type 4 (Q4_2), which is not read"),
      ("t.f32.type", 5, "tensor 't.f32' has type 5 (Q4_3), which is not read"),
      ("t.f32.type", 31, "tensor 't.f32' has type 31 (Q4_0_4_4), which is not read"),
      ("t.f32.type", 36, "tensor 't.f32' has type 36 (IQ4_NL_4_4), which is not read"),
      ("t.f32.type", 0xFFFF_FFFF, "tensor 't.f32' has type 4294967295, which is not read"),
      ("t.f32.offset", 1, "tensor 't.f32' lies at offset 1, which is not a multiple of 32"),
      ("t.f32.offset", 32, "the tensors 't.f32' and 't.f16' lie on the same bytes"),
      ("t.f32.offset", 1 << 62, "tensor 't.f32' needs bytes 4611686018427"),
      ("t.f32.offset", 1 << 63, "tensor 't.f32' lies at offset 9223372036854775808"),
      ("t.scalar.offset", .max - 31, "tensor 't.scalar' lies at offset 18446744073709551584"),
    ] as [(String, UInt64, String)])
  func gguf(field: String, value: UInt64, message: String) throws {
    if message == "nothing" { return try open(field, value) }
    expectFileError(message) { try open(field, value) }
  }

  @Test(
    arguments: [
      (.uint64(1 << 32), "general.alignment is 4294967296, but must be a power of two"),
      (.uint64(.max), "general.alignment is no whole number"),
      (.int64(.min), "general.alignment is -9223372036854775808, but must be"),
      (.float32(32), "general.alignment is no whole number"),
      (.uint32(1 << 31), "needs bytes 2147483648..<"),
    ] as [(GGUFBuilder.Value, String)])
  func alignment(value: GGUFBuilder.Value, message: String) {
    var builder = GGUFBuilder.complete
    builder.metadata.append(("general.alignment", value))
    expectFileError(message) {
      let file = try TemporaryFile(builder.build().bytes)
      _ = try GGUFFile(path: file.path)
    }
  }

  @Test func tensorsOfNothing() throws {
    var builder = GGUFBuilder.complete
    builder.tensors[0].dimensions = [0, 3]
    builder.tensors[0].data = []
    let file = try TemporaryFile(builder.build().bytes)
    let opened = try GGUFFile(path: file.path)
    #expect(try data(opened.require("t.f32"), in: opened) == [])
    builder.tensors[0].offset = 1 << 40
    expectFileError("tensor 't.f32' needs bytes") {
      try file.write(builder.build().bytes)
      _ = try GGUFFile(path: file.path)
    }
  }

  @Test(
    arguments: [
      (.uint64(UInt64(Int.max)), "split.no is 9223372036854775807, but there are 2 parts"),
      (.int64(.min), "split.no is -9223372036854775808, but there are 2 parts"),
      (.uint16(2), "split.no is 2, but there are 2 parts"),
      (.uint16(1), "is part 2 of 2 of a checkpoint"),
    ] as [(GGUFBuilder.Value, String)])
  func partOfASplitFile(number: GGUFBuilder.Value, message: String) {
    var builder = GGUFBuilder.complete
    builder.metadata += [("split.count", .uint16(2)), ("split.no", number)]
    expectFileError(message) {
      let file = try TemporaryFile(builder.build().bytes, name: "x-00001-of-00002.gguf")
      _ = try GGUFFile(path: file.path)
    }
  }

  // MARK: - safetensors

  private static let tensor = #"{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#

  @Test(
    arguments: [
      (#"{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}"#, "a negative number stands here"),
      (
        #"{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775808]}"#,
        "a whole number is needed here"
      ),
      (
        #"{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,9223372036854775807]}"#,
        "needs the bytes 9223372036854775800..<9223372036854775807"
      ),
      (#"{"dtype":"F32","shape":[0,9223372036854775807,9],"data_offsets":[0,8]}"#, "not the size"),
      (#"{"dtype":"F32","shape":{},"data_offsets":[0,8]}"#, "'[' is missing here"),
      (#"{"dtype":32,"shape":[2],"data_offsets":[0,8]}"#, "'\"' is missing here"),
      (#"{"dtype":null,"shape":[2],"data_offsets":[0,8]}"#, "'\"' is missing here"),
      (#"{"dtype":"F32","shape":[2],"data_offsets":[]}"#, "two data_offsets"),
      ("[]", "'{' is missing here"), ("null", "'{' is missing here"),
      (
        #"{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":"#
          + String(repeating: "[", count: 200) + "1" + String(repeating: "]", count: 200) + "}",
        "values are nested too deep"
      ),
      (#"{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":{"y":1,"y":2}}"#, "'y' occurs twice"),
      (
        #"{"dtype":"F32","shape":["# + String(repeating: "1,", count: 5000)
          + #"1],"data_offsets":[0,8]}"#,
        "tensor 'a' has 5001 dimensions"
      ),
    ])
  func safetensors(entry: String, message: String) {
    expectFileError(message) { _ = try open(header: "{\"a\":\(entry)}") }
  }

  @Test func unknownTypes() throws {
    let file = try open(header: #"{"a":{"dtype":"F128","shape":[3],"data_offsets":[0,8]}}"#)
    expectFileError("tensor 'a' has elements of the type 'F128'", "convert it") {
      _ = try file.require("a")
    }
    expectFileError("there is no tensor 'b'") { _ = try file.require("b") }
  }

  @Test(
    arguments: [
      (100_000_001, "not a safetensors file"), (100_000_000, "its header needs 100000000 bytes"),
      (1 << 63, "at most 100000000 are allowed"), (UInt64.max, "at most 100000000 are allowed"),
      (0, "does not begin with {"), (1, "is missing"), (51, "is missing"), (58, "there is more"),
      (62, "there is more"), (63, "needs 63 bytes, but the file has 70"),
    ] as [(UInt64, String)])
  func lengthOfTheHeader(length: UInt64, message: String) {
    let whole = SafetensorsBuilder(
      header: #"{"a":\#(Self.tensor)}"#, data: [UInt8](repeating: 1, count: 8)
    ).build()
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + whole.dropFirst(8)
    expectFileError(message) {
      let file = try TemporaryFile(bytes)
      _ = try SafetensorsFile(path: file.path)
    }
  }

  private func open(header: String) throws -> SafetensorsFile {
    let builder = SafetensorsBuilder(header: header, data: [UInt8](repeating: 1, count: 8))
    let file = try TemporaryFile(builder.build(), name: "x.safetensors")
    return try SafetensorsFile(path: file.path)
  }

  @Test(arguments: [
    (#"{"a":"b.safetensors"}"#, "b.safetensors': No such file"),
    (#"{"a":"../x.safetensors"}"#, "the tensor 'a' is in no file next to the index"),
    (#"{"a":"/etc/passwd"}"#, "the tensor 'a' is in no file next to the index"),
    (#"{"a":".."}"#, "is in no file next to the index"),
    (#"{"a":"."}"#, "is in no file next to the index"),
    (#"{"a":""}"#, "is in no file next to the index"),
    (#"{"a":"a.safetensors\u0000.txt"}"#, "is in no file next to the index"),
    (#"{"a":"model.safetensors.index.json"}"#, "not a safetensors file"),
    (#"{"a":7}"#, "is in no file next to the index"), (#"{"a":null}"#, "is in no file next to"),
    (#"{"a":"a.safetensors","a":"a.safetensors"}"#, "the key 'a' occurs twice"),
    (#"{"a":"a.safetensors","b":"a.safetensors"}"#, "there is no tensor 'b'"),
    ("{}", "the index has no weight_map"), ("[]", "the index has no weight_map"),
    ("null", "the index has no weight_map"), ("{", "'}' is missing here"),
  ])
  func index(map: String, message: String) throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      SafetensorsBuilder(header: "{\"a\":\(Self.tensor)}", data: [UInt8](repeating: 1, count: 8))
        .build(), "a.safetensors")
    try directory.write("{\"weight_map\":\(map)}".utf8, "model.safetensors.index.json")
    expectFileError(message) {
      _ = try SafetensorsFile(path: directory.path + "/model.safetensors.index.json")
    }
  }

  // MARK: - config.json

  @Test(
    arguments: [
      (#"{"model_type":"llama","model_type":"llama"}"#, "the key 'model_type' occurs twice"),
      ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
      ("<!DOCTYPE html>", "web page"), ("", "a value is missing at the end"),
      ("\u{FEFF}{}", "byte order mark (BOM): save it as UTF-8 without one"),
      ("{} {}", "there is more after the end"),
      (#"{"x":"\#u{1F}"}"#, "a control character"), ("[1]", "is not a model's config.json"),
      (#"{"num_hidden_layers":"many"}"#, "'num_hidden_layers' must be a whole number"),
      (#"{"num_hidden_layers":null}"#, "'num_hidden_layers' must be a whole number"),
      (#"{"rms_norm_eps":1}"#, "'rms_norm_eps' must be a number with a decimal point"),
      (#"{"rms_norm_eps":NaN}"#, "NaN is not a number in JSON"),
      (#"{"rope_theta":Infinity}"#, "Infinity is not a number in JSON"),
      (#"{"rope_theta":-Infinity}"#, "-Infinity is not a number in JSON"),
      (#"{"x":[-1, N]}"#, "a number is needed here"),
    ])
  func config(text: String, message: String) throws {
    let file = try TemporaryFile(text.utf8, name: "config.json")
    expectFileError(message) { _ = try Llama.blueprint(json: ConfigFile(path: file.path)) }
  }

  @Test func utf16Config() throws {
    let file = try TemporaryFile([0xFF, 0xFE, 0x7B, 0, 0x7D, 0], name: "config.json")
    expectFileError("the file is UTF-16", "BOM") { _ = try ConfigFile(path: file.path) }
  }

  // Not among the arguments, which a run of the tests prints.
  @Test func longConfig() throws {
    for (text, count, message) in [
      ("[", 100_000, "values are nested too deep"), (" ", 5_000_000, "5000000 bytes are too many"),
    ] { try config(text: String(repeating: text, count: count), message: message) }
  }

  @Test func missingConfig() {
    expectFileError(
      "there is no config.json at '/nowhere/config.json'", "tokenizer.json next to it"
    ) { _ = try ConfigFile(path: "/nowhere/config.json") }
    expectFileError("'/' is a directory") { _ = try ConfigFile(path: "/") }
  }
}
