import Lang
import Model

/// An array of NumPy as it lies in an NPY file.
///
/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
struct NumpyArray {
  /// One field without a name, or the named fields of records.
  private let fields: [(name: String, type: NumpyType)]
  private let isRecords: Bool
  private let isColumnMajor: Bool
  let shape: [Int]
  private let data: ArraySlice<UInt8>
  private let name: String

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// - Parameter name: what messages call the file, and the member of it.
  init(_ bytes: ArraySlice<UInt8>, name: String) throws {
    self.name = name
    var reader = BinaryReader(bytes, name: name)
    let what = "its header"
    guard bytes.starts(with: Self.magic) else {
      throw unreadableFile(name, "is not an NPY file: it does not begin with \\x93NUMPY")
    }
    try reader.skip(6, of: what)
    let version = try reader.number(UInt8.self, of: what)
    try reader.skip(1, of: what)
    let length: Int
    switch version {
    case 1: length = Int(try reader.number(UInt16.self, of: what))
    case 2, 3: length = Int(try reader.number(UInt32.self, of: what))
    default: throw unreadableFile(name, "is of version \(version) of NPY, which is not known")
    }
    let header = try reader.take(length, of: what)
    // Latin-1 before version 3.
    let text =
      version < 3
      ? String(String.UnicodeScalarView(header.map(Unicode.Scalar.init)))
      : String(decoding: header, as: UTF8.self)
    guard case .dictionary(let members)? = try? PythonLiteral(parsing: text),
      let type = members["descr"], case .boolean(let isColumnMajor)? = members["fortran_order"],
      case .sequence(let axes)? = members["shape"]
    else { throw unreadableFile(name, "is damaged: its header is not one of NPY") }
    shape = try axes.map { axis in
      guard case .integer(let count) = axis, count >= 0 else {
        throw unreadableFile(name, "is damaged: its shape is not made of counts")
      }
      return count
    }
    self.isColumnMajor = isColumnMajor
    (fields, isRecords) = try Self.fields(type, name: name)
    let record = fields.reduce(0) { $0 + $1.type.byteCount }
    guard let count = elementCount(shape), shape.count <= 64,
      count.multipliedReportingOverflow(by: max(1, record)).overflow == false
    else { throw unreadableFile(name, "is damaged: its shape is too large") }
    data = try reader.take(count * record, of: "its numbers")
    guard reader.left == 0 else {
      throw unreadableFile(name, "is damaged: \(reader.left) bytes follow its numbers")
    }
    self.count = count
  }

  /// How many elements, or records, there are.
  let count: Int

  private static func fields(_ type: PythonLiteral, name: String) throws -> (
    [(name: String, type: NumpyType)], Bool
  ) {
    switch type {
    case .text(let descr): return ([("", try NumpyType(descr, file: name))], false)
    case .sequence(let fields):
      let fields = try fields.map { field -> (name: String, type: NumpyType) in
        guard case .sequence(let parts) = field, parts.count == 2, case .text(let title) = parts[0],
          case .text(let descr) = parts[1], !title.isEmpty
        else {
          throw unreadableFile(
            name, "has records with arrays or records in them, which are not read")
        }
        return (title, try NumpyType(descr, file: name))
      }
      if let twice = firstRepeated(fields.map(\.name)) {
        throw unreadableFile(name, "has two fields named `\(excerpt(twice))`")
      }
      guard !fields.isEmpty else { throw unreadableFile(name, "has records without fields") }
      return (fields, true)
    default: throw unreadableFile(name, "is damaged: its header does not say what it holds")
    }
  }

  /// The columns of records; nil where it has none.
  func records() throws -> Table? {
    guard isRecords else { return nil }
    guard shape.count <= 1 else {
      throw unreadableFile(name, "has records in \(shape.count) dimensions, and one is read")
    }
    let record = fields.reduce(0) { $0 + $1.type.byteCount }
    try Memory.reserve(16 * fields.count * count, for: "the table of `\(name)`")
    var offset = 0
    var columns: [Column] = []
    for (title, type) in fields {
      columns.append(
        Column(
          title, try type.values(in: data, from: offset, every: record, count: count, name: name)))
      offset += type.byteCount
    }
    return Table(columns: columns)
  }

  /// The elements, the last axis running first.
  func values() throws -> Values {
    let type = fields[0].type
    let values = try type.values(
      in: data, from: 0, every: type.byteCount, count: count, name: name)
    guard isColumnMajor, shape.count > 1 else { return values }
    // In the file, the first axis runs first.
    return try values.gathered(
      try (0..<count).mapChecked { place in
        var (rest, step, index) = (place, count, 0)
        for axis in shape.reversed() {
          step /= axis
          index += rest % axis * step
          rest /= axis
        }
        return index
      })
  }
}

/// How NumPy stores an element.
struct NumpyType: Equatable {
  enum Kind: Equatable { case float, integer, unsigned, boolean, text, bytes }

  var kind: Kind
  /// Of text: four for each character.
  var byteCount: Int
  private var isBigEndian: Bool

