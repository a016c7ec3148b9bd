import TestSupport
import Testing

@testable import Runtime

/// What Tab offers where several models are loaded.
@Suite struct CompletionTests {
  private func session() throws -> Session {
    let session = Session(host: TestHost())
    let folder = Fixtures.folder.path
    let result = session.running(
      "load \"\(folder)/tiny-gqa.F32.gguf\" as first; load \"\(folder)/tiny-mha\" as second")
    try #require(result.status == .done, "\(result.messages)")
    return session
  }

  private func offered(_ line: String, _ session: Session) -> [String] {
    session.complete(line: line, cursor: line.utf8.count).candidates.map(\.text)
  }

  @Test func namesOfLoadedModels() throws {
    let session = try session()
    for line in ["use ", "unload ", "colosseum | with ", "colosseum | compare first "] {
      let names = offered(line, session)
      #expect(names.contains("first ") && names.contains("second "), "\(line): \(names)")
    }
    #expect(offered("use s", session) == ["second "])
    #expect(offered("colosseum | compare first second by ", session).contains("depth"))
    #expect(offered("load x a", session).contains("as "))
  }

  /// `second` is in use, and has 2 layers of 3 heads; `first` 3 of 4.
  @Test func componentsOfThePipelinesModel() throws {
    let session = try session()
    #expect(offered("p | ablate L1H", session).contains("L1H2"))
    #expect(!offered("p | ablate L1H", session).contains("L1H3"))
    #expect(offered("p | with first | ablate L1H", session).contains("L1H3"))
    #expect(!offered("p | with first | logits; p | ablate L1H", session).contains("L1H3"))
  }

  /// Wherever a declaration names the values, they are offered: in their turn, after the keyword,
  /// after a comma, and from their first letter.
  @Test(arguments: Catalogue.all.map(\.name))
  func everyChoiceOfEveryCommand(name: String) throws {
    let command = try #require(Catalogue.command(named: name))
    let every = EveryArgument(command: command)
    let session = Session(host: TestHost())
    for parameter in command.parameters {
      let values = parameter.kind.words.map(\.name)
      guard let first = values.first else { continue }
      let before = parameter.form == .positional ? "" : "\(parameter.name) "
      let required = command.parameters.filter { $0.isRequired && $0.name != parameter.name }
        .map { $0.form == .keyword ? "\($0.name) \(every.usual($0))" : every.usual($0) }
      let lines =
        ["p | \(name) \(before)"]
        + (parameter.form == .positional
          ? [] : ["p | \(name) \(required.joined(separator: " ")) \(before)"])
        + (parameter.isList
          ? ["p | \(name) \(before)\(first), ", "\(name) \(before)\(first),"] : [])
      for line in lines {
        #expect(Set(values).isSubset(of: Set(offered(line, session))), "\(line)")
        for value in values { #expect(offered(line + value.prefix(1), session).contains(value)) }
      }
      // Nothing else, but for variables.
      if parameter.form == .keyword {
        #expect(offered(lines[0], session).sorted() == values.sorted(), "\(lines[0])")
      }
    }
  }

  @Test func valuesOfTheOpenKeyword() throws {
    let session = try session()
    _ = session.running("let rows = prompt \"a\" | tokens")
    #expect(offered("p | dla by head, ", session).contains("span"))
    #expect(offered("p | dla by head, s", session).sorted() == ["source", "span"])
    #expect(
      offered("help d", session).sorted()
        == ["derive", "describe", "dictionary", "direction", "dla", "drop"])
    #expect(offered("rows | group by token ", session).contains("mean "))
    #expect(offered("rows | group by token mean ", session).contains("token_id"))
    #expect(offered("rows | top 3 b", session) == ["by "])
    #expect(offered("rows | join (rows) on tok", session).sorted() == ["token", "token_id"])
    #expect(offered("load x as ", session) == [])
    #expect(offered("qu", session) == ["quit"])
  }

