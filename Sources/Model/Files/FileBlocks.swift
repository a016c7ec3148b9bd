/// A file's bytes in order, a block at a time: it may be larger than memory.
public enum FileBlocks {
  private static let size = 1 << 20

  public static func read(path: String, _ body: (UnsafeRawBufferPointer) -> Void) throws {
    let file = try ReadableFile(path: path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    defer { buffer.deallocate() }
    for start in stride(from: 0, to: file.size, by: size) {
      let block = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(size, file.size - start)])
      try file.read(into: block, at: start)
      body(UnsafeRawBufferPointer(block))
    }
  }
}
