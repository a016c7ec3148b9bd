/// Reads a file from its start, value after value, keeping what it has read in memory.
///
/// Each length is checked against the file's size before anything is allocated for it, so a
/// damaged count costs an error and not the memory that it asks for.
final class HeaderReader {
  let file: ReadableFile
  private(set) var position = 0
  private var base: UnsafeMutableRawPointer
  private var loaded = 0

  /// Bytes of the first read; every later one at least doubles what is there.
  private static let firstRead = 1 << 20
  /// Of a header, in bytes: a file with holes costs nobody anything, however large it says to be.
  /// The largest vocabularies have 20 MB.
  private static let longest = 1 << 28

  init(_ file: ReadableFile) {
    self.file = file
    self.base = UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 8)
  }

  deinit { base.deallocate() }

  var remaining: Int { file.size - position }

  /// The next `count` bytes, valid until the next call of any method.
  func take(_ count: Int, _ what: @autoclosure () -> String) throws -> UnsafeRawBufferPointer {
    guard count <= remaining else {
      throw file.damaged(
        "\(what()) needs \(count) bytes from byte \(position), but the file has \(file.size)",
        help: "it is truncated or damaged: fetch it again")
    }
    if count > loaded - position {
      guard count <= Self.longest - position else {
        throw file.damaged(
          "\(what()) ends at byte \(position + count), and a header has at most \(Self.longest)",
          help: "the file is damaged: fetch it again")
      }
      try load(position + count)
    }
    defer { position += count }
    return UnsafeRawBufferPointer(start: base + position, count: count)
  }

  func integer<T: FixedWidthInteger>(_: T.Type, _ what: @autoclosure () -> String) throws -> T {
    T(littleEndian: try take(MemoryLayout<T>.size, what()).loadUnaligned(as: T.self))
  }

  /// A count or length of 64 bits, of things that take at least `size` bytes each.
  func count(of size: Int, _ what: @autoclosure () -> String) throws -> Int {
    let count = try integer(UInt64.self, what())
    guard count <= UInt64(remaining / size) else {
      throw file.damaged(
        "\(what()) is \(count), but only \(remaining) bytes follow it",
        help: "the file is truncated or damaged: fetch it again")
    }
    return Int(count)
  }

  /// Walks over `count` strings, each after its length of 64 bits, and returns all their bytes,
  /// lengths included, valid until the next call of any method.
  func strings(_ count: Int, _ what: @autoclosure () -> String) throws -> UnsafeRawBufferPointer {
    let start = position
    for index in 0..<count {
      if loaded - position >= 8 {
        let length = UInt64(
          littleEndian: base.loadUnaligned(fromByteOffset: position, as: UInt64.self))
        if length <= UInt64(loaded - position - 8) {
          position += 8 + Int(length)
          continue
        }
      }
      // The end of what is loaded, or a length that is too large.
      let length = try self.count(of: 1, "the length of string \(index) of \(what())")
      _ = try take(length, "string \(index) of \(what())")
    }
    return UnsafeRawBufferPointer(start: base + start, count: position - start)
  }

  private func load(_ end: Int) throws {
    try Interruption.check()
    let (doubled, overflow) = loaded.multipliedReportingOverflow(by: 2)
    let target = min(file.size, max(end, overflow ? end : doubled, Self.firstRead))
    let grown = UnsafeMutableRawPointer.allocate(byteCount: target, alignment: 8)
    grown.copyMemory(from: base, byteCount: loaded)
    base.deallocate()
    base = grown
    try file.read(
      into: UnsafeMutableRawBufferPointer(start: base + loaded, count: target - loaded),
      at: loaded)
    loaded = target
  }
}
