import Foundation
import Testing

/// `summand serve`, spoken to as a program does: requests go in, events come out.
@Suite(.timeLimit(.minutes(2)))
struct ServeTests {
  /// An event.
  private struct Event {
    let members: [String: Any]
    subscript(key: String) -> Any? { members[key].flatMap { $0 is NSNull ? nil : $0 } }
    func text(_ key: String) -> String? { self[key] as? String }
    func number(_ key: String) -> Int? { self[key] as? Int }
    var type: String { text("type") ?? "" }
  }

  /// The events that answer some requests, without progress.
  private static func ask(
    _ requests: [String], arguments: [String] = ["--model", BuiltProgram.tinyModel]
  ) async throws -> (events: [Event], outcome: BuiltProgram.Outcome) {
    let outcome = try await BuiltProgram.run(
      ["serve"] + arguments, input: requests.joined(separator: "\n"))
    let events = try outcome.output.split(separator: "\n").map { line in
      Event(
        members: try #require(
          JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)"))
    }
    return (events.filter { $0.type != "progress" }, outcome)
  }

  private static func run(_ code: String, _ more: String = "") throws -> String {
    let text = try JSONSerialization.data(withJSONObject: code, options: .fragmentsAllowed)
    return #"{"id":1,"op":"run","code":\#(String(decoding: text, as: UTF8.self))\#(more)}"#
  }

  @Test func greetsAndEndsWithItsInput() async throws {
    let (events, outcome) = try await Self.ask([])
    #expect(outcome.status == 0)
    #expect(outcome.messages == "")
    #expect(events.map(\.type) == ["hello"])
    #expect(events[0].number("protocol") == 1)
    #expect(events[0].text("model") == "tiny-gqa.F32")
    #expect(events[0].text("version")?.hasPrefix("0.") == true)
  }

  @Test func tablesHaveTypesAndMeasures() async throws {
    let (events, _) = try await Self.ask([
      try Self.run(
        #"prompt "a b" -> "c" | dla by head | derive known = head == 0 | take 4"#,
        #","render":["text","html"],"rows":1"#)
    ])
    #expect(events.map(\.type) == ["hello", "message", "table", "done"])
    #expect(events[1].text("severity") == "note")
    let table = events[2]
    let columns = try #require(table["columns"] as? [[String: String]])
    #expect(columns.map { $0["name"] } == ["component", "layer", "head", "dla", "known"])
    #expect(columns.map { $0["type"] } == ["text", "integer", "integer", "f32", "boolean"])
    #expect(table.text("measure") == "dla")
    #expect(table.number("rows") == 4)
    let values = try #require(table["values"] as? [[Any]])
    #expect(values[0] as? [String] == ["L0H0", "L0H1", "L0H2", "L0H3"])
    #expect(values[4] as? [Bool] == [true, false, false, false])
    #expect(
      table.text("line")
        == #"prompt "a b" -> "c" | dla by head | derive known = head == 0 | take 4"#)
    #expect(table.text("text")?.contains("3 more rows") == true)
    #expect(table.text("html")?.contains("<td>L0H0</td>") == true)
    #expect(events[3].number("status") == 0)
  }

  @Test func valuesArraysPlotsAndTexts() async throws {
    let (events, _) = try await Self.ask([
      try Self.run(
        """
        3 + 4; [1, "a"]; missing; 0 - log(0)
        let asked = prompt "a b" -> "c"
        asked | activations L0.resid_pre@0..1
        asked | dla by head | plot bar
        asked | tokens | take 1 | select position | show as csv
        help vars
        """)
    ])
    #expect(
      events.map(\.type) == [
        "hello", "value", "value", "value", "value", "array", "message", "plot", "text", "text",
        "done",
      ])
    try #require(events.count == 11)
    #expect(events[1].number("value") == 7)
    #expect((events[2]["value"] as? [Any])?.count == 2)
    #expect(events[3]["value"] == nil)
    #expect(events[4].text("value") == "Infinity" && events[4].text("kind") == "a number")
    let array = events[5]
    #expect(array.text("dtype") == "<f4")
    let shape = try #require(array["shape"] as? [Int])
    let data = try #require(array.text("data").flatMap { Data(base64Encoded: $0) })
    #expect(shape[0] == 2 && data.count == 4 * shape[0] * shape[1])
    let index = try #require(array["index"] as? [String: Any])
    #expect(index["rows"] as? Int == 2)
    #expect(events[7].text("svg")?.contains("<svg") == true)
    #expect(events[7].text("kind") == "bar")
    #expect(events[8].text("text") == "position\n0\n")
    #expect(events[9].text("text")?.hasPrefix("vars\n") == true)
  }

