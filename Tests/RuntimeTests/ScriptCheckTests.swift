import Foundation
import Lang
import TestSupport
import Testing

@testable import Runtime

/// `summand check`: what it finds, and that it finds nothing in what is right.
@Suite struct ScriptCheckTests {
  private static let prologue = """
    let colosseum = prompt "a" -> " b"
    let country = [colosseum]
    let parts = colosseum | dla by head

    """

  private func findings(_ text: String, name: String = "test") -> [ScriptCheck.Finding] {
    ScriptCheck.findings(in: SourceText(name: name, text: Self.prologue + text))
  }

  @Test(arguments: [
    ("colosseum | logit", "there is no command 'logit'", "did you mean `logits`?"),
    ("parts | head 3", "there is no command 'head'", "did you mean `take`?"),
    ("len(parts)", "there is no command 'len'", "use `length(…)`"),
    ("colloseum | rank", "there is no variable or command 'colloseum'", "`colosseum`"),
    ("(colloseum | rank).rank", "there is no variable or command 'colloseum'", "`colosseum`"),
    ("$partz", "there is no variable `$partz`", "`$parts`"),
    ("\"\\($partz)\"", "there is no variable `$partz`", "`$parts`"),
    ("parts | take", "`take` needs COUNT", "usage: take COUNT"),
    ("parts | take 3 4", "unexpected argument of `take`", "usage: take COUNT"),
    ("colosseum | dla by hed", "got 'hed'", "did you mean `head`?"),
    ("colosseum | dla to heads", "unexpected argument of `dla`", "usage"),
    ("colosseum | prompt \"a\"", "`prompt` takes no input from a pipe", ""),
    ("top 3", "`top` needs a table from a pipe", "TABLE | top"),
    ("ablate L0H0 | rank", "`ablate` needs prompts from a pipe", "PROMPTS | ablate"),
    ("let heads = 3", "'heads' is a selector", "choose another name"),
    ("for rank in 1..3 { 1 }", "'rank' is a command", "choose another name"),
    ("def f(a, b) { a }\nf(1, 2, 3)", "`f` takes 2 values, and was given 3", "usage: f(a, b)"),
    ("def f(a, b) { a }\nparts | f 1 2", "`f` takes 2 values, and was given 3", "usage"),
    ("def f(a, b) { a }\nparts | f", "`f` needs 'b'", "usage: f(a, b)"),
    ("def f(a, b=1) { a }\nparts | f c=3", "`f` has no parameter 'c'", "usage: f(a, b)"),
    ("def f(a) { a | tak 3 }", "there is no command 'tak'", "`take`"),
    ("arguments top=3\nargs.topp", "there is no argument 'topp'", "args.top"),
    ("nothing_here(1)", "there is no command 'nothing_here'", "`help` lists the commands"),
    ("source \"no/such.summand\"", "no/such.summand", ""),
    ("let x =", "a value is missing after `=`", ""),
  ])
  func finds(text: String, message: String, help: String) throws {
    let found = findings(text)
    let first = try #require(found.first, "\(text)")
    #expect(found.count == 1, "\(found)")
    #expect(first.diagnostic.message.contains(message), "\(first)")
    if !help.isEmpty { #expect(first.diagnostic.help?.contains(help) == true, "\(first)") }
    #expect(first.diagnostic.span != nil)
  }

  /// All of them in one run, in the order of the text, each at its place.
  @Test func findsAll() {
    let found = findings("parts | tak 3\nlet top = 1\nparts | sort\n$x\n")
    let lines = found.map { $0.source.position(of: $0.diagnostic.span?.start ?? 0).line }
    #expect(lines == [4, 5, 6, 7], "\(found)")
  }

  /// What only a run can tell is taken to be right.
  @Test(arguments: [
    "parts | where anything == 1 and other in [1]", "parts | derive x = layer + unknown",
    "parts | select anything, at_all", "let f = \"a.summand\"\nsource f\nunknown | tak 3\n$any",
    "_ | take 3", "with smollm2 | prompt \"a\" | rank", "missing", "heads", "L0H0",
    "def f(a, b=1) { a | take b }\nparts | f\nparts | f 2\nf(parts, b=3)",
    "let y = for x in [1, 2] { x }\nx",
    "metric odds = prob / (1 - prob)\ncolosseum | effect of odds",
  ])
  func passes(text: String) {
    #expect(findings(text).isEmpty, "\(text): \(findings(text))")
  }

  /// Scripts that are read count, with what they define; each is checked once.
  @Test func readsParts() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let part = folder.appending(path: "part.summand")
    try Data("def good(t) { t | take 3 }\nlet own = 3\nown | tak 3\n".utf8).write(to: part)
    let found = findings(
      "source once \"part.summand\"\nsource \"./part.summand\"\nparts | good\nown\nparts | god",
      name: folder.appending(path: "outer.summand").path)
    #expect(found.map(\.diagnostic.help) == ["did you mean `good`?", "did you mean `take`?"])
    #expect(found.last?.source.name == part.path)
  }

