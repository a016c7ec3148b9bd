/// A safetensors checkpoint: its list of tensors, read and checked on opening, and their data, read
/// on demand from any thread. One that is split into several files is opened by its index,
/// `model.safetensors.index.json`.
final class SafetensorsFile: Sendable {
  let path: String
  /// What the file says about itself; usually `["format": "pt"]`.
  let metadata: [String: String]
  /// The element types that are not read, such as `I64`, by the names of their tensors.
  let unsupported: [String: String]
  /// Bytes, of all parts together.
  let fileSize: Int
  let store: TensorStore

  /// Opens the file, or the files that an index names, and checks all of the header.
  ///
  /// - Throws: `ModelError` of kind `file` if one cannot be opened, or is truncated or damaged.
  init(path: String) throws {
    let index = path.hasSuffix(".json") ? try SafetensorsIndex(path: path) : nil
    var (files, tensors): ([ReadableFile], [TensorInfo]) = ([], [])
    var (unsupported, metadata): ([String: String], [String: String]) = ([:], [:])
    for (shard, path) in (index?.paths ?? [path]).enumerated() {
      let file = try ReadableFile(path: path)
      let header = try SafetensorsHeader(reading: file, shard: shard)
      try index?.check(header, file, shard)
      files.append(file)
      tensors += header.tensors
      unsupported.merge(header.unsupported) { first, _ in first }
      metadata.merge(header.metadata) { first, _ in first }
    }
    self.path = path
    self.metadata = metadata
    self.unsupported = unsupported
    self.store = try TensorStore(files: files, tensors: tensors)
    self.fileSize = store.size
  }

  /// The tensor of that name, or an error that says that it is missing or cannot be read.
  func require(_ name: String) throws -> TensorInfo {
    if let tensor = tensor(named: name) { return tensor }
    if let dtype = unsupported[name] {
      throw damaged(
        "tensor \(quoted(name)) has elements of the type \(quoted(dtype)), which is not read",
        help: "F64, F32, F16, BF16, F8_E4M3 and F8_E5M2 are read: convert it to one of them")
    }
    throw damaged("there is no tensor \(quoted(name))")
  }

  private func damaged(_ message: String, help: String? = nil) -> ModelError {
    ModelError(.file, "\(quoted(path)): \(message)", help: help)
  }
}

/// `model.safetensors.index.json`: which file next to it holds which tensor.
private struct SafetensorsIndex {
  let paths: [String]
  /// The names of the tensors in each file.
  private let names: [[String]]

  init(path: String) throws {
    guard let map = try JSON.read(path: path)["weight_map"]?.object, !map.isEmpty else {
      throw ModelError(.file, "\(quoted(path)): the index has no weight_map")
    }
    var names: [String: [String]] = [:]
    for (tensor, value) in map {
      // A plain name: an index must not reach out of its directory.
      guard let file = value.string, !["", ".", ".."].contains(file),
        !file.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
      else {
        throw ModelError(
          .file, "\(quoted(path)): the tensor \(quoted(tensor)) is in no file next to the index")
      }
      names[file, default: []].append(tensor)
    }
    let directory = path.lastIndex(of: "/").map { path[...$0] } ?? ""
    let files = names.keys.sorted()
    paths = files.map { directory + $0 }
    self.names = files.map { names[$0, default: []].sorted() }
  }

  func check(_ header: SafetensorsHeader, _ file: ReadableFile, _ shard: Int) throws {
    let there = Set(header.tensors.map(\.name))
    let missing = names[shard].first { !there.contains($0) && header.unsupported[$0] == nil }
    if let missing {
      throw file.damaged("there is no tensor \(quoted(missing)), which the index says it has")
    }
  }
}
