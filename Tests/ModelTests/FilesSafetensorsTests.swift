import Testing

@testable import Model

/// A small safetensors file from the text of its header.
struct SafetensorsBuilder {
  var header: String
  var data: [UInt8]

  func build() -> [UInt8] {
    var writer = ByteWriter()
    writer.integer(UInt64(header.utf8.count), "header.length")
    writer.raw(header.utf8)
    writer.raw(data)
    return writer.bytes
  }

  static let complete = SafetensorsBuilder(
    header: """
      {"__metadata__":{"format":"pt","note":"\\u00e9\\ud83d\\ude00\\n"},
       "b.bf16":{"dtype":"BF16","shape":[2,2],"data_offsets":[28,36]},
       "a.f32":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24],"extra":[1.5e3,{"x":null}]},
       "scalar":{"dtype":"F32","shape":[],"data_offsets":[24,28]},
       "c.f16":{"dtype":"F16","shape":[3],"data_offsets":[36,42]},
       "mask":{"dtype":"BOOL","shape":[2,3],"data_offsets":[42,48]},
       "empty":{"dtype":"F32","shape":[0,7],"data_offsets":[48,48]},
       "ids":{"dtype":"I64","shape":[1],"data_offsets":[48,56]}}
      """ + "   ",
    data: (0..<56).map { UInt8($0 * 3) })
}

@Suite struct FilesSafetensorsTests {
  private func open(_ header: String, bytes: Int = 8) throws -> SafetensorsFile {
    let builder = SafetensorsBuilder(header: header, data: Array(repeating: 1, count: bytes))
    let file = try TemporaryFile(builder.build(), name: "x.safetensors")
    return try SafetensorsFile(path: file.path)
  }

  @Test func readsTensors() throws {
    let builder = SafetensorsBuilder.complete
    let file = try TemporaryFile(builder.build())
    let opened = try SafetensorsFile(path: file.path)
    #expect(opened.metadata == ["format": "pt", "note": "é😀\n"])
    #expect(opened.tensors.map(\.name) == ["a.f32", "scalar", "b.bf16", "c.f16", "empty"])
    #expect(opened.tensors.map(\.shape) == [[2, 3], [], [2, 2], [3], [0, 7]])
    #expect(opened.tensors.map(\.type) == [.f32, .f32, .bf16, .f16, .f32])
    #expect(opened.tensors.map(\.elementCount) == [6, 1, 4, 3, 0])
    #expect(opened.unsupported == ["mask": "BOOL", "ids": "I64"])
    for (name, range) in [("a.f32", 0..<24), ("scalar", 24..<28), ("b.bf16", 28..<36)] {
      #expect(try data(opened.require(name), in: opened) == Array(builder.data[range]))
    }
    #expect(try data(opened.require("empty"), in: opened) == [])
    expectFileError("tensor 'ids' has elements of the type 'I64'") {
      _ = try opened.require("ids")
    }
    expectFileError("there is no tensor 'x'") { _ = try opened.require("x") }
    #expect(try open("{}", bytes: 0).tensors.isEmpty)
  }

  @Test(arguments: [
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}"#, "'}' is missing"),
    (#"[{}]"#, "does not begin with {"),
    (#" {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "does not begin with {"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} x"#, "more after the end"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}"#, "not the size of F32"),
    (#"{"a":{"dtype":"F4","shape":[15],"data_offsets":[0,8]}}"#, "not the size of F4"),
    (
      #"{"a":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]}}"#,
      "not the size"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "tensor 'a' has 4 bytes"
    ),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, "end at byte 4 of the data"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, "begins at byte 4"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      "tensor 'b' begins at byte 4 of the data, but the one before ends at 8"
    ),
    (#"{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}"#, "needs the bytes 0..<16"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, "before its beginning"),
    (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, "negative"),
    (#"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, "a whole number"),
    (
      #"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}"#,
      "a whole number"
    ),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}}"#, "two data_offsets"),
    (#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#, "tensor 'a' needs a dtype, a shape"),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      "the key 'a' occurs twice"
    ),
    (
      #"{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      "'dtype' occurs twice"
    ),
    (#"{"a":7}"#, "'{' is missing"),
    (
      #"{"__metadata__":{"x":1},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#,
      "'\"' is missing"
    ),
  ])
  func refuses(header: String, message: String) {
    expectFileError(message) { _ = try open(header) }
  }

  @Test func refusesBadLengths() throws {
    func expect(_ message: String, _ bytes: [UInt8]) {
      expectFileError(message) {
        let file = try TemporaryFile(bytes)
        _ = try SafetensorsFile(path: file.path)
      }
    }
    expect("has 3 bytes", [1, 2, 3])
    expect("its header needs 16 bytes, but the file has 8", [16, 0, 0, 0, 0, 0, 0, 0])
    expect("not a safetensors file", Array(repeating: 255, count: 64))
    expect("not a safetensors file", Array(repeating: 0, count: 64))
  }

  @Test func readsAndChecksSplitFiles() throws {
    let directory = try TemporaryDirectory()
    func part(_ name: String, _ value: UInt8) -> [UInt8] {
      SafetensorsBuilder(
        header: "{\"\(name)\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
        data: Array(repeating: value, count: 4)
      ).build()
    }
    try directory.write(part("a", 1), "x-1.safetensors")
    try directory.write(part("b", 2), "x-2.safetensors")
    func open(_ map: String) throws -> SafetensorsFile {
      try directory.write("{\"weight_map\":\(map)}".utf8, "x.index.json")
      return try SafetensorsFile(path: directory.path + "/x.index.json")
    }
    let opened = try open(#"{"b":"x-2.safetensors","a":"x-1.safetensors"}"#)
    #expect(opened.tensors.map(\.name) == ["a", "b"])
    #expect(try data(opened.require("a"), in: opened) == [1, 1, 1, 1])
    #expect(try data(opened.require("b"), in: opened) == [2, 2, 2, 2])
    #expect(opened.fileSize == part("a", 1).count + part("b", 2).count)
    expectFileError("x-1.safetensors': there is no tensor 'b', which the index") {
      _ = try open(#"{"a":"x-1.safetensors","b":"x-1.safetensors"}"#)
    }
    expectFileError("the tensor 'a' is in no file next to") {
      _ = try open(#"{"a":"../x-1.safetensors"}"#)
    }
    expectFileError("x-3.safetensors': No such file") { _ = try open(#"{"a":"x-3.safetensors"}"#) }
    expectFileError("no weight_map") { _ = try open("{}") }
    try directory.write(part("a", 3), "x-2.safetensors")
    expectFileError("there is no tensor 'b'") {
      _ = try open(#"{"a":"x-1.safetensors","b":"x-2.safetensors"}"#)
    }
  }
}