  init(_ descr: String, file: String) throws {
    var rest = descr[...]
    let order = rest.popFirst()
    let letter = rest.popFirst()
    guard let order, "<>|=".contains(order), let letter, let count = Int(rest), count > 0,
      count <= 1 << 30
    else { throw Self.unread(descr, file) }
    isBigEndian = order == ">"
    byteCount = count
    switch (letter, count) {
    case ("f", 2), ("f", 4), ("f", 8): kind = .float
    case ("i", 1), ("i", 2), ("i", 4), ("i", 8): kind = .integer
    case ("u", 1), ("u", 2), ("u", 4), ("u", 8): kind = .unsigned
    case ("b", 1): kind = .boolean
    case ("S", _): kind = .bytes
    case ("U", _):
      kind = .text
      byteCount = 4 * count
    default: throw Self.unread(descr, file)
    }
  }

  private static func unread(_ descr: String, _ file: String) -> Failure {
    if descr.hasSuffix("O") {
      return unreadableFile(
        file, "holds Python objects (pickles), which can run programs and are not read",
        help: "save numbers or texts: numpy.save(…, allow_pickle=False)")
    }
    return unreadableFile(
      file, "holds elements of the type '\(excerpt(descr))', which is not read",
      help: "numbers, booleans and texts are: x.astype('float32')")
  }

  /// - Parameter offset: from the start of `data`; `stride` is that of one element to the next.
  func values(
    in data: ArraySlice<UInt8>, from offset: Int, every stride: Int, count: Int, name: String
  ) throws -> Values {
    try data.withUnsafeBytes { data in
      /// `read` reads the bits of an element, the lowest byte first.
      func all<Bits: FixedWidthInteger, T>(_: Bits.Type, _ read: (Bits) throws -> T) throws -> [T] {
        try (0..<count).mapChecked { i in
          let bits = data.loadUnaligned(fromByteOffset: offset + i * stride, as: Bits.self)
          return try read(isBigEndian ? bits.bigEndian : bits.littleEndian)
        }
      }
      switch (kind, byteCount) {
      case (.float, 2): return .singles(try all(UInt16.self, single(half:)))
      case (.float, 4): return .singles(try all(UInt32.self, Float.init(bitPattern:)))
      case (.float, _): return .doubles(try all(UInt64.self, Double.init(bitPattern:)))
      case (.integer, 1): return .integers(try all(Int8.self) { Int($0) })
      case (.integer, 2): return .integers(try all(Int16.self) { Int($0) })
      case (.integer, 4): return .integers(try all(Int32.self) { Int($0) })
      case (.integer, _): return .integers(try all(Int64.self) { Int($0) })
      case (.unsigned, 1): return .integers(try all(UInt8.self) { Int($0) })
      case (.unsigned, 2): return .integers(try all(UInt16.self) { Int($0) })
      case (.unsigned, 4): return .integers(try all(UInt32.self) { Int($0) })
      case (.unsigned, _):
        return .integers(
          try all(UInt64.self) { value in
            guard let value = Int(exactly: value) else {
              throw unreadableFile(name, "has the number \(value), which needs more than 63 bits")
            }
            return value
          })
      case (.boolean, _): return .booleans(try all(UInt8.self) { $0 != 0 })
      case (.text, _), (.bytes, _):
        return .texts(
          try (0..<count).mapChecked { i in
            let start = offset + i * stride
            return try text(data[start..<start + byteCount], name: name)
          })
      }
    }
  }

  /// Without the zeros that fill it up.
  private func text(_ bytes: Slice<UnsafeRawBufferPointer>, name: String) throws -> String {
    if kind == .bytes {
      let end = bytes.lastIndex { $0 != 0 }.map { $0 + 1 } ?? bytes.startIndex
      guard let text = String(validating: bytes[..<end], as: UTF8.self) else {
        throw unreadableFile(name, "has texts that are not UTF-8")
      }
      return text
    }
    var text = String.UnicodeScalarView()
    var zeros = 0
    for start in stride(from: bytes.startIndex, to: bytes.endIndex, by: 4) {
      let value = (0..<4).reduce(UInt32(0)) { value, i in
        value | UInt32(bytes[start + (isBigEndian ? 3 - i : i)]) << UInt32(8 * i)
      }
      if value == 0 {
        zeros += 1
        continue
      }
      guard let scalar = Unicode.Scalar(value) else {
        throw unreadableFile(name, "has a text with the character \(value), which there is not")
      }
      for _ in 0..<zeros { text.append("\0") }
      zeros = 0
      text.append(scalar)
    }
    return String(text)
  }
}

/// A number of 16 bits: sign, five bits of exponent, ten of fraction.
func single(half bits: UInt16) -> Float {
  let sign: Float = bits >> 15 == 1 ? -1 : 1
  let (exponent, fraction) = (Int(bits >> 10 & 31), Float(bits & 1023))
  switch exponent {
  case 0: return sign * fraction * 0x1p-24
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default:
    return sign * Float(sign: .plus, exponent: exponent - 25, significand: 1024 + fraction)
  }
}
