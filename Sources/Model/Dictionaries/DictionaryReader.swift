/// Reads the weights of a dictionary by name, in the file's own type, and refuses those of another shape.
final class DictionaryReader {
  let file: any TensorFile
  /// Of matrices, which are read when they are first needed.
  let failures: WeightFailures
  private let memory: WeightMemory
  private var known: Set<String> = []

  /// - Parameter failures: of another file of the same dictionary.
  init(_ file: any TensorFile, failures: WeightFailures = WeightFailures()) {
    (self.file, self.failures) = (file, failures)
    memory = WeightMemory(
      expected: file.tensors.reduce(0) { $0 + ($1.shape.count > 1 ? $1.byteCount : 0) })
  }

  /// The files as they are now: no program can set the time of their last change back.
  var identity: String {
    file.parts.map { $0.currentStamp ?? $0.path }.joined(separator: " ")
  }

  func has(_ name: String) -> Bool {
    file.tensors.contains { $0.name == name } || file.unsupported[name] != nil
  }

  /// The first of some names that the file has; the first where it has none.
  func name(among names: [String]) -> String { names.first(where: has) ?? names[0] }

  /// The shape of a matrix.
  func shape(_ name: String) throws -> (Int, Int) {
    let tensor = try file.require(name)
    guard tensor.shape.count == 2, tensor.elementCount > 0 else {
      throw ModelError(
        .file,
        "tensor \(quoted(name)) in \(quoted(file.path)) has shape \(tensor.shape), not that of a matrix"
      )
    }
    return (tensor.shape[0], tensor.shape[1])
  }

  /// - Parameter isTransposed: whether the file has it as `[columns, rows]`.
  func matrix(_ name: String, _ rows: Int, _ columns: Int, isTransposed: Bool) throws
    -> PackedMatrix
  {
    let tensor = try tensor(name, isTransposed ? [columns, rows] : [rows, columns])
    return try PackedMatrix(
      MatrixSource(tensor, in: file, isTransposed: isTransposed), failures: failures,
      memory: memory)
  }

  /// A tensor `[rows, some, columns]` as a matrix `[rows · some, columns]`.
  func matrix(_ name: String, rows: Int, of some: Int, _ columns: Int) throws -> PackedMatrix {
    let tensor = try tensor(name, [rows, some, columns])
    return try PackedMatrix(
      MatrixSource(tensor.rowsJoined, in: file), failures: failures, memory: memory)
  }

  func vector(_ name: String, _ count: Int) throws -> [Float] {
    let tensor = try tensor(name, [count])
    let values = try file.floats(of: tensor)
    guard values.allSatisfy(\.isFinite) else { throw file.notFinite(tensor) }
    return values
  }

  private func tensor(_ name: String, _ shape: [Int]) throws -> TensorInfo {
    let tensor = try file.require(name)
    known.insert(name)
    guard tensor.shape == shape else {
      throw ModelError(
        .file,
        "tensor \(quoted(name)) in \(quoted(file.path)) has shape \(tensor.shape), where the dictionary's "
          + "numbers ask for \(shape)",
        help: "its configuration belongs to other weights: fetch both again")
    }
    return tensor
  }

  /// A tensor that nothing has read might change what features are.
  func refuseUnread(but harmless: Set<String> = []) throws {
    let there = file.tensors.map(\.name) + file.unsupported.keys.sorted()
    guard let unknown = there.first(where: { !known.contains($0) && !harmless.contains($0) }) else {
      return
    }
    throw ModelError(
      .file,
      "\(quoted(file.path)) has a tensor \(quoted(unknown)) that this kind of dictionary has no place for",
      help: "without it features would be wrong; its configuration may say another kind than it is")
  }
}

/// A dictionary's settings: keys of a JSON object.
struct DictionarySettings {
  let path: String
  let values: [String: JSON]

  init(path: String) throws {
    self.path = path
    let bytes = try JSON.bytes(path: path, limit: 1 << 22)
    guard let members = try JSON(bytes, source: path).object else {
      throw ModelError(.file, "\(quoted(path)) is not a dictionary's settings: it is not an object")
    }
    values = members
  }

  init(path: String, values: [String: JSON]) {
    self.path = path
    self.values = values
  }

  /// Nil where it is not there, or null.
  subscript(key: String) -> JSON? {
    guard let value = values[key], value != .null else { return nil }
    return value
  }

  func string(_ key: String) throws -> String? {
    try self[key].map { try require($0.string, key, "text") }
  }

  func bool(_ key: String) throws -> Bool? {
    try self[key].map { try require($0.bool, key, "true or false") }
  }

  func int(_ key: String) throws -> Int? {
    try self[key].map { value in
      let count = try require(value.int, key, "a count")
      guard count > 0 else { throw mistyped(key, "a count from 1") }
      return count
    }
  }

  func required<T>(_ value: T?, _ key: String) throws -> T {
    guard let value else { throw ModelError(.file, "\(quoted(path)) lacks the key '\(key)'") }
    return value
  }

  private func require<T>(_ value: T?, _ key: String, _ wanted: String) throws -> T {
    guard let value else { throw mistyped(key, wanted) }
    return value
  }

  private func mistyped(_ key: String, _ wanted: String) -> ModelError {
    ModelError(.file, "\(quoted(path)): '\(key)' must be \(wanted)")
  }

  /// What it asks for and nothing here does.
  func unsupported(_ key: String, _ value: String, _ reason: String, help: String? = nil)
    -> ModelError
  {
    ModelError(
      .file, "\(quoted(path)): '\(key)' is \(quoted(value)), which is not supported: \(reason)",
      help: help)
  }

  /// - Parameter known: those that are read, and those that change no number.
  func refuseUnknown(_ known: Set<String>) throws {
    guard let key = values.keys.sorted().first(where: { !known.contains($0) }) else { return }
    throw ModelError(
      .file,
      "\(quoted(path)) has the key \(quoted(key)), which is not known and might change what features are",
      help: "if it changes nothing, remove it from a copy of the file")
  }
}
