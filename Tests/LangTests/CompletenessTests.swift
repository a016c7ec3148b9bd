import Testing

@testable import Lang

struct CompletenessTests {
  @Test(arguments: [
    "", "# a", "a", "a | b", "a;", "let x = 3", "if a { b }", "def f() { }", "f \"(\"", "a # (",
    "!ls (", "!ls `", "`a b`", "(a)\n", "if a { b } else { c }",
  ])
  func complete(_ text: String) {
    #expect(completeness(of: source(text)) == .complete)
  }

  @Test(arguments: [
    ("a |", 2, "`|` waits for a value"),
    ("a | # why\n", 2, "`|` waits for a value"),
    ("a\n  | b |\n", 2, "`|` waits for a value"),
    ("(", 2, "the bracket `(` is open"),
    ("f (a |", 2, "the bracket `(` is open"),
    ("f ([", 4, "the bracket `[` is open"),
    ("f(1,", 2, "the bracket `(` is open"),
    ("def f(", 2, "the bracket `(` is open"),
    ("def f() {", 2, "the block `{` is open"),
    ("def f() {\n  if a {\n  b\n", 4, "the block `{` is open"),
    ("if a { b } else {", 2, "the block `{` is open"),
    ("x@{1,", 2, "the block `{` is open"),
    ("1 +", 2, "`+` waits for a value"),
    ("where a and", 2, "`and` waits for a value"),
    ("where not", 2, "`not` waits for a value"),
    ("f a,", 2, "`,` waits for a value"),
    ("let x =", 2, "`=` waits for a value"),
    ("f x =", 2, "`=` waits for a value"),
    ("for x in", 2, "`in` waits for a value"),
    ("prompt \"x\" ->", 2, "`->` waits for what `->` leads to"),
    ("1..", 2, "`..` waits for a value"),
  ])
  func incomplete(_ text: String, _ indentation: Int, _ why: String) {
    #expect(
      completeness(of: source(text)) == .incomplete(why: why, indentation: indentation))
  }

  @Test(arguments: [
    "\"abc", "'abc", "(\"abc", "f (a))", "a = 3", "a || |", "let", "let x", "if a", "| a", "a | |",
    "if a = 3 {", "(a; b", "x@", "\"\\(a", "else {", "f (12abc", "a\u{0} |",
  ])
  func invalid(_ text: String) {
    #expect(completeness(of: source(text)) == .invalid)
  }

  @Test func notUTF8IsInvalid() {
    #expect(completeness(of: SourceText(name: "test", bytes: [0x28, 0xFF])) == .invalid)
  }
}