  @Test func messagesHaveSpans() async throws {
    let (events, _) = try await Self.ask([
      try Self.run("\"é\"; nothing_here | rank", #","name":"cell 3""#)
    ])
    let error = try #require(events.first { $0.text("severity") == "error" })
    #expect(error.text("message")?.contains("nothing_here") == true)
    #expect(error.text("source") == "cell 3")
    // Counted in characters, not in bytes.
    #expect(error.number("start") == 5 && error.number("end") == 17)
    #expect(error.number("line") == 1 && error.number("column") == 6)
    #expect(error.text("text")?.contains("^^^^^^^^^^^^") == true)
    #expect(events.last?.number("status") == 1)
    let syntax = try await Self.ask([try Self.run("1 +")]).events
    #expect(syntax.last?.number("status") == 3)
  }

  @Test func completesAndInspects() async throws {
    let (events, _) = try await Self.ask([
      #"{"id":1,"op":"complete","code":"\"é\" | vars | whe"}"#,
      #"{"id":2,"op":"is_complete","code":"if true {"}"#,
      #"{"id":3,"op":"is_complete","code":"1 + )"}"#,
      #"{"id":4,"op":"inspect","code":"vars | take 2","cursor":9}"#,
    ])
    let found = try #require(events.first { $0.type == "completions" })
    #expect(found.number("start") == 13 && found.number("end") == 16)
    let candidates = try #require(found["candidates"] as? [[String: String]])
    #expect(candidates.map { $0["text"] } == ["where "])
    let states = events.filter { $0.type == "completeness" }
    #expect(states.map { $0.text("state") } == ["incomplete", "invalid"])
    #expect(states[0].number("indentation") == 2)
    #expect(events.first { $0.type == "text" }?.text("text")?.hasPrefix("take ") == true)
    #expect(events.filter { $0.type == "done" }.map { $0.number("id") } == [1, 2, 3, 4])
  }

  @Test func variablesGoInAndOut() async throws {
    let columns = #"[{"name":"n","type":"integer"},{"name":"x","type":"f64"}]"#
    let (events, _) = try await Self.ask([
      #"{"op":"set","name":"t","value":{"type":"table","measure":"x","columns":\#(columns),"#
        + #""values":[[1,null],[0.5,"-Infinity"]]}}"#,
      #"{"op":"run","code":"t | sort x | top 1"}"#,
      #"{"op":"set","name":"l","value":[1,[true,"a"],null]}"#,
      #"{"op":"get","name":"l"}"#,
      #"{"op":"get","name":"none"}"#,
      #"{"op":"set","name":"dla","value":1}"#,
      #"{"op":"set","name":"a b","value":1}"#,
    ])
    let table = try #require(events.first { $0.type == "table" })
    #expect((table["values"] as? [[Any]])?[1] as? [Double] == [0.5])
    let list = try #require(events.first { $0.type == "value" }?["value"] as? [Any])
    #expect(list.count == 3)
    let errors = events.filter { $0.text("severity") == "error" }.compactMap { $0.text("message") }
    #expect(errors.count == 3)
    #expect(errors[0].contains("there is no variable"))
    #expect(errors[1].contains("is a command"))
    #expect(errors[2].contains("variable's name"))
  }

  /// A command after `!` has neither the requests nor the way out.
  @Test func commandsHaveStreamsOfTheirOwn() async throws {
    let (events, outcome) = try await Self.ask([
      try Self.run("1 | !cat; echo é; echo loud >&2; cat <&0\n2"),
      try Self.run("3"),
    ])
    #expect(outcome.messages == "loud\n")
    // What a command prints may come in several pieces, and comes before what follows it.
    let texts = events.filter { $0.type == "text" }
    #expect(texts.compactMap { $0.text("text") }.joined() == "1\né\n")
    #expect(events[1...texts.count].allSatisfy { $0.type == "text" })
    #expect(
      events.filter { $0.type != "text" }.map(\.type) == [
        "hello", "value", "done", "value", "done",
      ])
  }

