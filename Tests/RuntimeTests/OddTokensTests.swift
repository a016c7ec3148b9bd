import TestSupport
import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A tokenizer that has more tokens than its model, or whose files say different things.
@Suite final class OddTokensTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    let tiny = Fixtures.path("tiny-gqa")
    try FileManager.default.copyItem(atPath: tiny, toPath: folder.path)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  private func run(_ line: String) -> (status: Runtime.ExitStatus, output: String, messages: String)
  {
    Session(host: TestHost()).running("load \"\(folder.path)\" as odd\n\(line)")
  }

  /// Token 320 is of the tokenizer alone.
  @Test(arguments: [
    #"prompt "The sky<extra>" | logits"#, "prompt [1, 320] | rank", "prompt [320] | generate 2",
    #"prompt "The sky" -> "<extra>" | rank"#, #"prompt "The sky" -> "a" vs "<extra>" | logit_diff"#,
    #"prompt "The sky" -> first "<extra> and" | rank"#,
    #"prompt "The sky" -> "a" | dla on "<extra>""#, #"prompt "The sky" -> "a" | dla on 320"#,
    #"prompt "The sky" -> "a" | dla on "b", "<extra>" mean"#,
    #"["The sky" , "The <extra>"] | lens"#, #""<extra>" | tokens"#,
  ])
  func beyondTheEmbedding(line: String) throws {
    try write("added_tokens.json", #"{"<extra>": 320}"#)
    let result = run(line)
    #expect(result.status == .failed, "\(result.output)")
    #expect(
      result.messages.contains("there is no token 320: this model has 0 to 319"),
      "\(result.messages)")
  }

  @Test func factsBeyondTheEmbedding() throws {
    try write("added_tokens.json", #"{" <extra>": 320}"#)
    try write("facts.tsv", "subject\tanswer\nsky\t <extra>\n")
    let result = run(
      #"facts "\#(folder.appending(path: "facts.tsv").path)" "The {subject} is" | rank"#)
    #expect(result.status == .failed)
    #expect(result.messages.contains("there is no token 320"), "\(result.messages)")
  }

  @Test func loadSaysWhichFileItFollowed() throws {
    try write("tokenizer_config.json", #"{"add_bos_token": true, "bos_token": "<|im_start|>"}"#)
    let result = run(#"prompt "The sky" | tokens"#)
    #expect(result.status == .done)
    #expect(result.messages.contains("says add_bos_token true"), "\(result.messages)")
    #expect(!result.output.contains("im_start"))
  }

  @Test(arguments: [
    (["tokenizer.model"], "it has tokenizer.model"),
    (["vocab.json", "merges.txt"], "it has vocab.json and merges.txt"),
    (["vocab.json"], "it has vocab.json, without merges.txt"), ([], "has no tokenizer.json"),
  ])
  func aFolderWithoutItsTokenizer(files: [String], message: String) throws {
    try FileManager.default.removeItem(at: folder.appending(path: "tokenizer.json"))
    for name in files { try write(name, "{}") }
    let result = run("model")
    #expect(result.status == .unreadable)
    #expect(result.messages.contains(message), "\(result.messages)")
    #expect(result.messages.contains("save_pretrained") == !files.isEmpty)
  }
}
