import TestSupport
import Testing

@testable import Model
@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Prompts of conversations. What templates give is tested in `ChatTemplateTests`.
@Suite final class ChatTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.copyItem(atPath: Fixtures.path("tiny-gqa"), toPath: folder.path)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  private static let simple =
    "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content | trim }}\n{% endfor %}"
    + "assistant: "

  private func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: folder.appending(path: name))
  }

  private func run(
    _ line: String, template: String? = simple, environment: [String: String] = [:]
  ) throws -> (status: Runtime.ExitStatus, output: String, messages: String) {
    if let template { try write("chat_template.jinja", template) }
    try write("tokenizer_config.json", #"{"bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}"#)
    let session = Session(host: TestHost(format: .tsv, environment: environment))
    return session.running("load \"\(folder.path)\" as tiny\n\(line)")
  }

  /// The text of the first prompt of a line.
  private func text(_ line: String, template: String = simple, environment: [String: String] = [:])
    throws -> String
  {
    try chat(line, template: template, environment: environment)["text"]?.string ?? ""
  }

  private func chat(_ line: String, template: String = simple, environment: [String: String] = [:])
    throws -> JSON
  {
    let path = folder.appending(path: "out.json").path
    let result = try run(
      "\(line) | save \"\(path)\"", template: template, environment: environment)
    try #require(result.status == .done, "\(line): \(result.messages)")
    return try #require(try JSON.read(path: path)["provenance"]?["prompts"]?.array?.first)
  }

  @Test(arguments: [
    (#"chat " Hi ""#, "<|im_start|>user: Hi\nassistant: "),
    (#"chat "Hi" system "Be brief.""#, "<|im_start|>system: Be brief.\nuser: Hi\nassistant: "),
    (#"chat "a", "b", "c""#, "<|im_start|>user: a\nassistant: b\nuser: c\nassistant: "),
    (#"chat ["a", "b", "c"]"#, "<|im_start|>user: a\nassistant: b\nuser: c\nassistant: "),
    (
      #"let turns = ["a", "b", "c"]; chat turns"#,
      "<|im_start|>user: a\nassistant: b\nuser: c\nassistant: "
    ),
    (
      #"let w = "x{y}"; chat "a \(w) {{b}} {place:in Rome}""#,
      "<|im_start|>user: a x{y} {b} in Rome\nassistant: "
    ),
  ])
  func texts(line: String, wanted: String) throws {
    #expect(try text(line) == wanted)
  }

  /// One BOS, which the template writes; spans where their words are, whatever was trimmed.
  @Test func tokensAndSpans() throws {
    let line =
      #"chat "  {where:The sky} is over {town:Rome} " system "{mood: Calm.}" | tokens | show as json"#
    let result = try run(line)
    try #require(result.status == .done, "\(result.messages)")
    let rows = try #require(try JSON(Array(result.output.utf8), source: "output").array)
    #expect(rows.count { $0["token"]?.string == "<|im_start|>" } == 1)
    #expect(rows[0]["token"]?.string == "<|im_start|>" && rows[0]["span"]?.string == "bos")
    for (span, wanted) in [("where", "The sky"), ("town", "Rome"), ("mood", "Calm.")] {
      let tokens = rows.filter { $0["span"]?.string == span }.compactMap { $0["token"]?.string }
      #expect(tokens.joined().trimmingPrefix(" ") == wanted, "\(span): \(tokens)")
    }
  }

  @Test func theLastTurnIsContinued() throws {
    let result = try run(#"chat "The sky" -> "b" vs "c" | rank"#)
    #expect(result.status == .done && result.output.contains("b"), "\(result.messages)")
  }

  @Test(arguments: [
    (#"chat "a""#, nil as String?, "this model has no chat template"),
    (
      #"chat "a""#, "{{ raise_exception('no ' ~ messages[0].role) }}",
      "the model's chat template refuses this: 'no user'"
    ),
    (
      #"chat "a""#, "\n{% include 'b' %}",
      "line 2 of the model's chat template: the tag `include` is not supported"
    ),
    (#"chat "a", "b""#, simple, "the last turn is the assistant's"),
    (#"chat []"#, simple, "this list is empty"), (#"chat 3"#, simple, "expected text"),
    (#"chat "{x}""#, simple, "stands for a column"),
    (#"chat "a" date "tomorrow""#, simple, "expected a day such as"),
    (#"chat "a" date "2026-02-30""#, simple, "expected a day such as"),
    (#"chat "a" vs "b""#, simple, "foils need an answer"),
    (
      #"chat "a {b:c}""#, "{{ messages[0].content | upper }}{{ messages[0].content | length }}",
      "changes the text of a span"
    ),
    (#"chat "a {b:c}""#, "x", "does not write the span 'b'"),
    (#"chat "a {b:c}""#, "{{ messages[0].content * 2 }}", "writes the span 'b' more than once"),
    (#"chat "a {b: } c""#, simple, "covers no token"), (#"chat """#, "", "the prompt is empty"),
    (#"facts "facts.tsv" "{subject} is" system "x""#, simple, "`system` goes with `chat`"),
  ])
  func errors(line: String, template: String?, wanted: String) throws {
    try write("facts.tsv", "subject\tanswer\nsky\ta\n")
    let line = line.replacingOccurrences(of: "facts.tsv", with: folder.path + "/facts.tsv")
    let result = try run(line + " | tokens", template: template)
    #expect(result.status != .done)
    #expect(result.messages.contains(wanted), "\(line): \(result.messages)")
  }

  @Test func days() throws {
    let template = "{{ strftime_now('%d %b %Y') }}|{{ date_string }}"
    #expect(
      try text(#"chat "a" date "2024-07-26""#, template: template) == "26 Jul 2024|26 Jul 2024")
    let epoch = ["SOURCE_DATE_EPOCH": "86400"]
    #expect(try text(#"chat "a""#, template: template, environment: epoch) == "02 Jan 1970|")
    let chat = try #require(try chat(#"chat "a" system "s""#, environment: epoch)["chat"])
    #expect(chat["date"]?.string == "1970-01-02")
    #expect(chat["messages"]?.array?.compactMap { $0["role"]?.string } == ["system", "user"])
    let wrong = try run(#"chat "a" | tokens"#, environment: ["SOURCE_DATE_EPOCH": "x"])
    #expect(wrong.messages.contains("SOURCE_DATE_EPOCH is 'x'"))
    // Today is a day.
    #expect(try text(#"chat "a""#, template: "{{ strftime_now('%Y') }}").hasPrefix("2"))
  }

  /// Facts as what the user says: spans of their columns, and answers without a space where the template
  /// leaves one.
  @Test func factsThroughTheTemplate() throws {
    try write("facts.tsv", "subject\tanswer\nThe sky\ta\nThe sea\tb\n")
    let line = #"facts "\#(folder.path)/facts.tsv" "{subject} is" chat system "Say it.""#
    #expect(try text(line) == "<|im_start|>system: Say it.\nuser: The sky is\nassistant: ")
    let result = try run(line + " | tokens | where span == \"subject\" | group by prompt")
    #expect(
      result.status == .done && result.output.contains("\"The sea is\"\t"), "\(result.messages)")
    #expect(!result.messages.contains("leading space"))
  }

  /// `with` puts the conversation through the other model's template.
  @Test func withAnotherModel() throws {
    try write("chat_template.jinja", "[{{ messages[0].content }}]")
    let other = folder.deletingLastPathComponent().appending(path: UUID().uuidString)
    try FileManager.default.copyItem(at: folder, to: other)
    defer { try? FileManager.default.removeItem(at: other) }
    let result = try run(
      """
      let asked = chat "{a:The sky}"
      load "\(other.path)" as other
      asked | with other | tokens | take 1
      """)
    #expect(
      result.status == .done && result.output.contains("\"[\"\t"),
      "\(result.output)\(result.messages)")
  }

  /// The default model's template, on real weights.
  @Test func smolLM2() throws {
    let session = try documentedSession(format: .tsv)
    let found = session.running(
      #"chat "Where is {x:the Colosseum}?" -> "The" | tokens | group by span, token_id"#
    )
    #expect(found.status == .done, "\(found.messages)")
    // Turns open with <|im_start|> (1), which is BOS, and close with <|im_end|> (2).
    #expect(
      found.output.contains("\"bos\"\t1\t1\n") && found.output.contains("\t2\t2\n"),
      "\(found.output)")
  }
}
