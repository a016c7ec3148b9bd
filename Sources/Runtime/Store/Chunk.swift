import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

// A store is a folder of files that each hold many chunks. A chunk is the result of one run, under a key
// of everything that it follows from. A file:
//
//     magic                8 bytes
//     length of the head   UInt32
//     number of chunks     UInt32
//     checksum             16 bytes, of the head and the index
//     head                 JSON: what the chunks are of
//     index                for each chunk: key, checksum (16 bytes each), offset, length (UInt64 each)
//     chunks
//
// It is written under another name, synced, and renamed: a file is there as a whole or not at all.

/// What a file of chunks says of itself.
struct ChunkFileHead: Equatable {
  /// The version of Summand, and the digest of its binary.
  var version: String
  var binary: String
  /// The model's name and digest.
  var model: String
  var digest: String
  /// Seconds since 1970.
  var time: Int
  /// The lines that the chunks are of, with their numbers, in the order of the index.
  var lines: [Line]

  struct Line: Equatable {
    var text: String
    var chunks: Int
  }

  var json: JSONValue {
    let lines = lines.map { JSONValue.array([.string($0.text), .integer($0.chunks)]) }
    return .object([
      JSONValue.Member("summand", .string(version)), JSONValue.Member("binary", .string(binary)),
      JSONValue.Member("model", .string(model)), JSONValue.Member("digest", .string(digest)),
      JSONValue.Member("time", .integer(time)), JSONValue.Member("lines", .array(lines)),
    ])
  }

  init(
    version: String, binary: String, model: String, digest: String, time: Int, lines: [Line]
  ) {
    self.version = version
    self.binary = binary
    self.model = model
    self.digest = digest
    self.time = time
    self.lines = lines
  }

  init?(_ json: JSONValue) {
    guard let version = json["summand"]?.string, let binary = json["binary"]?.string,
      let model = json["model"]?.string, let digest = json["digest"]?.string,
      case .integer(let time)? = json["time"], let lines = json["lines"]?.array
    else { return nil }
    self.init(
      version: version, binary: binary, model: model, digest: digest, time: time, lines: [])
    for line in lines {
      guard let pair = line.array, pair.count == 2, let text = pair[0].string,
        case .integer(let chunks) = pair[1], chunks >= 0
      else { return nil }
      self.lines.append(Line(text: text, chunks: chunks))
    }
  }
}

/// Where a chunk is.
struct ChunkPlace {
  var key: ContentDigest
  var checksum: ContentDigest
  var offset: UInt64
  var length: UInt64
}

/// A file of chunks that is there.
final class ChunkFile {
  static let magic = Array("SUMRUNS1".utf8)
  static let prefixSize = 32
  static let placeSize = 48

  let path: String
  let head: ChunkFileHead
  let size: Int
  private var index: [UInt8]
  /// -1 while it is closed: there may be more files than a process can hold open.
  private var descriptor: Int32 = -1

  /// What is wrong with a file that is not one of these.
  struct Damage: Error { var reason: String }

