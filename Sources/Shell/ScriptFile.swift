import Lang
import Runtime

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// Reads the text that is to be run, as it is: the parser says where it is not UTF-8.
enum ScriptFile {
  /// Larger files are not scripts but data that was named by mistake.
  static let sizeLimit = 64 << 20

  static func standardInput() throws -> SourceText {
    try text(of: STDIN_FILENO, name: "standard input")
  }

  /// `-` is standard input.
  static func named(_ name: String) throws -> SourceText {
    name == "-" ? try standardInput() : try file(name)
  }

  static func file(_ path: String) throws -> SourceText {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw unreadable(path, systemMessage(errno))
    }
    defer { close(descriptor) }
    return try text(of: descriptor, name: path)
  }

  private static func text(of descriptor: Int32, name: String) throws -> SourceText {
    if isModel(descriptor, name: name) {
      throw Failure(
        "\(name) is a model, not a script", help: "to open it: summand --model \(name)",
        status: .usage)
    }
    let bytes: [UInt8]
    do {
      bytes = try readAll(descriptor, limit: sizeLimit)
    } catch {
      throw unreadable(name, error.message)
    }
    return SourceText(name: name, bytes: bytes)
  }

  private static func isModel(_ descriptor: Int32, name: String) -> Bool {
    var magic: UInt32 = 0
    let count = pread(descriptor, &magic, 4, 0)
    return count == 4 && UInt32(littleEndian: magic) == 0x4655_4747  // "GGUF"
      || name.hasSuffix(".safetensors")
  }

  private static func unreadable(_ name: String, _ reason: String) -> Failure {
    Failure("cannot read the script \(name): \(reason)", status: .unreadable)
  }
}
