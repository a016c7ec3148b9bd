/// The arrays of an `.npz` file as tensors, read from where they lie: `numpy.savez` stores them as they are.
/// What is compressed has no place in the file to read a part from, and is refused.
///
/// Formats: APPNOTE.TXT of PKWARE, and numpy.lib.format.
final class NumpyArchive: TensorFile {
  let path: String
  let tensors: [TensorInfo]
  let unsupported: [String: String]
  private let file: ReadableFile

  var parts: [ReadableFile] { [file] }

  /// - Throws: `ModelError` if it cannot be opened, or is truncated or damaged.
  init(path: String) throws {
    self.path = path
    file = try ReadableFile(path: path)
    let members = try ZipDirectory(file).members
    var tensors: [TensorInfo] = []
    var unsupported: [String: String] = [:]
    for member in members where member.name.hasSuffix(".npy") {
      let name = String(member.name.dropLast(4))
      let header = try NumpyHeader(file, member)
      guard let (type, isDouble) = header.type else {
        unsupported[name] = header.descr
        continue
      }
      guard
        let tensor = TensorInfo(
          name: name, shape: header.shape, type: type, offset: header.dataStart, shard: 0,
          isDouble: isDouble),
        tensor.byteCount.multipliedReportingOverflow(by: isDouble ? 2 : 1) == (
          header.dataSize, false
        )
      else {
        throw file.damaged(
          "the array \(quoted(name)) of shape \(header.shape) does not have \(header.dataSize) bytes",
          help: "it is damaged: fetch it again")
      }
      tensors.append(tensor)
    }
    store = try TensorStore(files: [file], tensors: tensors)
    self.tensors = tensors
    self.unsupported = unsupported
  }

  private let store: TensorStore

  func require(_ name: String) throws -> TensorInfo {
    if let tensor = store.tensor(named: name) { return tensor }
    if let descr = unsupported[name] {
      throw file.damaged(
        "the array \(quoted(name)) has elements of the type \(quoted(descr)), which is not read",
        help: "float16, float32 and float64 are, lowest byte first")
    }
    throw file.damaged("there is no array \(quoted(name))")
  }

  func read(
    _ tensor: TensorInfo, bytes: Range<Int>, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    try store.read(tensor, bytes: bytes, into: buffer)
  }
}

/// The header of an array that is stored in an archive.
private struct NumpyHeader {
  let descr: String
  let shape: [Int]
  let dataStart: Int
  let dataSize: Int

  /// The longest that is read: numpy's own headers have 128 bytes.
  private static let longest = 1 << 16

  init(_ file: ReadableFile, _ member: ZipDirectory.Member) throws {
    func damaged(_ what: String) -> ModelError {
      file.damaged(
        "the array \(quoted(member.name)) \(what)", help: "it is damaged: fetch it again")
    }
    guard member.size >= 10 else { throw damaged("is shorter than its header") }
    let start = try file.bytes(at: member.start, count: min(12, member.size))
    guard start.starts(with: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]) else {
      throw damaged("does not begin with \\x93NUMPY")
    }
    let isShort = start[6] == 1
    guard isShort || start.count == 12 else { throw damaged("is shorter than its header") }
    let length =
      Int(start[8]) | Int(start[9]) << 8
      | (isShort ? 0 : Int(start[10]) << 16 | Int(start[11]) << 24)
    let before = isShort ? 10 : 12
    guard length <= Self.longest, length <= member.size - before else {
      throw damaged("has a header of \(length) bytes")
    }
    let text = String(
      decoding: try file.bytes(at: member.start + before, count: length), as: UTF8.self)
    guard let descr = Self.value("'descr':", in: text, quoted: true),
      let order = Self.value("'fortran_order':", in: text, quoted: false),
      let shape = Self.shape(in: text)
    else { throw damaged("has a header that is not understood") }
    guard order == "False" else {
      throw file.damaged(
        "the array \(quoted(member.name)) is stored by columns",
        help: "save it again: numpy.ascontiguousarray(x)")
    }
    (self.descr, self.shape) = (descr, shape)
    (dataStart, dataSize) = (member.start + before + length, member.size - before - length)
  }

  var type: (TensorType, isDouble: Bool)? {
    switch descr {
    case "<f2": (.f16, false)
    case "<f4": (.f32, false)
    case "<f8": (.f32, true)
    default: nil
    }
  }

  /// What follows a key.
  private static func value(_ key: String, in text: String, quoted: Bool) -> String? {
    guard let rest = after(key, in: text) else { return nil }
    let word = rest.drop { $0 == " " }
    guard quoted else { return String(word.prefix { $0.isLetter }) }
    guard word.first == "'" else { return nil }
    let content = word.dropFirst().prefix { $0 != "'" }
    return content.endIndex < word.endIndex ? String(content) : nil
  }

  private static func shape(in text: String) -> [Int]? {
    guard let rest = after("'shape':", in: text)?.drop(while: { $0 == " " }), rest.first == "("
    else { return nil }
    let inside = rest.dropFirst().prefix { $0 != ")" }
    guard inside.endIndex < rest.endIndex else { return nil }
    let axes = inside.split(separator: ",").map { $0.filter { $0 != " " } }.filter { !$0.isEmpty }
    let numbers = axes.compactMap { Int($0) }
    guard numbers.count == axes.count, numbers.count <= 8, numbers.allSatisfy({ $0 >= 0 }) else {
      return nil
    }
    return numbers
  }

  private static func after(_ key: String, in text: String) -> Substring? {
    text.firstRange(of: key).map { text[$0.upperBound...] }
  }
}
