import Lang
import Testing

@testable import Runtime

/// Types and descriptions of a script's arguments.
@Suite struct ScriptArgumentTests {
  private static let script = """
    #!/usr/bin/env summand
    # Counts things.
    #
    #     summand count.summand who=me
    arguments who as text about "whose" top=10 as integer about "how many \\"rows\\""
    arguments share=0.5 flag=false as boolean other=missing
    # Not of the head.
    "\\(args.who) \\(args.top) \\(args.share) \\(args.flag)"

    """

  private func run(_ arguments: [(name: String, value: String)], _ text: String = script) -> (
    status: Runtime.ExitStatus, output: String, messages: String
  ) {
    Session(host: TestHost(), arguments: arguments).running(text)
  }

  @Test func valuesAreOfTheirTypes() {
    // A text that looks like a number stays one.
    #expect(run([("who", "007")]).output == "007 10 0.5 false\n")
    #expect(run([("who", "me"), ("top", "-3"), ("flag", "true")]).output == "me -3 0.5 true\n")
    // Without a type, what looks like a number is one.
    #expect(run([("who", "me"), ("share", "2")]).output == "me 10 2 false\n")
  }

  @Test(arguments: [
    ("top", "ten", "'top' takes a whole number, got 'ten'"),
    ("top", "1.5", "'top' takes a whole number, got '1.5'"),
    ("flag", "yes", "'flag' takes true or false, got 'yes'"),
  ])
  func otherValuesAreRefused(name: String, value: String, message: String) {
    let refused = run([("who", "me"), (name, value)])
    #expect(refused.status == .usage)
    #expect(refused.messages.contains(message), "\(refused.messages)")
    #expect(refused.output == "")
  }

  @Test(arguments: [
    ("arguments top=\"x\" as number", "the default of 'top' is text, not a number"),
    ("arguments as text top=3", "no argument stands before this"),
    ("arguments top=3 as number as text", "'top' has this already"),
    ("arguments top=3 as colour", "expected text, number, integer or boolean"),
  ])
  func mistakesInTheDeclaration(text: String, message: String) {
    let failed = run([], text)
    #expect(failed.status == .failed)
    #expect(failed.messages.contains(message), "\(failed.messages)")
  }

  @Test func helpIsMadeFromTheScript() {
    let text = scriptHelp(of: SourceText(name: "count.summand", text: Self.script))
    #expect(
      text == """
        usage: summand count.summand who=TEXT [top=INTEGER] [share=NUMBER] [flag=BOOLEAN] [other=VALUE]

          Counts things.

              summand count.summand who=me

        arguments:
          who    text     whose (required)
          top    integer  how many "rows" (default: 10)
          share  number   default: 0.5
          flag   boolean  default: false
          other  value    default: missing

        """)
    let bare = scriptHelp(of: SourceText(name: "a", text: "1 + 2"))
    #expect(bare == "usage: summand a\n\nIt takes no arguments.\n")
  }
}
