import Foundation

@testable import Model

/// Files of weights, and the configuration beside them.
extension FuzzTarget {
  /// A GGUF file: its header, its tensors' data, and a tokenizer where it has one.
  static func gguf(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    let file = try GGUFFile(path: folder.write(bytes, "file.gguf"))
    try checkTensors(of: file, size: bytes.count)
    try use(try Tokenizer(gguf: file))
  }

  /// A safetensors file, as it is; and its header alone, in a file whose length fits it: two bytes
  /// that say how much data follows, and the text.
  static func safetensors(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    func read(_ bytes: [UInt8]) throws {
      let file = try SafetensorsFile(path: folder.write(bytes, "model.safetensors"))
      try checkTensors(of: file, size: bytes.count)
    }
    if bytes.count >= 2 {
      let data = Int(bytes[0]) | Int(bytes[1]) << 8
      let whole = framed(bytes.dropFirst(2)) + [UInt8](repeating: 1, count: data)
      do { try read(whole) } catch is ModelError {}
    }
    try read(bytes)
  }

  /// A header of safetensors after its length.
  static func framed(_ header: some Collection<UInt8>) -> [UInt8] {
    let length = UInt64(header.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * UInt64($0))) } + header
  }

  /// An index, with two files beside it.
  static func index(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    for name in ["a", "b"] {
      let header = #"{"\#(name)":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}"#
      try folder.write(framed(header.utf8) + [0, 0, 0, 0], "\(name).safetensors")
    }
    let file = try SafetensorsFile(
      path: folder.write(bytes, "model.safetensors.index.json"))
    try checkTensors(of: file, size: 1000)
    let names = file.tensors.map(\.name)
    try promise(Set(names).isSubset(of: ["a", "b"]), "\(names) come from elsewhere")
  }

  /// A config.json and, after a zero byte each, a generation_config.json and a
  /// tokenizer_config.json, of a model that has no weights.
  static func config(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    let names = ["config.json", "generation_config.json", "tokenizer_config.json"]
    let parts = bytes.split(
      separator: 0, maxSplits: names.count - 1, omittingEmptySubsequences: false)
    for (index, name) in names.enumerated() {
      try folder.write(index < parts.count ? parts[index] : [UInt8]("{}".utf8)[...], name)
    }
    try folder.write(framed("{}".utf8), "model.safetensors")
    try folder.write(
      #"""
      {"model":{"type":"BPE","vocab":{"<s>":0,"a":1,"b":2,"ab":3},"merges":["a b"]},
       "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},
       "added_tokens":[{"id":0,"content":"<s>","special":true}]}
      """#.utf8, "tokenizer.json")
    do { _ = try JSON.read(path: folder.path + "/config.json") } catch is ModelError {}
    let model = try LanguageModel(path: folder.path, pool: pool)
    throw BrokenPromise(message: "a model without weights was opened: \(model.configuration)")
  }

  /// A GGUF file with all of its weights, opened and run.
  static func model(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    let model = try LanguageModel(path: folder.write(bytes, "model.gguf"), pool: pool)
    let tokens = Array(model.encode("a Bc 12 é", addsBOS: model.tokenizer.addsBOS).prefix(4))
    let result = try model.transformer.run([
      RunRequest(tokens: tokens, logits: .all([tokens.count - 1]))
    ])
    try promise(result.count == 1, "\(result.count) results of one request")
  }

  /// The config.json and, after a zero byte, the parameters of a tuned lens of one layer of width 2, and what
  /// it makes of vectors; and what follows the zero byte as the file of a map.
  static func lenses(_ bytes: [UInt8], _ folder: ScratchFolder) throws {
    let end = bytes.firstIndex(of: 0) ?? bytes.count
    let tensors = bytes[end...].dropFirst()
    try folder.write(bytes[..<end], "config.json")
    try folder.write(tensors, "params.safetensors")
    var configuration = Configuration(architecture: "llama", layers: 1, isTied: true)
    configuration.width = 2
    do {
      let lens = try TunedLens(folder: folder.path, for: configuration)
      try promise(lens.translators.count == 1, "\(lens.translators.count) maps of one layer")
      try use(lens.translators[0])
    } catch is ModelError {}
    try use(try AffineMap(path: folder.write(tensors, "map.safetensors")))
  }

  private static func use(_ map: AffineMap) throws {
    let vectors = [1, -2].map { [Float](repeating: $0, count: map.inputWidth) }
    let mapped = try map.applied(to: vectors, on: pool)
    try promise(
      mapped.map(\.count) == [map.outputWidth, map.outputWidth], "a map gives another width")
  }

  private static let pool = WorkerPool(width: 1)

  /// What a header says of its tensors lies in the file, and nothing twice.
  private static func checkTensors(of file: any TensorFile, size: Int) throws {
    var total = 0
    for tensor in file.tensors {
      total += tensor.byteCount
      try promise(product(tensor.shape) == tensor.elementCount, "\(tensor.shape) of \(tensor.name)")
      // Both ends, in whole values, which doubles are read by.
      let count = min(tensor.byteCount, 512)
      for start in [0, tensor.byteCount - count] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { buffer.deallocate() }
        do {
          try file.read(tensor, bytes: start..<start + count, into: buffer)
        } catch is ModelError where tensor.isDouble {
          // A double that is no single.
        }
      }
    }
    try promise(total <= size, "tensors of \(total) bytes in \(size)")
  }
}
