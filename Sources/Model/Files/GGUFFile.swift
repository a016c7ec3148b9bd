/// A GGUF checkpoint: its metadata and list of tensors, read and checked on opening, and the
/// tensors' data, read on demand from any thread. One that is split into several files is opened by
/// the first.
final class GGUFFile: Sendable {
  let path: String
  /// Of the format: 2 or 3.
  let version: Int
  let metadata: Metadata
  /// Bytes, of all parts together.
  let fileSize: Int
  let store: TensorStore

  /// Opens the file, and the other parts of a split one, and checks all of its header.
  ///
  /// - Throws: `ModelError` of kind `file` if it cannot be opened, is not a GGUF of version 2 or 3, is
  ///   truncated or damaged, or holds a tensor of a type that `TensorType` does not have.
  init(path: String) throws {
    let file = try ReadableFile(path: path)
    let header = try GGUFHeader(reading: file, shard: 0)
    let parts = try GGUFParts(path: path, metadata: header.metadata)
    var (files, tensors) = ([file], header.tensors)
    for part in parts.others {
      let file = try ReadableFile(path: part.path)
      let header = try GGUFHeader(reading: file, shard: part.index)
      try parts.check(header.metadata, part.index, file)
      files.append(file)
      tensors += header.tensors
    }
    if let expected = parts.tensorCount, expected != tensors.count {
      throw file.damaged("its parts have \(tensors.count) tensors together, instead of \(expected)")
    }
    self.path = path
    self.version = header.version
    self.metadata = header.metadata
    self.store = try TensorStore(files: files, tensors: tensors)
    self.fileSize = store.size
  }

  /// The tensor of that name, or an error that says that it is missing.
  func require(_ name: String) throws -> TensorInfo {
    guard let tensor = tensor(named: name) else {
      throw store.files[0].damaged("there is no tensor \(quoted(name))")
    }
    return tensor
  }
}

/// The files of a checkpoint that llama.cpp's `gguf-split` has split: `NAME-00001-of-0000N.gguf`, the
/// first with all of the metadata.
private struct GGUFParts {
  /// The parts after the first, by their index from 0.
  var others: [(index: Int, path: String)] = []
  /// Of all parts together, where the file says it.
  var tensorCount: Int?
  private var count = 1

  init(path: String, metadata: Metadata) throws {
    guard let count = metadata["split.count"]?.int, count > 1 else { return }
    guard count <= UInt16.max else {
      throw ModelError(.file, "\(quoted(path)): split.count is \(count), which is too large")
    }
    self.count = count
    tensorCount = metadata["split.tensors.count"]?.int
    let ending = Self.ending(0, count)
    let index = metadata["split.no"]?.int ?? 0
    guard (0..<count).contains(index) else {
      throw ModelError(.file, "\(quoted(path)): split.no is \(index), but there are \(count) parts")
    }
    guard index == 0, path.hasSuffix(ending) else {
      throw ModelError(
        .file, "\(quoted(path)) is part \(index + 1) of \(count) of a checkpoint",
        help: "load the first part, whose name ends in \(ending)")
    }
    others = (1..<count).map { ($0, path.dropLast(ending.count) + Self.ending($0, count)) }
  }

  private static func ending(_ index: Int, _ count: Int) -> String {
    func digits(_ number: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }
    return "-\(digits(index + 1))-of-\(digits(count)).gguf"
  }

  func check(_ metadata: Metadata, _ index: Int, _ file: ReadableFile) throws {
    guard metadata["split.no"]?.int == index, metadata["split.count"]?.int == count else {
      throw file.damaged("this is not part \(index + 1) of \(count), as its name says")
    }
  }
}