  @Test func nothingIsFoundInTheExamples() throws {
    for folder in ["Examples", "Examples/paper", "Examples/tasks"] {
      for path in try repositoryFiles(folder, ending: ".summand") {
        let source = SourceText(
          name: packageRoot.appending(path: path).path, text: try repositoryText(path))
        let found = ScriptCheck.findings(in: source)
        #expect(found.isEmpty, "\(path): \(found.map(\.diagnostic))")
      }
    }
  }

  /// A block of a page that is right when it is run is right when it is read.
  @Test func nothingIsFoundInThePages() throws {
    var checked = 0
    for page in try ["README.md"] + repositoryFiles("docs", ending: ".md") {
      for chapter in try DocumentedChapter.all(in: page) {
        let text = chapter.blocks.map(\.text).joined(separator: "\n")
        if text.contains("# error:") { continue }
        checked += 1
        let found = findings(text, name: packageRoot.appending(path: page).path)
        #expect(found.isEmpty, "\(page): \(found.map(\.diagnostic)) in\n\(text)")
      }
    }
    #expect(checked > 50)
  }

  /// What people of other tools type leads to something that is there.
  @Test func synonymsLeadSomewhere() {
    let functions = Function.allCases.map(\.rawValue)
    for (word, use) in Synonyms.all {
      #expect(Catalogue.command(named: word) == nil, "\(word) is a command")
      let names = use.split { !($0.isLetter || $0 == "_") }.map(String.init)
      #expect(
        names.contains { Catalogue.command(named: $0) != nil || functions.contains($0) },
        "\(word) leads to \(use)")
    }
    let session = Session(host: TestHost())
    #expect(session.running("[1] | head 3").messages.contains("did you mean `take`?"))
    #expect(session.running("len([1])").messages.contains("use `length(…)`"))
    #expect(session.running("run_with_cache 3").messages.contains("did you mean `activations`?"))
  }
}

/// `--messages json`, and by which calls an error came to be.
@Suite struct MessageTests {
  @Test func anObjectALine() throws {
    let source = SourceText(name: "a \"b\".summand", text: "é\nx | tak 3")
    var diagnostic = Diagnostic("no 'tak'\n", at: SourceSpan(7, 10), help: "take")
    diagnostic.notes = [.init("called")]
    let json = diagnostic.json(in: source)
    #expect(!json.contains("\n"))
    let object = try #require(
      try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any])
    #expect(object["severity"] as? String == "error")
    #expect(object["file"] as? String == "a \"b\".summand")
    #expect(object["line"] as? Int == 2)
    #expect(object["column"] as? Int == 5)
    #expect(object["end_column"] as? Int == 8)
    #expect(object["notes"] as? [String] == ["called"])
    #expect(object["help"] as? String == "take")
    #expect(Diagnostic("x").json(in: nil) == #"{"severity": "error", "message": "x"}"#)
  }

  @Test func callersAreTold() {
    let session = Session(host: TestHost())
    let failed = session.running("def a(x) { x | where y == 1 }\ndef b(x) {\n  x | a\n}\n[1] | b")
    #expect(
      failed.messages.contains("note: `a` was called at test:3:7\nnote: `b` was called at test:5:7")
    )
    // The error of endless calls tells of them itself, and a long chain is cut.
    let endless = session.running("def c(x) { c(x) }\nc(1)").messages
    #expect(!endless.contains("was called at"))
    let long = Session(host: TestHost()).running(
      "def d(n) { if n == 0 { [1] | where y == 1 } else { d(n - 1) } }\nd(50)"
    ).messages
    #expect(long.contains("note: 45 more calls"), "\(long)")
    #expect(long.components(separatedBy: "`d` was called").count == 7, "\(long)")
  }
}
