/// The directions in a control vector's file, as repeng and llama.cpp write them: a GGUF with the tensors
/// `direction.N`, one for each layer whose output they are added to.
///
/// Layout: llama.cpp's `common_control_vector_load_one`. N counts from 0, and block 0 has none.
public struct ControlVectors: Sendable {
  /// The architecture that the file says they were made for.
  public var hint: String?
  /// By the number of the layer after which they are added.
  public var directions: [Int: [Float]]

  /// - Throws: `ModelError` for a file that is damaged or not a control vector.
  public init(path: String) throws {
    let file = try GGUFFile(path: path)
    func damaged(_ message: String, help: String? = nil) -> ModelError {
      ModelError(.file, "\(quoted(path)): \(message)", help: help)
    }
    if let architecture = file.metadata["general.architecture"]?.string,
      architecture != "controlvector"
    {
      throw damaged(
        "this is a GGUF of \(quoted(architecture)), not a control vector",
        help: "`load` opens models")
    }
    hint = file.metadata["controlvector.model_hint"]?.string
    directions = [:]
    for tensor in file.tensors {
      guard tensor.name.hasPrefix("direction."), let layer = Int(tensor.name.dropFirst(10)) else {
        throw damaged("the tensor \(quoted(tensor.name)) is not `direction.` and a layer")
      }
      guard layer > 0, layer < 1 << 20 else {
        throw damaged("\(quoted(tensor.name)): the layers of a control vector begin with 1")
      }
      guard tensor.type == .f32, tensor.shape.count == 1, tensor.elementCount > 0 else {
        throw damaged("\(quoted(tensor.name)) must be one row of F32, and is \(tensor.shape)")
      }
      let numbers = try file.floats(of: tensor)
      guard numbers.isFinite else {
        throw damaged("\(quoted(tensor.name)) has numbers that are infinite or not numbers")
      }
      guard directions.updateValue(numbers, forKey: layer) == nil else {
        throw damaged("there are two directions of layer \(layer)")
      }
    }
    guard !directions.isEmpty else { throw damaged("there are no directions") }
  }

  /// The bytes of such a file.
  ///
  /// - Parameters:
  ///   - hint: the architecture, as GGUF names it.
  ///   - directions: by layer, from 1; all of one length.
  public static func bytes(hint: String, _ directions: [(layer: Int, numbers: [Float])]) -> [UInt8]
  {
    var header = ControlVectorWriter()
    header.text.append(contentsOf: "GGUF".utf8)
    header.append(UInt32(3))
    header.append(UInt64(directions.count))
    header.append(UInt64(3))
    header.append("general.architecture", "controlvector")
    header.append("controlvector.model_hint", hint)
    header.append("controlvector.layer_count")
    header.append(UInt32(4))
    header.append(UInt32(directions.count))
    var offset = 0
    for (layer, numbers) in directions {
      header.append("direction.\(layer)")
      header.append(UInt32(1))
      header.append(UInt64(numbers.count))
      header.append(UInt32(0))
      header.append(UInt64(offset))
      offset += ControlVectorWriter.aligned(numbers.count * 4)
    }
    header.pad()
    for (_, numbers) in directions {
      for number in numbers { header.append(number.bitPattern) }
      header.pad()
    }
    return header.text
  }
}

/// Writes GGUF: little-endian, the data aligned to 32 bytes.
private struct ControlVectorWriter {
  var text: [UInt8] = []

  static func aligned(_ count: Int) -> Int { (count + 31) / 32 * 32 }

  mutating func append(_ value: some FixedWidthInteger) {
    withUnsafeBytes(of: value.littleEndian) { text.append(contentsOf: $0) }
  }

  mutating func append(_ string: String) {
    append(UInt64(string.utf8.count))
    text.append(contentsOf: string.utf8)
  }

  /// A key and a text.
  mutating func append(_ key: String, _ value: String) {
    append(key)
    append(UInt32(8))
    append(value)
  }

  mutating func pad() {
    text += [UInt8](repeating: 0, count: Self.aligned(text.count) - text.count)
  }
}
