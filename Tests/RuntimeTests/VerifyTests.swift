import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// `verify` finds what is whole whole, and what is broken broken.
@Suite struct VerifyTests {
  private static let fixtures = Fixtures.folder

  @Test(arguments: [
    "tiny-gqa", "tiny-gqa.Q8_0.gguf", "tiny-gqa.Q4_1.gguf", "tiny-mha", "tiny-q6k.gguf",
  ])
  func wholeModels(name: String) throws {
    let (table, messages) = try PipedSession(tiny: name).run("verify")
    #expect(table.columnNames == ["check", "result", "gap", "tolerance", "ok"])
    #expect(
      try table.texts("check") == [
        "checksum", "configuration", "weights", "tokenizer", "naive run", "f64 run", "sum check",
        "recorded logits",
      ])
    #expect(try table.texts("ok") == ["", "true", "true", "true", "true", "true", "true", ""])
    #expect(try table.numbers("gap")[4] == 0)
    #expect(messages.contains("verify: the largest gap is"))
  }

  /// Of the default model, whose file's sum and some logits are known.
  @Test func recordedLogits() throws {
    let records = RecordedLogits.all
    let reference: Recorded = try Fixtures.json("smollm2.json")
    try #require(records.count == reference.prompts.count)
    for (record, prompt) in zip(records, reference.prompts) {
      let top = try #require(prompt.top.last)
      #expect(record.tokens == prompt.tokens && top.position == prompt.tokens.count - 1)
      #expect(record.largest.map(\.token) == top.ids)
      #expect(record.largest.map(\.logit) == top.logits)
      let packaged = try #require(PackagedModel.named("smollm2"))
      #expect(record.file == packaged.file && record.bytes == packaged.bytes)
      #expect(RecordedLogits.of(file: "/a/" + record.file, bytes: record.bytes).count == 2)
      #expect(RecordedLogits.of(file: "/a/" + record.file, bytes: record.bytes + 1).isEmpty)
    }
  }

  private struct Recorded: Decodable {
    struct Prompt: Decodable {
      struct Top: Decodable {
        var position: Int
        var ids: [Int]
        var logits: [Double]
      }
      var tokens: [Int]
      var top: [Top]
    }
    var prompts: [Prompt]
  }

  // MARK: - Broken files

  /// The file that was loaded is replaced by one with another weight: what runs is not what is there.
  @Test func aFileThatIsNotWhatWasLoaded() throws {
    try withCopy(of: "tiny-gqa.F32.gguf") { session, file in
      let result = session.running("load \"\(file)\"")
      try #require(result.status == .done, "\(result.messages)")
      try Self.replace(file) { bytes, tensor in
        // The largest weight of a norm, a fifth larger.
        let at = tensor("blk.1.ffn_norm.weight")
        Self.store(Self.load(bytes, at) * 1.2, in: &bytes, at)
      }
      let verified = session.running("verify")
      #expect(verified.status == .assertion)
      #expect(verified.messages.contains("failed 2 of 8 checks: checksum, f64 run"))
      #expect(verified.output.contains("recorded logits"), "the table is shown all the same")

      // What follows in the line has the table too, and what is kept is there afterwards.
      let kept = session.running("let found = verify")
      #expect(kept.status == .assertion)
      // An empty line parts it from the result before.
      let failed = "\n\"check\"\n\"checksum\"\n\"f64 run\"\n"
      let rows = session.running("found | where ok == false | select check")
      #expect(rows.status == .done && rows.output == failed)
      let chosen = session.running("verify | where ok == false | select check")
      #expect(chosen.status == .assertion && chosen.output == failed)
      #expect(session.running("1 + 1").status == .done, "a failure is forgotten with its statement")
    }
  }

  /// What is saved is the digest of what was loaded, or none.
  @Test func digestsOfReplacedFiles() throws {
    try withCopy(of: "tiny-gqa.F32.gguf") { session, file in
      let digest = "sha256"
      let saved = file + ".json"
      func save() throws -> (text: String, messages: String) {
        let result = session.running("prompt [5, 17, 300] | logits | top 1 | save \"\(saved)\"")
        #expect(result.output.isEmpty)
        try #require(result.status == .done, "\(result.messages)")
        let text = try String(contentsOf: URL(filePath: saved), encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.contains(digest) }
        return (line.map(String.init) ?? "", result.messages)
      }
      try #require(session.running("load \"\(file)\"").status == .done)
      try Self.replace(file) { bytes, tensor in bytes[tensor("blk.1.ffn_norm.weight")] ^= 1 }
      let replaced = try save()
      #expect(replaced.messages.contains("was replaced or removed after it was loaded"))
      let loaded = replaced.text
      try #require(session.running("load \"\(file)\"").status == .done)
      let fresh = try save()
      #expect(fresh.text != loaded && !fresh.messages.contains("replaced"))

      // Written over in place, and the time of writing set back.
      let times = try FileManager.default.attributesOfItem(atPath: file)
      var bytes = [UInt8](try Data(contentsOf: URL(filePath: file)))
      bytes[bytes.count - 4] ^= 1
      try Data(bytes).write(to: URL(filePath: file))
      try FileManager.default.setAttributes(
        [.modificationDate: times[.modificationDate] as Any], ofItemAtPath: file)
      let verified = session.running("verify")
      #expect(verified.status == .assertion)
      #expect(verified.output.contains("was written to after it was opened"), "\(verified.output)")
    }
  }

  /// A file that is moved or gets another name is what it was.
  @Test func whatIsOnlyMovedIsUnchanged() throws {
    try withCopy(of: "tiny-gqa.F32.gguf") { _, path in
      let file = try ReadableFile(path: path)
      let digest = try file.digest()
      #expect(!file.isReplaced)
      try FileManager.default.linkItem(atPath: path, toPath: path + ".link")
      #expect(try file.digest() == digest)
      try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: path)
      #expect(try file.digest() == digest && !file.isReplaced)
      try FileManager.default.removeItem(atPath: path + ".link")
      try FileManager.default.moveItem(atPath: path, toPath: path + ".moved")
      #expect(try file.digest() == digest && file.isReplaced)
    }
  }

  @Test func aWeightThatIsNoNumber() throws {
    try withCopy(of: "tiny-gqa.F32.gguf") { session, file in
      try Self.replace(file) { bytes, tensor in
        Self.store(.nan, in: &bytes, tensor("blk.2.ffn_up.weight") + 4 * 1000)
      }
      let result = session.running("load \"\(file)\"; verify")
      #expect(result.status == .assertion)
      #expect(result.output.contains("tensor 'blk.2.ffn_up.weight'"))
      #expect(
        result.messages.contains("checks: weights, naive run, f64 run, sum check"),
        "\(result.messages)")
    }
  }

  @Test func needsAModel() {
    let result = Session(host: TestHost()).running("verify")
    #expect(result.status == .failed && result.messages.contains("no model is loaded"))
  }

  @Test func aPlanReadsNothing() throws {
    let session = try PipedSession(tiny: "tiny-gqa")
    let plan = try session.table("plan verify")
    #expect(try plan.texts("step") == ["verify"])
    #expect(try plan.numbers("runs") == [4])
  }

  /// - Parameter body: given a session with no model, and the path of the copy.
  private func withCopy(of name: String, _ body: (Session, String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let copy = folder.appending(path: name)
    try FileManager.default.copyItem(at: Self.fixtures.appending(path: name), to: copy)
    try body(Session(host: TestHost(format: .tsv)), copy.path)
  }

  /// Puts a changed file in the place of one, whose own stays open to whoever has it open.
  private static func replace(
    _ path: String, _ change: (inout [UInt8], _ tensor: (String) -> Int) throws -> Void
  ) throws {
    let file = try GGUFFile(path: path)
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    try change(&bytes) { name in file.tensor(named: name)?.offset ?? 0 }
    try Data(bytes).write(to: URL(filePath: path), options: .atomic)
  }

  private static func load(_ bytes: [UInt8], _ offset: Int) -> Float {
    bytes.withUnsafeBytes {
      Float(
        bitPattern: UInt32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
    }
  }

  private static func store(_ value: Float, in bytes: inout [UInt8], _ offset: Int) {
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: value.bitPattern.littleEndian, toByteOffset: offset, as: UInt32.self)
    }
  }
}
