import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What names mean in expressions over rows and where columns are named: never silently one of two
/// things.
@Suite struct RowNameTests {
  private let session = Session(host: TestHost(format: .csv))

  init() throws {
    let path =
      FileManager.default.temporaryDirectory.path + "/summand-names-\(UUID().uuidString).csv"
    try Data("first name,the-value,layer,`,true\nx,1,2,3,4\ny,-5,0,,6\n".utf8).write(
      to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    let read = session.running("let p = read \"\(path)\"")
    try #require(read.status == .done, "\(read.messages)")
  }

  private func expectPrints(_ line: String, _ output: String, warning: String? = nil) {
    let result = session.running(line)
    // An empty line stands before every result but a session's first.
    let printed = result.output.drop { $0 == "\n" }
    #expect(result.status == .done && printed == output, "\(line): \(result)")
    if let warning {
      #expect(result.messages.contains(warning), "\(line): \(result.messages)")
    } else {
      #expect(result.messages.isEmpty, "\(line): \(result.messages)")
    }
  }

  private func expectFails(_ line: String, _ message: String, help: String? = nil) {
    let result = session.running(line)
    #expect(result.status == .failed && result.output.isEmpty, "\(line): \(result)")
    #expect(result.messages.contains("error: \(message)\n"), "\(line): \(result.messages)")
    if let help {
      #expect(result.messages.contains("help: \(help)\n"), "\(line): \(result.messages)")
    }
  }

  // MARK: A column and a variable

  @Test(arguments: [
    "where layer == 2", "where 2 == layer", "where `layer` == 0 and layer > 1",
    "derive x = layer", "derive x = \"L\\(layer).mlp\"", "derive x = [layer, 1][0]",
    "derive x = abs(layer)", "derive x = twice(layer)", "derive x = (layer)", "derive x = -layer",
    "sort layer", "sort -layer", "sort -abs(layer)", "top 1 by layer", "top 1 by -layer",
    "where `layer` in (layer | take 1)", "take 0 | where layer == 2",
  ])
  func bothIsAnError(stage: String) {
    _ = session.running("def twice(x) { 2 * x }")
    for text in ["let layer = 2; p | \(stage)", "for layer in [2] { p | \(stage) }"] {
      expectFails(
        text, "`layer` is both a column and a variable",
        help: "`layer` in backticks is the column, $layer the variable")
    }
    let inside = "def f(layer) { p | \(stage) }; f(2)"
    #expect(session.running(inside).messages.contains("both a column and a variable"))
  }

  @Test func backticksAndDollars() {
    _ = session.running("let layer = 2; def twice(x) { 2 * x }")
    expectPrints("p | where `layer` == $layer | select `the-value`", "the-value\n1\n")
    expectPrints(
      "p | derive x = \"L\\(`layer`).\\($layer)\" | select x", "x\nL2.2\nL0.2\n")
    expectPrints("p | derive `a b` = twice(`the-value`) + $layer | select `a b`", "a b\n4\n-8\n")
    expectPrints("p.`first name`[1]", "y\n")
    expectPrints("p | where `true` == 4 | select ````, `true`", "`,true\n3,4\n")
    expectPrints("$layer + 1", "3\n")
    expectPrints("let key = \"the-value\"; p | select $key | sort $key", "the-value\n-5\n1\n")
    expectPrints("let keys = [\"layer\", \"true\"]; p | select $keys", "layer,true\n2,4\n0,6\n")
    expectPrints(
      "p | group by `first name` sum `the-value` | take 1", "first name,the-value\nx,1\n")
    expectPrints("p | pivot `first name` `the-value` `layer` | take 1", "first name,1,-5\nx,2,\n")
    expectFails("p | where `lyer` == 1", "there is no column `lyer`", help: "did you mean `layer`?")
    expectFails("p | where $lyer == `layer`", "there is no variable `$lyer`")
    expectFails("`layer`", "there is no table here with a column `layer`")
  }

  /// The variable of a loop does not stay behind, in the way of a column.
  @Test func aLoopLeavesItsVariableAsItWas() {
    expectPrints(
      "for layer in [0, 1] { layer }\np | where layer == 2 | select layer", "0\n1\n\nlayer\n2\n")
    expectPrints("let i = 7; for i in [1] { i }; i", "1\n7\n")
  }

  @Test func whereOnlyColumnsAreNamed() {
    _ = session.running("let layer = \"the-value\"; let number = 3")
    for stage in [
      "select layer", "group by layer", "group by `true` sum layer", "plot bar layer",
      "pivot layer `true`", "sample 1 by layer", "correlate layer `true`",
    ] {
      expectFails(
        "p | \(stage)", "`layer` can be the column or the variable of that name",
        help: "`layer` in backticks is the column, $layer the variable")
    }
    expectPrints("p | select $layer", "the-value\n1\n-5\n")
    expectPrints("p | select `layer`", "layer\n2\n0\n")
    expectFails(
      "let key = \"layer\"; p | select key", "there is no column `key`",
      help: "$key is the variable's value")
    // A number cannot name a column, nor can a text that none is called.
    expectPrints("let layer = \"north\"; p | select layer", "layer\n2\n0\n")
    expectPrints("p | derive number = 1 | select number", "number\n1\n1\n")
    expectFails("p | select 1", "expected a column's name")
    expectFails("p | select []", "this list is empty")
  }

  // MARK: No column at all

  @Test(arguments: ["true", "1 == 1", "x == 2", "\"a\" in \"ab\"", "not (x > 3)", "L9H8 == \"a\""])
  func aConditionWithoutAColumn(condition: String) {
    expectFails(
      "let x = 2; p | where \(condition)", "this condition names no column",
      help: "the columns are `first name`, `the-value`, `layer`, ``` and `true`")
    for table in ["p", "(p | take 0)"] {
      expectFails("\(table) | where lyer == 1", "there is no column or variable 'lyer'")
    }
  }

  @Test func aVariableNamedLikeAColumn() {
    expectFails(
      "let layer = 2; p | where $layer > 0", "this condition names no column",
      help: "$layer is the variable; `layer` in backticks is the column")
  }

  /// Spaces on both sides of the minus make it a difference, of a command and a column.
  @Test func aMinusWithASpaceAfterIt() {
    expectFails(
      "p | sort - layer", "`sort - layer` is a subtraction",
      help: "no space after the minus makes it an argument: sort -layer")
  }

  @Test func aColumnInQuotes() {
    let help = "`the-value` in backticks is the column; quotes are text"
    expectFails("p | where \"the-value\" == 1", "this condition names no column", help: help)
    expectFails(
      "p | derive x = \"the-value\" * layer", "`*` needs numbers, not text and a whole number",
      help: help)
    expectFails("p | sort 3", "this names no column")
    expectFails("p | top 1 by 2 * 3", "this names no column")
    expectPrints("p | sort \"the-value\" | select layer", "layer\n0\n2\n")
  }

  @Test func aColumnThatIsAComponent() {
    for (name, line) in [
      ("embed", "embed"), ("L9H8", "L9H8"), ("heads", "heads"), ("L9.mlp", "L9.mlp"),
    ] {
      expectFails(
        "p | derive `\(name)` = layer | where \(line) == 2",
        "`\(name)` is both a column and a component",
        help: "`\(name)` in backticks is the column, \"\(name)\" in quotes the component")
      expectPrints(
        "p | derive `\(name)` = layer | where `\(name)` == 2 | select layer", "layer\n2\n")
    }
    // A column comes before a command.
    expectPrints("p | derive rank = layer | where rank == 2 | select layer", "layer\n2\n")
  }

  @Test func whatNoRowCouldBeEqualTo() {
    for several in ["L9H*", "L{1,2}.mlp", "heads", "L1..3", "L*"] {
      expectFails(
        "p | where `first name` == \(several)",
        "`\(several)` is several components, so no cell equals it")
      expectFails(
        "p | where `first name` in [\(several), \"x\"]",
        "`\(several)` is several components, so no cell equals it")
    }
    expectFails(
      "p | where `first name` == L9H8@last",
      "`L9H8@last` has a position, and a component's name has none")
    expectPrints(
      "p | derive c = \"L9H8\" | where c == L9H8 and layer == 2 | select layer", "layer\n2\n")
    // Of one row, not of the column.
    for function in ["max", "min", "sum", "mean"] {
      expectFails(
        "p | where layer == \(function)(layer)",
        "`\(function)` takes a list, or several numbers, and this is one value")
    }
    expectPrints("p | where layer == max(p.layer) | select layer", "layer\n2\n")
  }

  @Test func namesOfTwoThingsCannotBeMade() {
    expectFails("def f(heads) { heads }", "'heads' is a selector")
    expectFails("def f(rank) { rank }", "'rank' is a command")
    expectFails("def f(x) { x }; let f = 3", "'f' is a `def`")
    expectFails("let g = 3; def g(x) { x }", "'g' is a variable")
  }

  // MARK: Order

  @Test func sortAndTopTakeExpressions() {
    expectPrints("p | sort -abs(`the-value`) | select layer", "layer\n0\n2\n")
    expectPrints("p | sort -(layer - `the-value`) | select layer", "layer\n0\n2\n")
    expectPrints("p | sort layer * 0, -layer | select layer", "layer\n2\n0\n")
    expectPrints("p | top 1 by abs(`the-value`) | select layer", "layer\n0\n")
    expectPrints("p | top 1 by -`the-value` | select layer", "layer\n0\n")
    expectPrints("p | top 1 by `the-value` | select layer", "layer\n2\n")
    // What is missing comes last, either way.
    for sign in ["", "-"] {
      expectPrints("p | sort \(sign)(```` + 1) | select layer", "layer\n2\n0\n")
      expectPrints("p | top 2 by \(sign)(```` + 1) | select layer", "layer\n2\n0\n")
    }
    expectFails("p | top 1 by \"a\" + `first name`", "`top` needs numbers, and this is text")
    expectFails("p | top -1 by -layer", "`top` takes a count, not -1")
    expectFails("p | sort p", "there is no column `p`", help: "$p is the variable's value")
    expectFails(
      "p | top 1 by |layer| take 1", "`top` needs a value after `by`",
      help: "an absolute value is abs(layer); `|` separates the stages of a pipeline")
  }

  // MARK: What has no number

  @Test(arguments: [
    ("sqrt(-1)", "square root of a negative number"), ("sqrt(-0.5)", "square root"),
    ("log(-1)", "logarithm of a negative number"),
    ("exp(1000) - exp(1000)", "a result that is not a number"),
    ("0 * exp(1000)", "a result that is not a number"),
    ("exp(1000) % 2", "a result that is not a number"),
    ("sum([exp(1000), -exp(1000)])", "a result that is not a number"),
  ])
  func undefined(expression: String, why: String) {
    expectPrints(expression, "missing\n", warning: "warning: \(why)")
    let column = expression.replacing("-1", with: "(layer - 3)")
    guard column != expression else { return }
    let result = session.running("p | derive x = \(column) | where x == 1")
    let count = result.messages.ranges(of: "warning: \(why)").count
    #expect(count == 1, "\(column): \(result.messages)")
    #expect(result.messages.contains("in 2 of 2 rows: they are missing"))
  }

  @Test func whatIsDefined() {
    expectPrints("log(0)", "-inf\n")
    expectPrints("sqrt(0)", "0\n")
    expectPrints("exp(1000)", "inf\n")
    expectPrints("1e308 * 10", "inf\n")
    expectPrints("round(1e300)", "1e+300\n")
    expectPrints("-9223372036854775808", "-9223372036854775808\n")
    expectPrints("-9223372036854775808 + 9223372036854775807", "-1\n")
    expectPrints("-9223372036854775808 % -1", "0\n")
    expectPrints("sum([9007199254740993, 2])", "9007199254740995\n")
    expectPrints("max(9007199254740992, 9007199254740993)", "9007199254740993\n")
    for line in ["1 / 0", "0 / 0", "1 % 0", "1.5 % 0.0"] { expectFails(line, "division by zero") }
    // Rows are counted, not divisions; a `def` is of the row that calls it.
    _ = session.running("def inverse(x) { 1 / x + 1 / x }")
    expectPrints(
      "p | derive x = inverse(layer) + 1 / layer | select x", "x\n1.5\n\n",
      warning: "warning: division by zero in 1 of 2 rows: they are missing")
  }

  // MARK: Tab

  @Test func completion() {
    func offered(_ line: String) -> [String] {
      session.complete(line: line, cursor: line.utf8.count).candidates.map(\.text)
    }
    #expect(offered("p | where `the").contains("`the-value`"))
    #expect(offered("p | select `first n").contains("`first name`"))
    #expect(offered("p | where layer == $").contains("$p"))
    #expect(offered("p | select ").contains("`the-value`"))
    #expect(offered("p | select ").contains("layer"))
  }
}