  @Test func thePromptShowsTheModelInUse() throws {
    let session = try session()
    #expect(session.promptName == "second")
    _ = session.running("use first")
    #expect(session.promptName == "first")
    _ = session.running("with second | prompt \"The sky\" | tokens")
    #expect(session.promptName == "first")
    _ = session.running("unload first")
    #expect(session.promptName == "summand")
  }
}

/// What Tab offers after `|`, of what comes through it. No run is made for it.
@Suite struct IncomingCompletionTests {
  private let host = TestHost()

  private func session() throws -> Session {
    let session = Session(host: host)
    let path = Fixtures.path("tiny-gqa.F32.gguf")
    let result = session.running(
      """
      load "\(path)" as tiny
      let asked = prompt "{subject:a b} {relation:c}" -> "d" vs "e"
      let other = prompt "{place:a b} c" -> "d"
      let several = [asked, (prompt "{subject:b a} {relation:c}" -> "e" vs "d")]
      let parts = asked | dla by head, span
      def mine(table) { table | take 1 }
      def shares(set, n = 2) { let rows = set | dla by span; rows | derive share = dla / n }
      def twice(set) { set | shares 3 | derive more = share }
      def loud(table) { "printed"; table | take 1 }
      def again(table) { table | again }
      def reader(table) { table | join (read "/dev/zero") on dla }
      """)
    try #require(result.status == .done, "\(result.messages)")
    host.forgetProgress()
    return session
  }

  private func offered(_ line: String, _ session: Session) -> [String] {
    session.complete(line: line, cursor: line.utf8.count).candidates.map(\.text)
  }

  private let variables = ["asked", "other", "parts", "several"]

  private func columns(_ line: String, _ session: Session) -> [String] {
    offered(line, session).filter { !variables.contains($0) && !$0.hasSuffix(" ") }
  }

