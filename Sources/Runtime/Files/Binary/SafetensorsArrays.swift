import Lang
import Model

/// The tensors of a safetensors file, as arrays and with the index that Summand puts into its
/// metadata. (`Model` reads such files as weights: by name, piece by piece, and not integers.)
struct SafetensorsArrays {
  static let longestHeader = 100_000_000

  struct Tensor {
    var name: String
    var type: String
    var shape: [Int]
    var data: ArraySlice<UInt8>
  }

  private(set) var tensors: [Tensor] = []
  private(set) var metadata: [String: String] = [:]
  private let name: String

  init(_ bytes: ArraySlice<UInt8>, name: String) throws {
    self.name = name
    var reader = BinaryReader(bytes, name: name)
    let length = try reader.size(of: "its header")
    guard length <= Self.longestHeader else {
      throw unreadableFile(name, "is not a safetensors file: its header would have \(length) bytes")
    }
    let text = try reader.take(length, of: "its header")
    guard String(validating: text, as: UTF8.self) != nil,
      case .object(let members)? = try? JSONParser.parse(text)
    else {
      try Interruption.check()
      throw unreadableFile(name, "is not a safetensors file: its header is not an object of JSON")
    }
    let data = try reader.take(reader.left, of: "its data")
    for member in members where member.key != "__metadata__" {
      tensors.append(try tensor(member, data))
    }
    for member in members where member.key == "__metadata__" {
      for entry in member.value.members ?? [] { metadata[entry.key] = entry.value.string }
    }
  }

  private func tensor(_ member: JSONValue.Member, _ data: ArraySlice<UInt8>) throws -> Tensor {
    func counts(_ key: String) -> [Int]? {
      let values = member.value[key]?.array?.map { value -> Int? in
        if case .integer(let count) = value, count >= 0 { count } else { nil }
      }
      return values?.contains(nil) == true ? nil : values?.compactMap(\.self)
    }
    let what = "the tensor `\(excerpt(member.key))`"
    guard let type = member.value["dtype"]?.string, let shape = counts("shape"),
      let offsets = counts("data_offsets"), offsets.count == 2, offsets[0] <= offsets[1]
    else { throw unreadableFile(name, "is damaged: \(what) has no type, shape or place") }
    guard offsets[1] <= data.count else { throw truncated(name, in: what) }
    return Tensor(
      name: member.key, type: type, shape: shape,
      data: data[data.startIndex + offsets[0]..<data.startIndex + offsets[1]])
  }

  /// The numbers of a tensor, the last axis running first.
  func values(of tensor: Tensor) throws -> Values {
    let what = "the tensor `\(excerpt(tensor.name))`"
    let descr: String? =
      switch tensor.type {
      case "F64": "<f8"
      case "F32": "<f4"
      case "F16": "<f2"
      case "BF16": "<u2"
      case "I64": "<i8"
      case "I32": "<i4"
      case "I16": "<i2"
      case "I8": "|i1"
      case "U64": "<u8"
      case "U32": "<u4"
      case "U16": "<u2"
      case "U8": "|u1"
      case "BOOL": "|b1"
      default: nil
      }
    guard let descr else {
      throw unreadableFile(
        name, "has \(what) of the type \(excerpt(tensor.type)), which is not read",
        help: "save it as F32")
    }
    let type = try NumpyType(descr, file: name)
    guard let count = elementCount(tensor.shape), tensor.data.count / type.byteCount == count,
      tensor.data.count % type.byteCount == 0
    else { throw unreadableFile(name, "is damaged: \(what) has not the bytes of its shape") }
    let values = try type.values(
      in: tensor.data, from: 0, every: type.byteCount, count: count, name: name)
    guard tensor.type == "BF16", case .integers(let bits) = values else { return values }
    return .singles(try bits.mapChecked { Float(bitPattern: UInt32($0 ?? 0) << 16) })
  }
}
