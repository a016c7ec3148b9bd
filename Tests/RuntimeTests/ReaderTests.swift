import Testing

@testable import Runtime

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@Suite struct ReaderTests {
  /// Records as Python's csv module has them, and the same texts refused.
  @Test func commaSeparatedAsPythonReadsIt() throws {
    for example in try fixture("csv.json") {
      let text = try #require(example["text"]?.string)
      let expected = example["rows"]?.array?.compactMap { $0.array?.compactMap(\.string) }
      #expect(csvRecords(text) == expected?.map { $0.isEmpty ? [""] : $0 }, "\(quotedText(text))")
    }
  }

  private func csvRecords(_ text: String) -> [[String]]? {
    guard let source = try? TextSource(Array(text.utf8), name: "test") else { return nil }
    var index = source.bytes.startIndex
    var line = 1
    var records: [[String]] = []
    do {
      while let record = try CommaSeparated().nextRecord(source, at: &index, line: &line) {
        records.append(record.map { $0.text ?? "" })
      }
    } catch {
      return nil
    }
    return records
  }

  @Test func jsonAsPythonReadsIt() throws {
    for example in try fixture("json.json") {
      let text = try #require(example["text"]?.string)
      let expected = try example["value"]?.string.map { try JSONParser.parse(Array($0.utf8)[...]) }
      #expect((try? JSONParser.parse(Array(text.utf8)[...])) == expected, "\(quotedText(text))")
      if let expected {
        let again = try JSONParser.parse(Array(expected.text.utf8)[...])
        #expect(again == expected)
      }
    }
  }

  @Test(arguments: [
    ("", "a value is missing", 0), ("[1,]", "after a comma", 3), ("{\"a\":1,}", "a key", 7),
    ("[1 2]", "a comma or `]`", 3), ("{\"a\" 1}", "a colon", 5), ("01", "begins with 0", 1),
    ("1.", "a digit", 2), ("-", "a digit", 1), ("\"a", "never closed", 0),
    ("\"\u{1}\"", "control", 1),
    ("\"\\x\"", "unknown escape", 2), ("\"\\u12g4\"", "four hexadecimal", 5),
    ("nul", "not a value", 0),
    ("\"\\ud800\"", "surrogate", 7), ("\"\\udc00\"", "surrogate", 7), ("NaN", "no NaN", 0),
    ("-Infinity", "no NaN", 1), ("1e999", "too large", 0), ("{\"a\":1,\"a\":2}", "comes twice", 7),
    ("1 2", "follows the end", 2), ("\"\\", "unknown escape", 2), ("'a'", "not a value", 0),
  ])
  func jsonProblems(text: String, message: String, index: Int) {
    do throws(JSONParser.Problem) {
      let value = try JSONParser.parse(Array(text.utf8)[...])
      Issue.record("\(value)")
    } catch {
      #expect(error.message.contains(message), "\(error.message)")
      #expect(error.index == index)
    }
  }

  @Test func deepNestingIsRefused() {
    let deep = String(repeating: "[", count: 100_000)
    #expect(throws: JSONParser.Problem.self) { try JSONParser.parse(Array(deep.utf8)[...]) }
    let fine = String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
    #expect(throws: Never.self) { try JSONParser.parse(Array(fine.utf8)[...]) }
  }

  @Test(arguments: [
    ("1|2|", "integer"), ("1|2.5", "f64"), ("true|false|", "boolean"), ("True|False", "boolean"),
    ("1|x", "text"), ("007|1", "text"), ("1|+2", "text"), ("0x10", "text"), ("1_000", "text"),
    ("-0|1", "text"), ("-0.0|1", "f64"), ("1e5", "f64"), ("1e400", "text"), ("inf|1.5", "f64"),
    ("inf|nan", "text"), ("nan|1", "f64"), ("9223372036854775807", "integer"),
    ("9223372036854775808", "text"), (" 5", "text"), ("", "text"), ("true|1", "text"),
    ("-9223372036854775808", "integer"), ("9007199254740993|0.5", "text"), ("٣", "text"),
    (".5|1", "f64"), ("infinity|1", "text"), ("1e|2", "text"), ("-|1", "text"),
  ])
  func types(fields: String, expected: String) throws {
    let fields = fields.split(separator: "|", omittingEmptySubsequences: false).map {
      $0.isEmpty ? nil : String($0)
    }
    #expect(try inferred(fields).kind.rawValue == expected)
  }

  @Test(arguments: [
    (TableFormat.tsv, "a\tb\n1\t\\tx\\\\n\\n\\q\n\t\n", ["a|b", "1|\tx\\n\n\\q", "|"]),
    (.tsv, "\u{FEFF}a\tb\r\n1\t2\r\n", ["a|b", "1|2"]), (.tsv, "a\n1\n\n3", ["a", "1", "", "3"]),
    (.tsv, "\n\na\tb\n\n1\t2", ["a|b", "1|2"]), (.tsv, "a\tb", ["a|b"]),
    (
      .tsv, "subject\tanswer\n\"The \"\"Big\"\" Apple\"\tFrance\nItaly\tRome\n",
      ["subject|answer", "The \"Big\" Apple|France", "Italy|Rome"]
    ),
    (.tsv, "a\tb\r\n\"x\ty\r\nz\"\t1\r\n", ["a|b", "x\ty\r\nz|1"]),
    (.tsv, "a\tb\nsay \"x\"\t5\"\n", ["a|b", "say \"x\"|5\""]),
    // A quote that its field does not close is a character, and so are all others of the file.
    (
      .tsv, "id\ttoken\tp\n1\t\"\t5\n2\t,\"\t6\n3\t\",\"\t7\n4\t\\\\n\t8\n",
      ["id|token|p", "1|\"|5", "2|,\"|6", "3|\",\"|7", "4|\\n|8"]
    ),
    (.tsv, "t\n\"a\nb\"\n", ["t", "a\nb"]), (.tsv, "t\n\"\n.\"\"x\n", ["t", "\"", ".\"\"x"]),
    (.tsv, "\"a\"\t\"b\"\n\"\\t\"\t1.0\n", ["a|b", "\\t|1.0"]),
    (.csv, "a,b\r\n\"x, \"\"y\"\"\",\"1\n2\"\r\n\"\",\n", ["a|b", "x, \"y\"|1\n2", "|"]),
    (.json, "[{\"b\":1,\"a\":null},{\"a\":[1,\"x\"]}]", ["b|a", "1|", "|[1, \"x\"]"]),
    (.json, "{\"b\":[1,2],\"a\":[true,null]}", ["b|a", "1|true", "2|"]), (.json, "[]", [""]),
    (.json, "[{\"x\":1.5},{\"x\":\"-Infinity\"}]", ["x", "1.5", "-inf"]),
    (.ndjson, "{\"a\":1}\n\n{\"b\":\"x\"}\r\n", ["a|b", "1|", "|x"]),
    (.json, "{\"summand\":\"1\",\"columns\":[\"x\",\"y\"],\"rows\":[]}", ["x|y"]),
    // What pandas 2 and 3 write with orient="table".
    (
      .json,
      #"""
      {"schema":{"fields":[{"name":"index","type":"integer"},{"name":"a","type":"string"},
      {"name":"n","type":"integer","extDtype":"Int64"},{"name":"at","type":"datetime"}],
      "primaryKey":["index"],"pandas_version":"1.4.0"},"data":[
      {"index":0,"a":"1","n":null,"at":"2020-01-01T00:00:00.000"},{"index":1,"a":null,"n":2}]}
      """#, ["index|a|n|at", "0|1||2020-01-01T00:00:00.000", "1||2|"]
    ),
  ])
  func tables(format: TableFormat, text: String, expected: [String]) throws {
    let read = try parseTable(Array(text.utf8), name: "test", format: format)
    #expect(lines(read) == expected)
    if !text.hasPrefix("\n"), !text.contains("\n\n3") {
      #expect(lines(try parseTable(Array(text.utf8), name: "test")) == expected, "sniffed")
    }
  }

  @Test func anEmptyTextIsNotMissingInCSV() throws {
    let read = try parseTable(Array("a,b\n\"\",x\n,y".utf8), name: "t", format: .csv)
    #expect(read.columns[0].values == .texts(["", nil]))
    let quoted = try parseTable(Array("a,b\n\"1\",x\n\"\",y".utf8), name: "t", format: .csv)
    #expect(quoted.columns[0].values == .integers([1, nil]))
  }

  /// Summand's own TSV: what is in quotes is a text, whatever it looks like.
  @Test func quotedCellsOfTSVAreTexts() throws {
    let text =
      "\"n\"\t\"id\"\t\"x\"\t\"big\"\t\"not\"\t\"is\"\n"
      + "\"12\"\t1\t1.0\tinf\tNaN\ttrue\n\"\"\t2\t-5e-300\t-inf\t\tfalse\n\t\t\tinf\tNaN\t\n"
    let read = try parseTable(Array(text.utf8), name: "t", format: .tsv)
    #expect(read["n"]?.values == .texts(["12", "", nil]))
    #expect(read["id"]?.values == .integers([1, 2, nil]))
    #expect(read["x"]?.values.kind == .doubles)
    #expect(read["x"].map { [$0[0].number, $0[1].number] } == [1, -5e-300])
    #expect(read["big"]?.values == .doubles([.infinity, -.infinity, .infinity]))
    #expect(read["not"]?.values.kind == .doubles)
    #expect(read["is"]?.values == .booleans([true, false, nil]))
  }

  @Test(arguments: [
    (TableFormat.tsv, "a\tb\n1\n", "`t`, line 2: 1 field, where the header names 2"),
    (.tsv, "a\tb\n1\t2\n1\t2\t3\n", "`t`, line 3: 3 fields, where the header names 2"),
    (.csv, "a,b\n\"x\n\",1\n1,2,3", "`t`, line 4: 3 fields, where the header names 2"),
    (.tsv, "a\t\tb\n", "`t`, line 1: column 2 has no name"),
    (.tsv, "\"a\"\tb\n\"x\"y\t1\n", "`t`, line 2: text follows a closing quote"),
    (.tsv, "\"a\"\tb\n\"x\"\ry\t1\n", "`t`, line 2: text follows a closing quote"),
    (.tsv, "a\tb\tc\n\"x\ty\n", "`t`, line 2: a quote is opened and never closed"),
    (.csv, ",a\n0,1", "`t`, line 1: column 1 has no name"),
    (.csv, "a,b,a\n", "`t`, line 1: columns 1 and 3 are both named `a`"),
    (.csv, "a\n1\n\"x\n\n", "`t`, line 3: a quote is opened and never closed"),
    (.csv, "a\n\"x\"y\n", "`t`, line 2: text follows a closing quote"),
    (.json, "[1, {}]", "`t` record 1 is a number, not an object"),
    (.json, "3", "`t` holds a number, not a table"),
    (.json, "{\"a\":1}", "`t` is an object whose `a` is a number, so it is not a table"),
    (.json, "{\"a\":[1],\"b\":[]}", "`t` has 1 values for `a` and 0 for `b`"),
    (.json, "[\n{\"a\":1},\n{a:1}]", "`t`, line 3: a key in double quotes is missing"),
    (.ndjson, "{\"a\":1}\n{\"a\":}", "`t`, line 2: this is not a value"),
    (.ndjson, "{\"a\":1}\n[2]", "`t` line 2 is an array, not an object"),
    (.json, "[{\"\":1}]", "`t` record 1 has an empty key"),
    (.json, #"{"columns":["a",""],"rows":[]}"#, "`t` has no name for column 2 in `columns`"),
    (.json, #"{"columns":[7],"rows":[]}"#, "`t` has no name for column 1 in `columns`"),
    (.json, #"{"columns":["a","a"],"rows":[]}"#, "`t` has the name `a` twice in `columns`"),
    (.json, #"{"schema":{"fields":[{}]},"data":[]}"#, "`t` has no name for column 1 in `schema`"),
    (
      .json, #"{"schema":{"fields":[{"name":"a","type":"string"}]},"data":[{"b":1}]}"#,
      "`t` record 1 of `data` has `b`, which `schema` does not name"
    ),
    (
      .json, #"{"schema":{"fields":[{"name":"a","type":"integer"}]},"data":[{"a":1},{"a":1.5}]}"#,
      "`t` record 2 of `data` has a number for `a`, where `schema` has integer"
    ),
    (
      .json, #"{"schema":{"fields":[{"name":"a","type":"number"}]},"data":[{"a":"x"}]}"#,
      "`t` record 1 of `data` has a string for `a`, where `schema` has number"
    ),
    (
      .json, #"{"schema":{"fields":[{"name":"a","type":"string"}]},"data":[7]}"#,
      "`t` record 1 of `data` is a number, not an object"
    ),
    (.tsv, "\n\n", "`t` has no header"), (.csv, "", "`t` is empty"),
  ])
  func refused(format: TableFormat, text: String, message: String) throws {
    let refused = try failure { _ = try parseTable(Array(text.utf8), name: "t", format: format) }
    #expect(refused.message == message)
    #expect(refused.status == .unreadable)
  }

  /// A small file can name more cells than any memory holds.
  @Test func refusesTablesOfHoles() throws {
    let records = (0..<3000).map { "{\"k\($0)\":1}" }
    let names = (0..<3000).map { "\"c\($0)\"" }.joined(separator: ",")
    let rows = Array(repeating: "{}", count: 3000).joined(separator: ",")
    let sample = #"{"subject":"s","object":"o"}"#
    let samples = Array(repeating: sample, count: 3000).joined(separator: ",")
    let prompts = (0..<3000).map { "\"{}\($0)\"" }.joined(separator: ",")
    let texts = [
      "[\(records.joined(separator: ","))]", records.joined(separator: "\n"),
      "{\"columns\":[\(names)],\"rows\":[\(rows)]}",
      "{\"name\":\"n\",\"prompt_templates\":[\(prompts)],\"samples\":[\(samples)]}",
    ]
    for text in texts {
      let refused = try failure { _ = try parseTable(Array(text.utf8), name: "t") }
      #expect(refused.message.hasPrefix("`t` would be 3000 rows of"))
      #expect(refused.status == .unreadable)
    }
  }

  @Test func whatIsNotUTF8IsRefusedWithItsLine() throws {
    let refused = try failure { _ = try parseTable(Array("a\nb\n".utf8) + [0xFF], name: "t") }
    #expect(refused.message == "`t`, line 3: is not UTF-8")
    let wide = try failure { _ = try parseTable([0xFF, 0xFE, 0x61, 0], name: "t") }
    #expect(wide.message == "`t` is UTF-16")
  }

  @Test func files() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "readers-\(UInt64.random(in: 0...UInt64.max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent("country.TSV").path
    try Data("a\tb\n1\t2,3\n".utf8).write(to: URL(fileURLWithPath: path))
    #expect(lines(try readTable(path: path)) == ["a|b", "1|2,3"])

    let missing = try failure { _ = try readTable(path: folder.path + "/contry.TSV") }
    #expect(missing.message == "there is no file `\(folder.path)/contry.TSV`")
    #expect(missing.help == "did you mean `\(path)`?")
    #expect(missing.status == .unreadable)
    let directory = try failure { _ = try readTable(path: folder.path) }
    #expect(directory.message == "`\(folder.path)` cannot be read: Is a directory")
    #expect(
      try failure { _ = try readTable(path: "nothing-like-it.csv") }.help?.contains(
        "working directory") == true)
  }

  @Test func counterFact() throws {
    let text = """
      [{"case_id": 0, "pararel_idx": 2796, "requested_rewrite": {
          "prompt": "The mother tongue of {} is", "relation_id": "P103",
          "target_new": {"str": "English", "id": "Q1860"},
          "target_true": {"str": "French", "id": "Q150"}, "subject": "Danielle Darrieux"},
        "paraphrase_prompts": ["Shayna does this."]},
       {"requested_rewrite": {"prompt": "{}, {x} of", "relation_id": "P1", "subject": "A",
          "target_new": {"str": "b"}, "target_true": {"str": "c"}}}]
      """
    #expect(
      lines(try parseTable(Array(text.utf8), name: "counterfact.json")) == [
        "subject|answer|relation|template|foils",
        "Danielle Darrieux|French|P103|The mother tongue of {subject} is|English",
        "A|c|P1|{subject}, {{x}} of|b",
      ])
    let broken = text.replacing("\"subject\": \"A\",", with: "")
    #expect(
      try failure { _ = try parseTable(Array(broken.utf8), name: "c") }.message
        == "`c` record 2: `requested_rewrite.subject` is missing")
  }

  @Test func relationsOfHernandez() throws {
    let text = """
      {"name": "country capital city",
       "prompt_templates": ["The capital city of {} is", "What is the capital of {}? It is"],
       "prompt_templates_zs": ["The capital city of {} is"],
       "properties": {"relation_type": "factual", "symmetric": false},
       "samples": [{"subject": "China", "object": "Beijing"}, {"subject": "Japan", "object": "Tokyo"}]}
      """
    let read = try parseTable(Array(text.utf8), name: "capital.json")
    let templates = "The capital city of {subject} is||What is the capital of {subject}? It is"
    #expect(
      lines(read) == [
        "subject|answer|relation|template|foils|template_2",
        "China|Beijing|country capital city|\(templates)",
        "Japan|Tokyo|country capital city|\(templates)",
      ])
    let broken = text.replacing("\"object\": \"Tokyo\"", with: "\"object\": 3")
    #expect(
      try failure { _ = try parseTable(Array(broken.utf8), name: "c") }.message
        == "`c` sample 2 of relation `country capital city`: `object` is a number, not a string")
  }

  @Test(arguments: [
    ("", []), (" Spain", [" Spain"]), (" Spain| France", [" Spain", " France"]), ("||", []),
    ("[\" Spain\", \"a|b\", 3]", [" Spain", "a|b", "3"]), ("[a", ["[a"]), ("[]", []),
  ])
  func severalTextsInACell(cell: String, expected: [String]) {
    #expect(textList(cell) == expected)
  }
}