  @Test func refusesWhatIsNotARequest() async throws {
    let requests = [
      "nonsense", "[1]", #"{"id":1}"#, #"{"id":2,"op":"fly"}"#, #"{"id":3,"op":"run"}"#,
      #"{"id":4,"op":"run","code":1}"#, #"{"id":5,"op":"run","code":"1","colour":true}"#,
      #"{"id":6,"op":"complete","code":"ab","cursor":3}"#, #"{"id":1.5,"op":"run","code":"1"}"#,
      #"{"id":7,"op":"run","code":"1","render":["png"]}"#, "\u{1}",
    ]
    let (events, outcome) = try await Self.ask(requests, arguments: [])
    #expect(outcome.status == 0)
    let done = events.filter { $0.type == "done" }
    #expect(done.count == requests.count)
    #expect(done.allSatisfy { $0.number("status") == 2 })
    #expect(done.compactMap { $0.number("id") } == [1, 2, 3, 4, 5, 6, 7])
    #expect(events.filter { $0.text("severity") == "error" }.count == requests.count)
  }

  /// The request that is told to stop runs, waits, or has not come: the answer is the same.
  @Test func interruptsARun() async throws {
    let code = #"for i in 1..1000000000000 { i + 1 | !cat >/dev/null\n}"#
    let (events, _) = try await Self.ask([
      #"{"id":1,"op":"run","code":"\#(code)"}"#, #"{"id":2,"op":"interrupt","target":1}"#,
      #"{"id":3,"op":"run","code":"1 + 1"}"#,
    ])
    let done = events.filter { $0.type == "done" }
    #expect(Set(done.compactMap { $0.number("id") }) == [1, 2, 3])
    #expect(done.first { $0.number("id") == 1 }?.number("status") == 130)
    #expect(done.first { $0.number("id") == 3 }?.number("status") == 0)
    #expect(events.first { $0.type == "value" && $0.number("id") == 3 }?.number("value") == 2)
  }

  @Test func aModelThatDoesNotLoadEndsIt() async throws {
    let (events, outcome) = try await Self.ask([], arguments: ["--model", "/nonexistent.gguf"])
    #expect(outcome.status == 4)
    #expect(events.map(\.type) == ["message"])
  }

  /// As without `serve`: an empty variable names no model, an empty option is a mistake.
  @Test func anEmptyNameOfAModel() async throws {
    let unset = try await BuiltProgram.run(["serve"], environment: ["SUMMAND_MODEL": ""])
    #expect(unset.status == 0 && unset.output.contains("\"hello\""), "\(unset.messages)")
    let empty = try await BuiltProgram.run(["serve", "--model", ""])
    #expect(empty.status == 2 && empty.messages.contains("--model takes a name or a path"))
  }

  @Test func safeModeForbidsCommands() async throws {
    let (events, _) = try await Self.ask([try Self.run("1 | !cat")], arguments: ["--safe"])
    #expect(events.contains { $0.text("message")?.contains("--safe forbids") == true })
  }

  /// Also one that crashes while something runs that never ends and prints nothing: a loop, or a command,
  /// which is not left behind.
  @Test(arguments: [
    "for i in 1..1000000000000 { let x = i }", #"!echo $$ >\"$TMPDIR/child\"; exec sleep 300"#,
  ])
  func endsWithItsClient(code: String) async throws {
    try await withTemporaryFolder { folder in
      let outcome = try await BuiltProgram.shell(
        """
        in="$TMPDIR/in" out="$TMPDIR/out"; mkfifo "$in" "$out"
        timeout 60 summand serve <"$in" >"$out" & id=$!
        exec 3>"$in" 4<"$out"; read -r hello <&4
        echo '{"id":1,"op":"run","code":"\(code)"}' >&3
        case '\(code)' in *child*) until [ -s "$TMPDIR/child" ]; do sleep .05; done;; esac
        exec 3>&- 4<&-; wait $id; echo $?
        [ -e "$TMPDIR/child" ] && kill -0 "$(cat "$TMPDIR/child")" 2>/dev/null && echo left
        true
        """, environment: ["TMPDIR": folder])
      #expect(outcome.output == "141\n", "\(outcome.messages)")
    }
  }

  @Test func endsBySIGTERM() async throws {
    let outcome = try await BuiltProgram.shell(
      """
      mkfifo "$TMPDIR/in.$$"; summand serve <"$TMPDIR/in.$$" >"$TMPDIR/out.$$" & id=$!
      exec 3>"$TMPDIR/in.$$"; until grep -q hello "$TMPDIR/out.$$"; do sleep .05; done
      kill -TERM $id; wait $id; echo $?; rm "$TMPDIR/in.$$" "$TMPDIR/out.$$"
      """, environment: ["TMPDIR": NSTemporaryDirectory()])
    #expect(outcome.output == "143\n", "\(outcome.messages)")
  }
}
