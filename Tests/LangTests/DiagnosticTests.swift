import Testing

@testable import Lang

/// Marked sources: each ▶…◀ is the place of one error, in order.
struct DiagnosticTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var marked: String
    var errors: [(message: String, help: String?)]

    init(_ marked: String, _ message: String, help: String? = nil) {
      self.marked = marked
      errors = [(message, help)]
    }

    init(_ marked: String, all errors: (message: String, help: String?)...) {
      self.marked = marked
      self.errors = errors
    }

    var testDescription: String { marked.debugDescription }
  }

  @Test(arguments: operators + pipelines + brackets + literals + names + statements + foreign)
  func error(_ row: Row) {
    let marked = MarkedSource(row.marked)
    let diagnostics = parse(marked.source).diagnostics
    #expect(diagnostics.map(\.message) == row.errors.map(\.message))
    #expect(diagnostics.map(\.span) == marked.spans)
    for (diagnostic, expected) in zip(diagnostics, row.errors) {
      if let help = expected.help { #expect(diagnostic.help == help) }
    }
  }

  static let operators = [
    Row("where a.b ▶=◀ 3", "`=` does not compare", help: "write `==`"),
    Row("where (a ▶=◀ 3)", "`=` does not compare", help: "write `==`"),
    Row("if a ▶=◀ 3 { b }", "`=` does not compare", help: "write `==`"),
    Row("where a < 3 and b ▶=◀ 2", "`=` does not compare", help: "write `==`"),
    Row("where a ▶&&◀ b", "`&&` is not an operator here", help: "write `and`"),
    Row(
      "where a ▶||◀ b", "`||` is not an operator here",
      help: "write `or`; one `|` separates two stages"),
    Row("where a ▶<>◀ b", "`<>` is not an operator here", help: "write `!=`"),
    Row("where a ▶===◀ b", "`===` is not an operator here", help: "write `==`"),
    Row("where ▶!◀known", "`!` does not negate", help: "write `not`"),
    Row("if ▶!◀known { a }", "`!` does not negate", help: "write `not`"),
    Row("1▶...◀5", "`...` is not an operator here", help: "write `..`; both ends are included"),
    Row("a ▶^◀ 2", "`^` is not an operator here", help: "write `**` for a power"),
    Row("▶**◀ 2", "a value is missing before `**`"),
    Row(
      "let x = ▶if◀ a { 1 }", "an `if` that is a value needs an `else`",
      help: "write if … { … } else { … }, the `else` on the line of the `}`"),
    Row("a ▶|>◀ b", "`|>` is not an operator here", help: "write `|`"),
    Row(
      "a ▶=>◀ b", "`=>` is not an operator here", help: "write `->` for an arrow, `>=` to compare"),
    Row(
      "where a < b ▶<◀ c", "comparisons cannot be chained", help: "write a < b and b < …"),
    Row("1..2▶..◀3", "a range has two ends", help: "write first..last"),
    Row(
      "(a.b ▶-◀1)", "`-` has a space on one side only",
      help: "put a space on both sides or on neither: a - b, a-b"),
    Row("a▶*◀ b", "`*` has a space on one side only"),
    Row("3 ▶/◀2", "`/` has a space on one side only"),
    Row(
      "where a == ▶not◀ b", "`not` is not allowed after this operator",
      help: "put it in parentheses"),
    Row("▶--◀3", "there are two `-`", help: "write -(-x)"),
    Row("f(▶+◀3)", "a number has no `+` before it", help: "omit it"),
    Row("where a and ▶or◀ b", "a value is missing before `or`"),
    Row("1 + ▶*◀ 2", "a value is missing before `*`"),
    Row("1 ▶+◀; b", "a value is missing after `+`"),
    Row("f a ▶->◀", "what `->` leads to is missing after `->`"),
    Row("f a -> ▶|◀ b", "what `->` leads to is missing before `|`"),
  ]

  static let pipelines = [
    Row("▶|◀ a", "there is nothing before this `|`"),
    Row("a | ▶|◀ b", "there is nothing between this `|` and the one before it"),
    Row("a ▶|◀; b", "there is nothing after this `|`"),
    Row("a ▶|◀", "a value is missing after `|`"),
    Row("!a\n▶|◀ b", "nothing can follow a `!` stage"),
    Row("▶!◀", "there is no command after `!`"),
    Row("a | ▶./run◀ b", "a stage cannot begin with a path"),
    Row("x ▶=◀ 3", "`=` is not allowed here"),
    Row("a | ▶let◀ x = 3", "`let` begins a statement and is not allowed inside a pipeline"),
    Row("a▶,◀ b", "`,` is not allowed here", help: "write a list in brackets: [a, b]"),
    Row("a.b ▶c◀", "`c` is not allowed here"),
    Row("f \"a\"▶\"b\"◀", "a space is missing before `\"b\"`"),
    Row(
      "a ▶{◀", "`{` is not allowed here", help: "a block belongs to `if`, `for`, `def` or `report`"),
    Row("a.b ▶(◀c)", "`(` is not allowed here"),
    Row("a.b ▶/c◀", "`/c` is not allowed here"),
    Row("3 ▶--top◀", "`--top` is not allowed here", help: "only a command takes options"),
    Row("f a = b ▶=◀ c", "`=` does not compare"),
    Row("f a, ▶,◀ b", "`,` is not allowed here"),
  ]

  static let brackets = [
    Row("▶(◀a", "this `(` is not closed", help: "put a `)` where it ends"),
    Row("(a ▶[◀1", "this `[` is not closed"),
    Row("a▶)◀", "`)` is not allowed here", help: "no `(` is open"),
    Row("▶}◀", "`}` is not allowed here"),
    Row("▶}◀ a", "`}` is not allowed here"),
    Row("▶()◀", "there is nothing in these parentheses"),
    Row("let x = ▶(◀a | b\nlet y = 3", "this `(` is not closed"),
    Row(
      "f ▶(◀a\n\ndef g() { ▶$◀ }", all: ("this `(` is not closed", nil),
      ("`$` is not allowed here", nil)),
    Row("(a▶;◀ b)", "a statement cannot end inside parentheses"),
    Row("(a▶,◀ b)", "`,` is not allowed here", help: "write a list in brackets: [a, b]"),
    Row("(a▶]◀", "`]` is not allowed here"),
    Row("[a ▶b◀]", "`,` or `]` is missing before `b`"),
    Row("f(a ▶b◀)", "`,` or `)` is missing before `b`"),
    Row(
      "▶(◀a | !sort )", "this `(` is not closed",
      help: "`!` takes the rest of its line: put the `)` on the next line"),
    Row("def f() ▶{◀\n  a", "this `{` is not closed"),
    Row("if a { ▶(◀b }", "this `(` is not closed"),
  ]

  static let literals = [
    Row("let x = ▶\"abc◀\ny", "this string is not closed"),
    Row("let x = ▶'abc◀\ny", "this string is not closed"),
    Row(#"▶"a \(b◀"#, "this string is not closed"),
    Row("▶\"a \\(◀\nb", "this string is not closed"),
    Row(#""a▶\q◀""#, #"`\q` is not an escape"#),
    Row(#""▶\x◀41▶\'◀""#, all: (#"`\x` is not an escape"#, nil), (#"`\'` is not an escape"#, nil)),
    Row(#""▶\u{D800}◀""#, #"`\u{D800}` is not a character"#),
    Row(#""▶\u{}◀""#, #"`\u{}` is not a character"#),
    Row(#""▶\u◀""#, #"the character's number is missing after `\u`"#),
    Row(#""a▶\()◀""#, #"there is nothing in this `\( )`"#),
    Row("▶9223372036854775808◀", "9223372036854775808 is too large a number"),
    Row("▶1e999◀", "1e999 is too large a number"),
    Row("▶1e308GB◀", "1e308GB is too large a number"),
    Row("▶12abc◀", "`12abc` is not a number"),
    Row("▶10gb◀", "`10gb` is not a number", help: "did you mean 10GB?"),
    Row("▶1_000◀", "`1_000` is not a number", help: "write 1000"),
    Row("▶0x1F◀", "`0x1F` is not a number", help: "numbers are decimal here"),
    Row("▶1e◀", "`1e` is not a number", help: "an exponent needs digits: 1e-3"),
    Row("f ▶.5◀", "a number begins with a digit", help: "write 0.5"),
    Row("▶.5◀ + 1", "a number begins with a digit", help: "write 0.5"),
    Row("x.▶5◀", "a name must follow `.`", help: "an item is taken with brackets: x[5]"),
    Row("x▶.◀ y", "a name is missing after `.`"),
    Row("x.▶y◀(3)", "only a name of its own can be called"),
    Row("▶L9h8◀", "`L9h8` is not a component", help: "write L9H8"),
    Row("f ▶L9H8H2◀ + 1", "`L9H8H2` is not a component"),
    Row("▶L7..5◀", "the range of layers 7..5 runs backwards", help: "write 5..7"),
    Row("▶L{}◀", "a layer's number is missing in `L{`"),
    Row("▶L9H{1 2}◀", "the set in `L9H{1 ` is not closed"),
    Row("▶L99999999999999999999◀", "the number of a layer is too large"),
    Row("x▶@◀ last", "a position must follow `@` directly"),
    Row("x@▶1.5◀", "a position is a whole number"),
    Row("x@▶{}◀", "this set of positions is empty"),
    Row("x@▶5..3◀", "this range of positions runs backwards", help: "write @3..5"),
    Row("x@0..▶last◀", "both ends of a range of positions are numbers"),
    Row("x@{a ▶b◀}", "`,` or `}` is missing before `b`"),
    Row("x@{a, ▶{◀b}}", "a set of positions cannot contain a set"),
    Row(#"x@▶"\(a)"◀"#, #"a position's text cannot have `\( )`"#),
  ]

  static let names = [
    Row("let ▶for◀ = 3", "`for` is a word of the language", help: "choose another name: my_for"),
    Row("let ▶true◀ = 3", "`true` is a word of the language"),
    Row("def ▶source◀() { }", "`source` is a word of the language"),
    Row("def f(▶in◀) { }", "`in` is a word of the language"),
    Row("for ▶time◀ in a { }", "`time` is a word of the language"),
    Row("let ▶L9◀ = 3", "`L9` is a component, so it cannot be a name"),
    Row("let ▶_◀ = 3", "`_` is the last result and cannot be assigned"),
    Row("let ▶2nd◀ = 3", "a name cannot begin with a digit", help: "begin it with a letter: n2nd"),
    Row("let ▶top-heads◀ = 3", "a name cannot hold `-`", help: "write top_heads"),
    Row("let ▶\"x\"◀ = 3", "a name is missing before `\"x\"`"),
    Row("def f(a, ▶a◀) { }", "there are two parameters `a`"),
  ]

  static let statements = [
    Row("let x ▶3◀", "`=` is missing before `3`", help: "write `let x = …`"),
    Row("let ▶x◀", "`=` is missing after `x`"),
    Row("let x ▶==◀ 3", "a name is given with `=`", help: "`==` compares"),
    Row("def f ▶{◀ }", "`(` is missing before `{`", help: "write `def f() { … }`"),
    Row("for x ▶of◀ y { }", "`in` is missing before `of`"),
    Row("for x in a ▶b◀ { }", "`{` is missing before `b`"),
    Row("if a ▶|◀ b { }", "a pipeline needs parentheses here"),
    Row("if a\n▶{◀ b }", "this `{` is on a line of its own"),
    Row("if ▶a◀\nb", "`{` is missing after `a`", help: "the block begins on the same line"),
    Row("assert a ▶|◀ b", "a pipeline needs parentheses here"),
    Row("▶else◀ { }", "this `else` belongs to no `if`"),
    Row("if a { b }\n▶else◀ { c }", "this `else` belongs to no `if`"),
    Row("if a { b } ▶c◀", "`c` is not allowed here"),
    Row(
      "a ▶=◀ 3\nlet x = ▶)◀\nb | c\nd | ▶|◀ e",
      all: ("`=` is not allowed here", nil), ("`)` is not allowed here", nil),
      ("there is nothing between this `|` and the one before it", nil)),
    Row(
      "def f() {\n  a ▶=◀ 3\n  b ▶&&◀ c\n}\nlet ▶in◀ = 3",
      all: ("`=` is not allowed here", nil), ("`&&` is not an operator here", nil),
      ("`in` is a word of the language", nil)),
    Row(
      "if a ▶b◀ {\n  c = 3\n}\n▶$◀", all: ("`{` is missing before `b`", nil),
      ("`$` is not allowed here", nil)),
  ]

  static let foreign = [
    Row(
      "let x = ▶“hi”◀", "`“` (U+201C LEFT DOUBLE QUOTATION MARK) does not quote a string",
      help: "write \"hi\""),
    Row(
      "f ▶‘hi’◀", "`‘` (U+2018 LEFT SINGLE QUOTATION MARK) does not quote a string",
      help: "write 'hi'"),
    Row("1 ▶–◀ 2", "`–` (U+2013 EN DASH) is not a sign of the language", help: "write `-`"),
    Row("sort ▶−◀dla", "`−` (U+2212 MINUS SIGN) is not a sign of the language", help: "write `-`"),
    Row(
      "a ▶≤◀ b", "`≤` (U+2264 LESS-THAN OR EQUAL TO) is not a sign of the language",
      help: "write `<=`"
    ),
    Row(
      "a ▶｜◀ b", "`｜` (U+FF5C FULLWIDTH VERTICAL LINE) is not a sign of the language",
      help: "write `|`"),
    Row("top▶\u{A0}◀5", "there is an invisible character here: U+00A0 NO-BREAK SPACE"),
    Row("top ▶\u{200B}◀5", "there is an invisible character here: U+200B ZERO WIDTH SPACE"),
    Row("a▶\u{0}◀", "there is a control character here: U+0000 NULL"),
    Row("a ▶\u{7}◀ b", "there is a control character here: U+0007 BELL"),
    Row("▶$◀ x", "`$` is not allowed here", help: "a variable is $country, or simply country"),
    Row("where ▶`a b == 2◀\nc", "this column's name is not closed"),
    Row("let ▶$a◀ = 3", "a new name has no `$`", help: "write a"),
    Row("def f(▶$a◀) { a }", "a new name has no `$`"),
    Row("for ▶`a`◀ in b { c }", "backticks name a column, not a variable"),
    Row("▶$a◀ = 3", "`$a` is the value of a variable and cannot be assigned"),
    Row("b | derive ▶$a◀ = 3", "`$a` is the value of a variable and cannot be assigned"),
    Row(
      "a | top 3 by ▶|dla|◀", "`|dla|` is not an absolute value",
      help: "write abs(dla); `|` separates the stages of a pipeline"),
    Row(
      "let a = ▶|3|◀", "`|3|` is not an absolute value",
      help: "write abs(3); `|` separates the stages of a pipeline"),
    Row("a | top 3 by (▶|dla|◀)", "`|dla|` is not an absolute value"),
    Row("a | sort ▶|b - c|◀\nd", "`|b - c|` is not an absolute value"),
    Row("a | where ▶|b|◀ > 1", "`|b|` is not an absolute value"),
    Row("a | sort -▶|b|◀, c", "`|b|` is not an absolute value"),
    Row("a | derive b = ▶|c|◀", "`|c|` is not an absolute value"),
    Row("(a | sort ▶|b|◀)", "`|b|` is not an absolute value"),
    Row("▶9223372036854775808◀", "9223372036854775808 is too large a number"),
    Row("-▶9223372036854775809◀", "9223372036854775809 is too large a number"),
    Row("a ▶\\◀", "`\\` is not allowed here"),
    Row("a ▶☃◀", "`☃` (U+2603 SNOWMAN) is not allowed here", help: "write text in quotes"),
  ]

  @Test func whatIsInOrderAfterAnErrorIsStillRead() {
    let text = "a = 3\nlet x = (b | c\n\nlet y = 4\nif e d {\n f\n}\ng)\nh | i"
    let result = parse(source(text))
    #expect(result.diagnostics.count == 4)
    #expect(dump(result.script) == "(let y 4)\n(| h i)")
  }

  @Test func invalidUTF8NamesItsPlace() {
    let bytes = Array("a\nb = \"".utf8) + [0xE9, 0x22]
    let error = #expect(throws: Diagnostic.self) {
      try SourceText(name: "x.summand", validating: bytes)
    }
    #expect(error?.message == "x.summand is not UTF-8 text: byte 0xE9 at offset 7, line 2")
    #expect(error?.span == SourceSpan(7, 8))
    let result = parse(SourceText(name: "x.summand", bytes: bytes))
    #expect(result.diagnostics == [error].compactMap { $0 })
    #expect(result.script.statements.isEmpty)
  }

  @Test func deepNestingIsAnErrorAndNoCrash() {
    for (opening, closing) in [("(", ")"), ("[", "]"), ("f(", ")"), ("x[", "]"), ("\"\\(", ")\"")] {
      for count in [150, 201, 100_000] {
        let text =
          String(repeating: opening, count: count) + "a" + String(repeating: closing, count: count)
        let messages = parse(source(text)).diagnostics.map(\.message)
        #expect(messages == (count == 150 ? [] : ["this is nested more than 200 levels deep"]))
      }
    }
    let blocks = String(repeating: "if a {\n", count: 5000)
    #expect(
      parse(source(blocks)).diagnostics.first?.message == "this is nested more than 200 levels deep"
    )
    let elses = "if a { }" + String(repeating: " else if a { }", count: 5000)
    #expect(
      parse(source(elses)).diagnostics.map(\.message) == [
        "this is nested more than 200 levels deep"
      ])
    let nots = String(repeating: "not ", count: 5000) + "a"
    #expect(
      parse(source(nots)).diagnostics.map(\.message) == ["this is nested more than 200 levels deep"]
    )
  }

  @Test func longChainsAreAnErrorAndNoCrash() {
    for link in [" + 1", ".a", "[0]", "@last", " and b"] {
      let short = "a" + String(repeating: link, count: 900)
      #expect(parse(source(short)).diagnostics.isEmpty)
      let long = "a" + String(repeating: link, count: 100_000)
      #expect(
        parse(source(long)).diagnostics.map(\.message)
          == ["this expression has more than 1000 operators in a row"])
    }
  }

  @Test func theNumberOfErrorsIsBounded() {
    let diagnostics = parse(source(String(repeating: "$;", count: 10_000))).diagnostics
    #expect(diagnostics.count == Parser.diagnosticLimit + 1)
    #expect(diagnostics.last?.message == "too many errors: the rest was not read")
  }
}