  /// Reads the head and the index, and nothing of the chunks.
  ///
  /// - Throws: `Damage`.
  init(path: String) throws {
    self.path = path
    let descriptor = try Self.opened(path)
    defer { closeFile(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Damage(reason: "it is not a file")
    }
    size = Int(status.st_size)
    let prefix = try Self.read(descriptor, at: 0, count: Self.prefixSize)
    guard prefix.starts(with: Self.magic) else { throw Damage(reason: "it is not of a store") }
    let (length, count, checksum) = prefix.withUnsafeBytes { bytes in
      var taker = ByteTaker(UnsafeRawBufferPointer(rebasing: bytes[8...]))
      return (
        Int(taker.number(UInt32.self) ?? 0), Int(taker.number(UInt32.self) ?? 0),
        ContentDigest(high: taker.number(UInt64.self) ?? 0, low: taker.number(UInt64.self) ?? 0)
      )
    }
    guard length + count * Self.placeSize <= size - Self.prefixSize else {
      throw Damage(reason: "it is cut off")
    }
    let body = try Self.read(
      descriptor, at: Self.prefixSize, count: length + count * Self.placeSize)
    guard ContentDigest(of: body) == checksum, let json = try? JSONParser.parse(body[..<length]),
      let head = ChunkFileHead(json)
    else { throw Damage(reason: "its head has another checksum") }
    self.head = head
    index = Array(body[length...])
  }

  deinit { close() }

  /// Where its chunks are. It is asked once.
  func takeIndex() -> [ChunkPlace] {
    defer { index = [] }
    return index.withUnsafeBytes { bytes in
      var taker = ByteTaker(bytes)
      func digest() -> ContentDigest {
        ContentDigest(high: taker.number(UInt64.self) ?? 0, low: taker.number(UInt64.self) ?? 0)
      }
      return (0..<bytes.count / Self.placeSize).map { _ in
        ChunkPlace(
          key: digest(), checksum: digest(), offset: taker.number(UInt64.self) ?? 0,
          length: taker.number(UInt64.self) ?? 0)
      }
    }
  }

  /// - Throws: `Damage` where the bytes are not those that were written.
  func result(at place: ChunkPlace) throws -> RunResult {
    if descriptor < 0 { descriptor = try Self.opened(path) }
    guard place.length <= UInt64(size), place.offset <= UInt64(size) - place.length else {
      throw Damage(reason: "a chunk is cut off")
    }
    let bytes = try Self.read(descriptor, at: Int(place.offset), count: Int(place.length))
    guard ContentDigest(of: bytes) == place.checksum else {
      throw Damage(reason: "a chunk has another checksum")
    }
    return try bytes.withUnsafeBytes { bytes in
      var taker = ByteTaker(bytes)
      guard let result = RunResult(&taker) else { throw Damage(reason: "a chunk is no result") }
      return result
    }
  }

  func close() {
    if descriptor >= 0 { closeFile(descriptor) }
    descriptor = -1
  }

  private static func opened(_ path: String) throws -> Int32 {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Damage(reason: String(cString: strerror(errno))) }
    return descriptor
  }

  private static func read(_ descriptor: Int32, at offset: Int, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      var done = 0
      while done < count, let base = buffer.baseAddress {
        let got = pread(descriptor, base + done, count - done, off_t(offset + done))
        if got < 0, errno == EINTR { continue }
        guard got > 0 else {
          throw Damage(reason: got == 0 ? "it is cut off" : String(cString: strerror(errno)))
        }
        done += got
      }
      initialized = count
    }
  }
}

/// Chunks that are to be written.
struct ChunkBatch {
  private var places: [ChunkPlace] = []
  private var lines: [ChunkFileHead.Line] = []
  private var bodies = ByteWriter()

  var isEmpty: Bool { places.isEmpty }
  var byteCount: Int { bodies.bytes.count + places.count * ChunkFile.placeSize }

  mutating func append(_ result: RunResult, key: ContentDigest, line: String) {
    let start = bodies.bytes.count
    result.write(to: &bodies)
    let checksum = bodies.bytes.withUnsafeBytes {
      ContentDigest(of: UnsafeRawBufferPointer(rebasing: $0[start...]))
    }
    places.append(
      ChunkPlace(
        key: key, checksum: checksum, offset: UInt64(start),
        length: UInt64(bodies.bytes.count - start)))
    if lines.last?.text == line {
      lines[lines.count - 1].chunks += 1
    } else {
      lines.append(ChunkFileHead.Line(text: line, chunks: 1))
    }
  }

  /// The parts of the file, and what tells it from others.
  func file(_ head: ChunkFileHead) -> (name: String, parts: [[UInt8]]) {
    var head = head
    head.lines = lines
    let text = Array(head.json.text.utf8)
    let start = UInt64(ChunkFile.prefixSize + text.count + places.count * ChunkFile.placeSize)
    var body = ByteWriter()
    for place in places {
      for digest in [place.key, place.checksum] {
        body.append(digest.high)
        body.append(digest.low)
      }
      body.append(start + place.offset)
      body.append(place.length)
    }
    let described = text + body.bytes
    let checksum = ContentDigest(of: described)
    var prefix = ByteWriter()
    prefix.append(UInt32(text.count))
    prefix.append(UInt32(places.count))
    prefix.append(checksum.high)
    prefix.append(checksum.low)
    return (checksum.text, [ChunkFile.magic + prefix.bytes + described, bodies.bytes])
  }
}

private func closeFile(_ descriptor: Int32) { close(descriptor) }
