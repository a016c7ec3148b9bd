import TestSupport
import Testing

@testable import Model

/// Chat templates against jinja2 with transformers' settings: `Scripts/reference/chat/templates.py`.
@Suite struct ChatTemplateTests {
  struct Reference: Decodable {
    struct Message: Decodable {
      var role, content: String
    }

    struct Case: Decodable {
      var name, template, conversation: String
      var tokens: [String: String]?
      /// Missing where it is an error.
      var text: String?
      /// What `raise_exception` says.
      var refusal: String?
    }

    var date: String
    var tokens: [String: String]
    var conversations: [String: [Message]]
    var cases: [Case]

    func text(of item: Case) throws -> String {
      let messages = try (conversations[item.conversation] ?? []).map {
        ChatMessage(try #require(ChatMessage.Role(rawValue: $0.role)), $0.content)
      }
      return try ChatTemplate(item.template, tokens: item.tokens ?? tokens).text(
        of: messages, date: try #require(ChatDate(date)), isDateGiven: false)
    }
  }

  @Test func equalsJinja2() throws {
    let reference: Reference = try Fixtures.json("chat-templates.json")
    #expect(reference.cases.count > 400)
    for item in reference.cases {
      do {
        let text = try reference.text(of: item)
        #expect(
          item.text.map { Array($0.utf8) } == Array(text.utf8),
          "\(item.name): \(text.debugDescription) instead of \(item.text.debugDescription)")
      } catch let error as ModelError {
        #expect(item.text == nil, "\(item.name): \(error.message)")
        if let refusal = item.refusal {
          #expect(error.message == "the model's chat template refuses this: '\(refusal)'")
        } else {
          #expect(error.message.contains("line "), "\(item.name): \(error.message)")
        }
      }
    }
  }

  private func message(_ template: String) -> String {
    do {
      return try ChatTemplate(template, tokens: [:]).text(
        of: [ChatMessage(.user, "a")], date: try #require(ChatDate("2026-11-08")),
        isDateGiven: false)
    } catch let error as ModelError {
      return error.message
    } catch {
      return "\(error)"
    }
  }

  @Test(arguments: [
    (
      "a\n{% include 'x' %}",
      "line 2 of the model's chat template: the tag `include` is not supported"
    ),
    (
      "{{ 1 }}\n\n{{ 'a' | urlize }}",
      "line 3 of the model's chat template: the filter `urlize` is not supported"
    ),
    ("{{ 'a'.zfill(3) }}", "the method `zfill` of a text is not supported"),
    ("{{ cycler(1) }}", "the function `cycler` is not supported"),
    ("{% for x in [] recursive %}{% endfor %}", "`recursive` is not supported"),
    ("{{ 'a' is escaped }}", "the test `escaped` is not supported"),
    ("{{ strftime_now('%U') }}", "the date format '%U' is not supported"),
    ("{{ f(*x) }}", "`*` before an argument is not supported"),
    ("{{ ('a' | safe) + 'b' }}", "'+' cannot join a text and a text"),
    ("{{ 9223372036854775807 + 1 }}", "a whole number is too large"),
    ("{{ -9223372036854775807 - 2 }}", "a whole number is too large"),
    ("{{ 9223372036854775807 * 2 }}", "a whole number is too large"),
    ("{{ 10 ** 30 }}", "a whole number is too large"),
    ("{{ 99999999999999999999 }}", "is too large"),
    ("{{ 'a' * 9223372036854775807 }}", "a text of more than"),
    ("{{ [0] * 9223372036854775807 }}", "too many steps"),
    ("{{ range(-9223372036854775807, 9223372036854775807) }}", "a range of more than"),
    (
      "{% for x in range(100000) %}{% for y in range(100000) %}{% endfor %}{% endfor %}",
      "too many steps"
    ),
    ("{% for x in range(100000) %}{{ 'a' * 1000 }}{% endfor %}", "a text of more than"),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "calls are nested too deeply"),
    (
      "{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = [ns.x] %}{% endfor %}",
      "values are nested too deeply"
    ),
    (
      "{% set ns = namespace(x=[]) %}{% for i in range(1000) %}{% set ns.x = ns.x | map('upper') %}{% endfor %}",
      "values are nested too deeply"
    ),
    (
      "{% set ns = namespace() %}{% set ns.x = ns %}",
      "a namespace in a list or a dictionary is not supported"
    ),
    (
      "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x == ns.x }}",
      "too many steps"
    ),
  ])
  func refuses(template: String, wanted: String) {
    let found = message(template)
    #expect(
      found.contains(wanted) || wanted.hasPrefix("'+'") && found.contains("cannot join"),
      "\(template): \(found)")
  }

  @Test func nestingIsBounded() {
    for (open, close) in [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("1 if x else ", "1")] {
      for depth in [20, 10_000] {
        let text = String(repeating: open, count: depth)
        let found = message(
          "{{ \(text)1\(String(repeating: close, count: open == "1 if x else " ? 0 : depth)) }}")
        #expect(
          found.contains("nested too deeply") == (depth > 20),
          "\(open) \(depth): \(found.prefix(200))")
      }
    }
    let blocks = String(repeating: "{% if 1 %}", count: 5000)
    #expect(
      message(blocks + String(repeating: "{% endif %}", count: 5000)).contains("nested too deeply"))
    // One level however long.
    for sign in ["+", "~", "and", "=="] {
      let text = Array(repeating: "1", count: 5000).joined(separator: " \(sign) ")
      #expect(!message("{{ \(text) }}").contains("line"))
    }
  }

  @Test func dates() throws {
    for text in [
      "2026-02-29", "2026-13-01", "2026-1-1", "26 Jul 2024", "", "2026-04-31", "0999-01-01",
    ] {
      #expect(ChatDate(text) == nil)
    }
    let template = "{{ date_string }}|{{ strftime_now('%A %j %b') }}"
    func text(_ date: String, isGiven: Bool) throws -> String {
      try ChatTemplate(template, tokens: [:]).text(
        of: [], date: try #require(ChatDate(date)), isDateGiven: isGiven)
    }
    #expect(try text("2024-02-29", isGiven: true) == "29 Feb 2024|Thursday 060 Feb")
    #expect(try text("2000-12-31", isGiven: false) == "|Sunday 366 Dec")
  }

  @Test func whereTemplatesAre() throws {
    func metadata(_ values: [(String, MetadataValue)]) -> ChatTemplates {
      var metadata = Metadata()
      for (key, value) in values { _ = metadata.add(key, value) }
      return ChatTemplates(metadata: metadata, tokens: [:])
    }
    func text(_ templates: ChatTemplates) throws -> String {
      try templates.template().text(
        of: [], date: try #require(ChatDate("2026-11-08")), isDateGiven: false)
    }
    let key = "tokenizer.chat_template"
    #expect(try text(metadata([(key, .string("a")), (key + ".tool_use", .string("b"))])) == "a")
    for (values, wanted) in [
      ([], "this model has no chat template"), ([(key, .bool(true))], "is not a text"),
      ([(key + ".rag", .string("b"))], "none called 'default': 'rag'"),
    ] as [([(String, MetadataValue)], String)] {
      let error = try #require(throws: ModelError.self) { try text(metadata(values)) }
      #expect(error.message.contains(wanted))
    }
  }
}
