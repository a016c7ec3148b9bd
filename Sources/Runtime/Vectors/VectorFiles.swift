import Lang
import Model

// Vectors as files have them: NPY, a tensor of safetensors, the directions of a control vector.

/// A vector's numbers as a file has them, and of a control vector its layer.
struct ReadVector {
  var elements: [Double]
  var layer: Int?
}

/// - Parameters:
///   - key: of the arrays of a file, which.
///   - layer: of the directions of a control vector, which.
/// - Throws: `Failure` for a file that cannot be read, that has several vectors and nothing says which, or
///   whose array is not one.
func readVector(path: String, key: String?, layer: Int?) throws -> ReadVector {
  if isControlVector(path) {
    guard key == nil else {
      throw Failure("a control vector has layers, and no keys", help: "vector \"FILE\" layer 15")
    }
    return try read(ControlVectors(path: path), layer: layer, path: path)
  }
  guard layer == nil else {
    throw Failure("`layer` goes with control vectors (.gguf)", help: "omit it")
  }
  let bytes = try readBytes(path: path)
  switch BinaryFormat(bytes, path: path) {
  case .npy:
    guard key == nil else { throw Failure("an NPY file has one array, and no keys") }
    let array = try NumpyArray(bytes[...], name: path)
    return ReadVector(elements: try elements(try array.values(), array.shape, path))
  case .npz:
    let zip = try ZipReader(bytes[...], name: path)
    let names = zip.names.filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    let name = try chosen(key, of: names, in: path)
    guard let data = try zip.bytes(of: name + ".npy") else {
      throw unreadableFile(path, "has no array `\(excerpt(name))`")
    }
    let array = try NumpyArray(data, name: "\(path):\(name)")
    return ReadVector(elements: try elements(try array.values(), array.shape, path))
  case .safetensors:
    let file = try SafetensorsArrays(bytes[...], name: path)
    let name = try chosen(key, of: file.tensors.map(\.name), in: path)
    guard let tensor = file.tensors.first(where: { $0.name == name }) else {
      throw unreadableFile(path, "has no tensor `\(excerpt(name))`")
    }
    return ReadVector(
      elements: try elements(try file.values(of: tensor), tensor.shape, path))
  case .parquet, nil:
    throw unreadableFile(
      path, "is not a file of vectors", help: "these are .npy, .npz, .safetensors and .gguf")
  }
}

/// By the end of its name, or how it begins.
private func isControlVector(_ path: String) -> Bool { FileFormat(path: path) == .gguf }

private func chosen(_ key: String?, of names: [String], in path: String) throws -> String {
  if let key {
    guard names.contains(key) else {
      throw unreadableFile(
        path, "has no array `\(excerpt(key))`",
        help: suggestion(for: key, among: names).map { "did you mean \(quotedText($0))?" }
          ?? "it has \(enumeration(names))")
    }
    return key
  }
  guard let name = names.first, names.count == 1 else {
    throw unreadableFile(
      path, names.isEmpty ? "has no arrays" : "has the arrays \(enumeration(names))",
      help: names.isEmpty ? nil : "say which: vector \"FILE\" key \(quotedText(names[0]))")
  }
  return name
}

private func read(_ file: ControlVectors, layer: Int?, path: String) throws -> ReadVector {
  let layers = file.directions.keys.sorted()
  let wanted = layer ?? (layers.count == 1 ? layers[0] : nil)
  guard let wanted else {
    throw unreadableFile(
      path, "has directions of the layers \(layers.first ?? 0) to \(layers.last ?? 0)",
      help: "say which: vector \"FILE\" layer \(layers[layers.count / 2])")
  }
  guard let numbers = file.directions[wanted] else {
    throw unreadableFile(
      path, "has no direction of layer \(wanted)",
      help: "it has those of \(listed(layers.map(String.init)))")
  }
  return ReadVector(elements: numbers.map(Double.init), layer: wanted)
}

/// A row of numbers, or a matrix of one row or one column.
private func elements(_ values: Values, _ shape: [Int], _ path: String) throws -> [Double] {
  guard shape.count(where: { $0 != 1 }) <= 1, values.count > 0, values.kind.isNumeric else {
    throw unreadableFile(
      path, "has an array of the shape \(shape), and a vector is one row of numbers",
      help: "save one row: numpy.save(FILE, x[0])")
  }
  return try (0..<values.count).mapChecked { row in
    guard let number = values.number(row), number.isFinite else {
      throw unreadableFile(path, "has numbers that are infinite, missing or not numbers")
    }
    return number
  }
}

// MARK: - Saving

extension ArrayDocument {
  /// A vector as an array of one axis.
  init(_ vector: VectorValue) {
    let elements = vector.elements
    index = Table(columns: [Column("element", .integers(Array(elements.indices)))])
    columns = ["value"]
    width = nil
    isDouble = true
    provenance = Provenance()
    forEachPiece = { write in
      var bytes: [UInt8] = []
      bytes.append(inMemory: elements)
      try write(bytes)
    }
  }
}

extension [VectorValue] {
  /// The bytes of a control vector that has them.
  ///
  /// - Throws: `Failure` where it is not known after which layer one is added, or two are of one.
  func controlVector() throws -> [UInt8] {
    guard let model = first?.model else {
      throw Failure("a control vector has a direction at least")
    }
    var directions: [(layer: Int, numbers: [Float])] = []
    for vector in self {
      try vector.check(with: self[0])
      guard let layer = vector.layer else {
        throw Failure(
          "it is not known after which layer this vector is added",
          help:
            "vectors at L15.resid_post are added after layer 15; `V | vector at L15.resid_post` says so"
        )
      }
      guard layer > 0 else {
        throw Failure(
          "a control vector cannot steer after layer 0", help: "llama.cpp has no direction.0")
      }
      guard vector.elements.count == model.configuration.width else {
        throw Failure(
          "a control vector is added to the stream, which has \(model.configuration.width) elements; "
            + "this one has \(vector.elements.count)")
      }
      guard !directions.contains(where: { $0.layer == layer }) else {
        throw Failure("there are two vectors of layer \(layer)", help: "add them up first")
      }
      let numbers = vector.elements.map { Float($0) }
      guard numbers.isFinite else { throw Failure("this vector has numbers that F32 cannot hold") }
      directions.append((layer, numbers))
    }
    return ControlVectors.bytes(
      hint: model.configuration.architecture, directions.sorted { $0.layer < $1.layer })
  }
}

extension Place {
  /// The layer after which a vector of this place is added to the stream; nil for what is not the stream
  /// between layers.
  var layerOfControlVector: Int? {
    guard sites.count == 1, let site = sites.first?.site else { return nil }
    switch site.activation {
    case .residPost: return site.layer
    case .residPre: return site.layer > 0 ? site.layer - 1 : nil
    default: return nil
    }
  }
}
