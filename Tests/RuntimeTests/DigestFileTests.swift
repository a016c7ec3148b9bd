import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A folder that is removed with its last owner.
private final class TemporaryFolder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// A file large enough to be worth remembering; its path.
  func file(of byte: UInt8, _ name: String = "model") throws -> String {
    try Data(repeating: byte, count: 8 << 20).write(to: URL(filePath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }
}

/// Digests that are remembered are those of the content at hand, whatever happens to the files.
@Suite struct DigestFileTests {
  /// Later than anything that the tests write.
  private var later: Int { Int(time(nil)) + 60 }

  @Test func isThatOfTheContent() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file(of: 1)
    let memory = DigestFile(path: folder.path + "/cache/digests")
    let file = try ReadableFile(path: path)
    let digest = try file.digest(memory: memory)
    #expect(file.rememberedDigest(memory) == nil, "the file was written to just now")
    #expect(try file.digest(memory: memory, now: later) == digest)
    let again = try ReadableFile(path: path)
    #expect(again.rememberedDigest(DigestFile(path: memory.path)) == digest)

    // Another file in its place; what was opened is what it was.
    #expect(rename(try folder.file(of: 2, "new"), path) == 0)
    #expect(try ReadableFile(path: path).rememberedDigest(memory) == nil)
    // It lost its only name, by which its last change is new.
    #expect(try file.rememberedDigest(memory) == nil && file.digest() == digest)
  }

  @Test func overwrittenInPlaceWithItsTimeSetBack() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file(of: 1)
    let memory = DigestFile(path: folder.path + "/digests")
    let digest = try ReadableFile(path: path).digest(memory: memory, now: later)
    #expect(try ReadableFile(path: path).rememberedDigest(memory) == digest)
    let written = try FileManager.default.attributesOfItem(atPath: path)[.modificationDate]
    // A step of the clock that files' times are of.
    usleep(20_000)
    let handle = try #require(fopen(path, "r+"))
    fputc(7, handle)
    fclose(handle)
    try FileManager.default.setAttributes(
      [.modificationDate: written as Any], ofItemAtPath: path)
    #expect(try ReadableFile(path: path).rememberedDigest(memory) == nil)
  }

  /// What changes while it is read, or while it is looked up, is not remembered and not recalled.
  @Test func changedMeanwhile() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file(of: 1)
    let memory = DigestFile(path: folder.path + "/digests")
    let file = try ReadableFile(path: path)
    _ = try file.digest(memory: memory, now: later) { _ in chmod(path, 0o600) }
    #expect(file.rememberedDigest(memory) == nil)
    #expect(file.rememberedDigest(MemoryThat { chmod(path, 0o640) }) == nil)
    #expect(file.rememberedDigest(MemoryThat {}) == "a digest")
  }

  private struct MemoryThat: DigestMemory {
    let does: () -> Void

    init(does: @escaping () -> Void) { self.does = does }

    func digest(of stamp: FileStamp) -> String? {
      usleep(20_000)
      does()
      return "a digest"
    }

    func remember(_ digest: String, of stamp: FileStamp) {}
  }

  @Test func filesThatAreDamagedOrFull() throws {
    let folder = try TemporaryFolder()
    let file = try ReadableFile(path: try folder.file(of: 1))
    let memory = DigestFile(path: folder.path + "/digests")
    let digest = try file.digest(memory: memory, now: later)
    let line = try String(contentsOfFile: memory.path, encoding: .utf8)
    let damaged: [String] = [
      String(line.dropLast(10)), line.replacing(digest, with: "nothing"), "\n \n", "",
    ]
    for text in damaged {
      try text.write(toFile: memory.path, atomically: true, encoding: .utf8)
      #expect(file.rememberedDigest(memory) == nil)
    }
    let others = (0..<900).map { "1 \($0) 2 3.4 5.6 \(digest)\n" }.joined()
    try others.write(toFile: memory.path, atomically: true, encoding: .utf8)
    _ = try file.digest(memory: memory, now: later)
    #expect(file.rememberedDigest(memory) == digest)
    #expect(
      try String(contentsOfFile: memory.path, encoding: .utf8).split(separator: "\n").count == 500)
    // A folder that cannot be made is not an error.
    let nowhere = DigestFile(path: memory.path + "/digests")
    #expect(try file.digest(memory: nowhere, now: later) == digest)
  }
}