  @Test func columnsOfTheStage() throws {
    let session = try session()
    let dla = ["component", "layer", "head", "span", "dla"]
    #expect(columns("parts | where ", session) == dla)
    #expect(columns("asked | dla by head, span | sort -", session) == [])
    #expect(columns("asked | dla by head, span | where ", session) == dla)
    #expect(columns("let x = asked | dla by head, span | select ", session) == dla)
    #expect(columns("asked | lens | where layer > 1 and ", session).contains("logprob"))
    #expect(
      columns("asked | ablate each heads | effect | derive x = ", session)
        == ["component", "layer", "head", "metric", "base", "edited", "effect"])
    #expect(columns("parts | select span, dla | where ", session) == ["span", "dla"])
    #expect(columns("parts | pivot component span | select ", session).contains("subject"))
    #expect(columns("several | rank | select ", session).first == "prompt")
    #expect(columns("several | rank | group by pro", session) == ["prompt", "prob"])
    #expect(columns("parts\n  | take 3\n  | select ", session) == dla)
    #expect(columns("parts | join (asked | rank | select ", session).contains("rank"))
    #expect(columns("if true { parts | select ", session) == dla)
    // With its type.
    let found = session.complete(line: "parts | where d", cursor: 15).candidates
    #expect(found.map(\.summary) == ["f32"])
    #expect(host.rowsRun == 0)
  }

  /// What a `def` gives is worked out where it only makes a value.
  @Test func columnsThatADefGives() throws {
    let session = try session()
    #expect(columns("asked | shares | where ", session) == ["span", "dla", "share"])
    #expect(columns("asked | shares n=3 | select ", session) == ["span", "dla", "share"])
    #expect(columns("asked | twice | select mo", session) == ["more"])
    #expect(
      columns("parts | mine | where ", session) == ["component", "layer", "head", "span", "dla"])
    #expect(offered("parts | mine | where span == \"s", session) == ["subject\""])
    #expect(host.rowsRun == 0)
    #expect(host.take() == ("", ""))
  }

  /// What would change something, or is not finished, is not run: the usual columns are offered.
  @Test func nothingHappens() throws {
    let session = try session()
    for stages in [
      "parts | save \"/nonexistent/x.csv\"", "parts | loud", "parts | again", "parts | reader",
      "read \"/dev/tty\"", "read '/dev/stdin'", "let f = \"/dev/zero\"; read f",
      "read \"/dev/\\(\"zero\")\"",
      "metric m = logit", "metric m = logit; asked | effect of m", "parts | where", "nothing_here",
    ] {
      #expect(columns("\(stages) | where ", session).contains("effect"), "\(stages)")
    }
    #expect(session.metrics.isEmpty)
    let before = session.draws.count
    #expect(columns("parts | sample 2 seed 7 | where ", session).contains("dla"))
    #expect(session.draws.count == before)
    #expect(host.take().messages == "")
  }

  @Test func commandsThatTakeIt() throws {
    let session = try session()
    let ofTable = offered("parts | ", session)
    #expect(ofTable.contains("where ") && ofTable.contains("plot ") && ofTable.contains("mine"))
    #expect(!ofTable.contains("ablate ") && !ofTable.contains("load ") && !ofTable.contains("let "))
    let ofPrompts = offered("asked | ablate L1H1 | ", session)
    #expect(ofPrompts.contains("effect ") && ofPrompts.contains("where "))
    #expect(!ofPrompts.contains("pivot ") && !ofPrompts.contains("parts"))
    let unknown = offered("nothing_here | ", session)
    #expect(unknown.contains("pivot ") && unknown.contains("effect ") && !unknown.contains("use "))
    let first = offered("", session)
    #expect(first.contains("prompt ") && first.contains("parts") && !first.contains("ablate "))
  }

  @Test func spansOfThePipesPrompts() throws {
    let session = try session()
    #expect(offered("asked | ablate L1H1@", session).contains("L1H1@subject"))
    #expect(!offered("asked | ablate L1H1@", session).contains("L1H1@place"))
    #expect(offered("asked | knockout su", session) == ["subject"])
    #expect(offered("asked | knockout subject -> l", session) == ["last", "layers"])
    #expect(offered("asked | knockout subject -> last | ablate L1H1@p", session) == [])
    #expect(
      offered("asked | knockout subject -> last | ablate L1H1@r", session) == ["L1H1@relation"])
    #expect(offered("other | ablate L1H1@p", session) == ["L1H1@place"])
    #expect(offered("nothing_here | ablate L1H1@p", session) == ["L1H1@place"])
  }

  @Test func valuesOfATextColumn() throws {
    let session = try session()
    #expect(offered("parts | where span == \"", session) == ["other\"", "relation\"", "subject\""])
    #expect(offered("parts | where span in [\"bos\", \"s", session) == ["subject\""])
    #expect(offered("asked | dla by span | where span != \"r", session) == ["relation\""])
    // Which token is most likely, no plan can tell.
    #expect(offered("asked | logits | where token == \"", session) == [])
    #expect(offered("asked | logits | top 1 | where rank == 1 and token == \"", session) == [])
  }

  @Test func tokensForAnswers() throws {
    let session = try session()
    let vocabulary = try #require(session.model).tokenizer
    let token = (0..<vocabulary.vocabularySize).map(vocabulary.text).first {
      $0.count > 2 && $0.allSatisfy { $0 == " " || $0.isLetter }
    }
    let text = try #require(token)
    for before in ["-> ", "-> first ", "-> \"x\" vs ", "-> \"x\", ", "-> \" a b\" vs 'c', "] {
      let found = offered("prompt \"a\" \(before)\"\(text.prefix(2))", session)
      #expect(found.contains(text + "\""), "\(before)")
      #expect(found.allSatisfy { $0.hasPrefix(text.prefix(2)) && $0.hasSuffix("\"") })
    }
    #expect(!offered("read \"\(text.prefix(2))", session).contains(text + "\""))
  }

  @Test func relationsOfAFolder() throws {
    let session = try session()
    let folder = packageRoot.appending(path: "Examples/facts").path
    let found = offered("facts \"\(folder)\" relation land", session)
    #expect(found.contains("landmark_country"))
    #expect(found.allSatisfy { $0.hasPrefix("land") })
  }
}
