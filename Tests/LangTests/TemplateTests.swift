import Testing

@testable import Lang

struct TemplateTests {
  private func dump(_ segments: [Template.Segment]) -> String {
    segments.map { segment in
      switch segment {
      case .text(let text): Printer.quote(text)
      case .field(let name): "<\(name.text)>"
      case .span(let name, let inner): "\(name.text)(\(dump(inner)))"
      }
    }.joined(separator: " ")
  }

  @Test(arguments: [
    ("", ""),
    ("plain text", #""plain text""#),
    (
      "Fact: {subject:The Colosseum} {relation:is in}",
      #""Fact: " subject("The Colosseum") " " relation("is in")"#
    ),
    ("Fact: {subject}{relation: is}", #""Fact: " <subject> relation(" is")"#),
    ("{{}} {{a}}", #""{} {a}""#),
    ("{subject:The {place}}", #"subject("The " <place>)"#),
    ("{a:{b}{c}}", "a(<b> <c>)"),
    ("{a:{b}}}}", #"a(<b> "}")"#),
    ("{a:x}}y}", #"a("x}y")"#),
    ("{a:b: c}", #"a("b: c")"#),
    ("{größe_1:é}", #"größe_1("é")"#),
  ])
  func parses(_ text: String, _ expected: String) throws {
    #expect(dump(try Template.parse(text).segments) == expected)
  }

  @Test(arguments: [
    ("a ▶{◀b", "this `{` is not closed"),
    ("a ▶{◀b:c", "this `{` is not closed"),
    ("▶{◀a:x}}", "this `{` is not closed"),
    ("a ▶}◀ b", "there is no `{` for this `}`"),
    ("a ▶{◀}", "a name is missing after `{`"),
    ("a ▶{◀:x}", "a name is missing after `{`"),
    ("▶{a:}◀", "the span `a` is empty"),
    ("{▶a b◀}", "`a b` cannot name a span or a column"),
    ("{▶1a◀:x}", "`1a` cannot name a span or a column"),
    ("{▶a-b◀}", "`a-b` cannot name a span or a column"),
    ("{a▶{◀b}}", "there is a `{` within a name"),
    ("{a:b ▶{◀c:d}}", "a span cannot contain another span"),
  ])
  func refuses(_ marked: String, _ message: String) {
    let marked = MarkedSource(marked)
    let error = #expect(throws: Diagnostic.self) { try Template.parse(marked.source.text) }
    #expect(error?.message == message)
    #expect(error?.span == marked.spans.first)
  }

  @Test func errorsPointIntoTheSourceOfTheLiteral() throws {
    let marked = MarkedSource(#"prompt "é\n\u{e9} {▶a b◀:x}""#)
    guard case .pipeline(let pipeline)? = parse(marked.source).script.statements.first?.kind,
      case .command(_, let arguments)? = pipeline.stages.first?.kind,
      case .value(let value)? = arguments.first?.kind, case .string(let literal) = value.kind,
      case .text(let text, let offsets)? = literal.pieces.first
    else {
      Issue.record("not a command with a string")
      return
    }
    #expect(offsets.count == text.utf8.count)
    let error = #expect(throws: Diagnostic.self) { try Template.parse(text, offsets: offsets) }
    #expect(error?.span == marked.spans.first)
  }

  @Test func bracesOfAValueMeanNothing() throws {
    let template = try Template.parse([
      .text("{a:x", offsets: [1, 2, 3, 4]), .value("}{b}", SourceSpan(5, 9)),
      .text("}", offsets: [9]),
    ])
    #expect(dump(template.segments) == #"a("x}{b}")"#)
  }

  @Test func fieldsAreListedOnce() throws {
    let template = try Template.parse("{b} {a:x {c} {b}} {a}")
    #expect(template.fields == ["b", "c", "a"])
  }

  @Test func deepNestingDoesNotCrash() {
    let text = String(repeating: "{a:", count: 100_000)
    #expect(throws: Diagnostic.self) { try Template.parse(text) }
  }
}
