import Foundation
import TestSupport
import Testing

@testable import Model
@testable import Runtime

/// What `load` says of a model whose configuration is unusual, and what longer prompts cost.
@Suite struct LoadNotesTests {
  /// The folder of a tiny model with text of its config.json replaced.
  private static func folder(_ change: (String) -> String) throws -> URL {
    let source = Fixtures.folder.appending(path: "families/llama3")
    let folder = FileManager.default.temporaryDirectory.appending(path: "summand-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for file in ["model.safetensors", "tokenizer.json"] {
      try FileManager.default.copyItem(
        at: source.appending(path: file), to: folder.appending(path: file))
    }
    let config = try String(
      decoding: Data(contentsOf: source.appending(path: "config.json")), as: UTF8.self)
    try Data(change(config).utf8).write(to: folder.appending(path: "config.json"))
    return folder
  }

  private static let untied = "\"tie_word_embeddings\": false"

  @Test func unknownKeysAreNamedOnce() throws {
    let folder = try Self.folder {
      $0.replacing(Self.untied, with: Self.untied + ", \"logit_scale\": 2.0, \"odd\\u001b[2J\": 1")
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    let session = Session(host: TestHost(format: .tsv))
    let loaded = session.running("load \"\(folder.path)\" as odd")
    #expect(loaded.status == .done)
    #expect(loaded.messages.contains("ignores them: \"logit_scale\", \"odd\\u{1B}[2J\""))
    #expect(!session.running("prompt \"ab\" | logits | top 1").messages.contains("logit_scale"))
    let verified = session.running("verify")
    #expect(verified.output.contains("unknown and ignored") && verified.output.contains("odd"))
    #expect(verified.status == .done, "unknown is not wrong")
  }

  @Test func aHeadOfTheFilesOwnIsNamed() throws {
    let folder = try Self.folder {
      $0.replacing(Self.untied, with: "\"tie_word_embeddings\": true")
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    let session = Session(host: TestHost(format: .tsv))
    let loaded = session.running("load \"\(folder.path)\" as tied")
    #expect(loaded.status == .done && loaded.messages.contains("the file has another unembedding"))
    let verified = session.running("verify")
    #expect(verified.status == .done && verified.output.contains("own unembedding is used"))
  }

  @Test func longPromptsAreWarnedOf() throws {
    let session = try PipedSession(tiny: "tiny-gqa").session
    let tokens = (0..<70).map { "\($0)" }.joined(separator: ", ")
    let found = session.running(
      "prompt [\(tokens)] | logits | top 1; prompt [\(tokens)] | logits | top 2")
    #expect(found.status == .done)
    #expect(found.messages.components(separatedBy: "70 tokens are more than the 64").count == 2)
    let generated = session.running("prompt [1, 2] | generate 70")
    #expect(generated.status == .done)
    #expect(generated.messages.contains("72 tokens are more than the 64"))
    #expect(session.running("prompt [1, 2] | generate 60").messages.contains("tokens are") == false)
    let learned = try PipedSession(tiny: "families/gpt2").session
    #expect(learned.running("prompt [\(tokens)] | logits | top 1").status == .failed)
  }
}
