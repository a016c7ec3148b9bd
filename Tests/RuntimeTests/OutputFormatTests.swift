import TestSupport
import Testing

@testable import Runtime

@Suite struct OutputFormatTests {
  let logits = Table(
    columns: [
      Column("rank", .integers([1, 2, 3, nil])),
      Column("token", .texts([" Italy", "a\"b", "日\t本|\n\\", nil])),
      Column("logit", .singles([18.75916, 0.1, -2.5, .nan])),
      Column("prob", .doubles([0.1, 1e-9, .infinity, -.infinity])),
    ], measure: "logit")

  @Test func tsv() {
    #expect(
      render(logits, as: .tsv) == """
        "rank"\t"token"\t"logit"\t"prob"
        1\t" Italy"\t18.75916\t0.1
        2\t"a""b"\t0.1\t1e-09
        3\t"日\t本|
        \\"\t-2.5\tinf
        \t\t\t-inf

        """)
    let others = Table(columns: [
      Column("a\t\"b\"", .booleans([true, false, nil])),
      Column("whole", .doubles([3, 1e16, -0.0])),
      Column("text", .texts(["", "true", "3\r\n"])),
    ])
    #expect(
      render(others, as: .tsv)
        == "\"a\t\"\"b\"\"\"\t\"whole\"\t\"text\"\ntrue\t3.0\t\"\"\nfalse\t1e+16\t\"true\"\n"
        + "\t-0.0\t\"3\r\n\"\n")
  }

  @Test func escaped() {
    #expect(
      render(logits, as: .escaped) == """
        rank\ttoken\tlogit\tprob
        1\t Italy\t18.75916\t0.1
        2\ta"b\t0.1\t1e-09
        3\t日\\t本|\\n\\\\\t-2.5\tinf
        \t\t\t-inf

        """)
  }

  @Test func csv() {
    #expect(
      render(logits, as: .csv) == """
        rank,token,logit,prob
        1," Italy",18.75916,0.1
        2,"a""b",0.1,1e-09
        3,"日\t本|
        \\",-2.5,inf
        ,,,-inf

        """)
  }

  @Test func json() throws {
    #expect(
      render(logits, as: .json) == """
        [
          {"rank":1,"token":" Italy","logit":18.75916,"prob":0.1},
          {"rank":2,"token":"a\\"b","logit":0.1,"prob":1e-09},
          {"rank":3,"token":"日\\t本|\\n\\\\","logit":-2.5,"prob":"Infinity"},
          {"rank":null,"token":null,"logit":null,"prob":"-Infinity"}
        ]

        """)
    #expect(try render(logits.take(0), as: .json) == "[]\n")
    #expect(try render(logits.take(0), as: .ndjson) == "")
    #expect(
      try render(logits.take(-1), as: .ndjson)
        == "{\"rank\":null,\"token\":null,\"logit\":null,\"prob\":\"-Infinity\"}\n")
    #expect(jsonString("\u{1}\u{7F}é😀") == "\"\\u0001\u{7F}é😀\"")
  }

  @Test func markdown() {
    #expect(
      render(logits, as: .markdown) == #"""
        | rank | token              |   logit |     prob |
        | ---: | ------------------ | ------: | -------: |
        |    1 | " Italy"           | 18.7592 | 0.100000 |
        |    2 | "a\\"b"            |  0.1000 | 1.000e-9 |
        |    3 | "日\\t本\|\\n\\\\" | -2.5000 |      inf |
        |      |                    |         |     -inf |

        """#)
  }

  @Test func theDocumentCarriesItsProvenance() throws {
    let provenance = Provenance([
      ("summand", .string("0.1.0")), ("prompts", .array([.string("a"), .null, .number(0.5)])),
    ])
    let document = renderDocument(try logits.take(1), provenance)
    #expect(
      document == """
        {
          "schema": {
            "fields": [
              {"name": "rank", "type": "integer"},
              {"name": "token", "type": "string"},
              {"name": "logit", "type": "number", "extDtype": "float32"},
              {"name": "prob", "type": "number"}
            ],
            "pandas_version": "1.4.0"
          },
          "provenance": {
            "summand": "0.1.0",
            "prompts": ["a", null, 0.5]
          },
          "data": [
            {"rank":1,"token":" Italy","logit":18.75916,"prob":0.1}
          ]
        }

        """)
    let read = try parseTable(Array(document.utf8), name: "x.json")
    #expect(try read.columns == logits.take(1).columns)
  }

  /// The types of columns are in the document: none has to be guessed.
  @Test func theDocumentRestoresTypes() throws {
    let beyond = (1 << 53) + 1
    let table = Table(columns: [
      Column("whole", .integers([beyond, .min, .max])),
      Column("some", .integers([nil, beyond, .min])),
      Column("none", .integers([nil, nil, nil])),
      Column("single", .singles([0.1, -.infinity, .nan])),
      Column("double", .doubles([5e-324, .infinity, .nan])),
      Column("no double", .doubles([.nan, .nan, .nan])),
      Column("boolean", .booleans([true, nil, false])),
      Column("no boolean", .booleans([nil, nil, nil])),
      Column("digits", .texts(["1", "NaN", nil])),
      Column("date\t\"", .texts(["2020-01-01", "", "true"])),
      Column("no text", .texts([nil, nil, nil])),
    ])
    for shown in [table, try table.take(1), try table.take(0)] {
      let document = renderDocument(shown, Provenance())
      #expect(
        try parseTable(Array(document.utf8), name: "x.json").columns == shown.columns, "\(document)"
      )
    }
    let none = renderDocument(Table(columns: []), Provenance())
    #expect(try parseTable(Array(none.utf8), name: "x.json").columns == [])
  }

  @Test func documentsOf010AreStillRead() throws {
    let old = """
      {
        "summand": "0.1.0",
        "model": {"file": "m.gguf"},
        "columns": ["rank", "prob", "token"],
        "rows": [
          {"rank":1,"prob":"Infinity","token":" Italy"},
          {"rank":null,"prob":0.5,"token":null}
        ]
      }
      """
    let expected = [
      Column("rank", .integers([1, nil])), Column("prob", .doubles([.infinity, 0.5])),
      Column("token", .texts([" Italy", nil])),
    ]
    #expect(try parseTable(Array(old.utf8), name: "x.json").columns == expected)
  }

  /// Any table comes back from every format that is read as it was, but for what a format cannot
  /// say: `escaped` has no empty text, and single is not told from double.
  @Test(arguments: [OutputFormat.tsv, .escaped, .csv, .json, .ndjson])
  func roundTrip(format: OutputFormat) throws {
    var chance = SeededGenerator(seed: 11)
    for _ in 0..<300 {
      let table = randomTable(&chance, emptyTexts: format != .escaped)
      let text = render(table, as: format)
      let read = try parseTable(
        Array(text.utf8), name: "test", format: TableFormat(rawValue: format.rawValue) ?? .tsv)
      #expect(read == table, "\(text)")
    }
  }

  /// TSV and the saved document say of every value what it is, whatever it looks like. TSV alone
  /// has no type of a column without values.
  @Test func textsThatLookLikeOthersComeBack() throws {
    let words: [String?] = [
      nil, "", "1", "-0", "0.5", "1e5", "inf", "NaN", "nan", "NA", "null", "None", "true", "False",
      "2020-01-01", "\"", "\"\"", "\\", "\\t", "\t", "\n", "\r", "\r\n", "\n\n", "\"a\"\tb", " ",
      "a\"b",
      "\u{FEFF}", "\u{0}", "#", "'", ",",
    ]
    let numbers: [Double] = [.nan, 0, -0.0, 1, 3e20, .infinity, -.infinity, 5e-324, 0.1]
    var chance = SeededGenerator(seed: 5)
    for _ in 0..<500 {
      let rows = Int.random(in: 1...4, using: &chance)
      func column<T>(_ values: [T]) -> [T] {
        (0..<rows).map { _ in values.randomElement(using: &chance) ?? values[0] }
      }
      var columns: [Column] = []
      for index in 0..<Int.random(in: 1...4, using: &chance) {
        let name = (words.randomElement(using: &chance) ?? nil) ?? ""
        let values: Values =
          switch Int.random(in: 0..<5, using: &chance) {
          case 0: .integers(column([nil, 0, -7, .min, .max]))
          case 1: .doubles(column(numbers))
          case 2: .singles(column(numbers.map { Float($0) }))
          case 3: .booleans(column([nil, true, false]))
          default: .texts(column(words))
          }
        columns.append(Column(name + "\(index)", values))
      }
      let table = Table(columns: columns)
      let document = renderDocument(table, Provenance())
      #expect(
        isSame(try parseTable(Array(document.utf8), name: "x.json").columns, columns), "\(document)"
      )
      let known = columns.map { column in
        guard column.values.missingCount < rows else {
          return Column(column.name, .texts([String?](repeating: nil, count: rows)))
        }
        guard case .singles(let values) = column.values else { return column }
        return Column(column.name, .doubles(values.map { Double($0.description) ?? .nan }))
      }
      let text = render(table, as: .tsv)
      #expect(isSame(try parseTable(Array(text.utf8), name: "x.tsv").columns, known), "\(text)")
    }
  }

  /// Zeros with their signs, and what is missing equal to itself.
  private func isSame(_ one: [Column], _ other: [Column]) -> Bool {
    one.map(\.name) == other.map(\.name) && one.map(\.kind) == other.map(\.kind)
      && zip(one, other).allSatisfy { one, other in
        (0..<one.count).map { "\(one[$0])" } == (0..<other.count).map { "\(other[$0])" }
      }
  }

  private func randomTable(_ chance: inout SeededGenerator, emptyTexts: Bool) -> Table {
    let rows = Int.random(in: 1...5, using: &chance)
    let alphabet: [Character] = [
      "a", "\"", ",", "\t", "\n", "\r", "\\", " ", "é", "😀", "{", "t", "n",
    ]
    func text() -> String {
      // A letter first: what looks like a number comes back as one, and null is missing.
      let tail = (0..<Int.random(in: 0...4, using: &chance)).map { _ in
        alphabet.randomElement(using: &chance) ?? "a"
      }
      return (Bool.random(using: &chance) ? " " : "x") + String(tail)
    }
    func missing() -> Bool { Int.random(in: 0..<4, using: &chance) == 0 }
    var columns = [Column("key", .integers((0..<rows).map { $0 }))]
    for index in 0..<Int.random(in: 0...4, using: &chance) {
      let name = "c\(index)" + text()
      switch Int.random(in: 0..<4, using: &chance) {
      case 0:
        var values = (0..<rows).map { _ in
          missing() ? nil : Int.random(in: .min ... .max, using: &chance)
        }
        values[0] = values[0] ?? 0
        columns.append(Column(name, .integers(values)))
      case 1:
        var values = (0..<rows).map { _ -> Double in
          let bits = Double(bitPattern: UInt64.random(in: 0...UInt64.max, using: &chance))
          return missing() || bits.isNaN ? .nan : bits
        }
        values[0] = 0.5
        columns.append(Column(name, .doubles(values)))
      case 2:
        var values: [Bool?] = (0..<rows).map { _ in missing() ? nil : Bool.random(using: &chance) }
        values[0] = true
        columns.append(Column(name, .booleans(values)))
      default:
        var values: [String?] = (0..<rows).map { _ in missing() ? nil : text() }
        if emptyTexts, rows > 1 { values[1] = "" }
        values[0] = "text" + text()
        columns.append(Column(name, .texts(values)))
      }
    }
    return Table(columns: columns)
  }

  @Test func bigTablesLeaveInPieces() throws {
    let big = Table(columns: [Column("n", .integers((0..<50_000).map { $0 }))])
    var pieces: [Int] = []
    var whole: [UInt8] = []
    try render(big, as: .tsv) {
      pieces.append($0.count)
      whole += $0
    }
    #expect(pieces.count > 3 && pieces.allSatisfy { $0 < 1 << 17 })
    #expect(String(decoding: whole, as: UTF8.self) == render(big, as: .tsv))
    struct Closed: Error {}
    var calls = 0
    #expect(throws: Closed.self) {
      try render(big, as: .ndjson) { _ in
        calls += 1
        throw Closed()
      }
    }
    #expect(calls == 1)
  }
}

/// The document of `save "x.json"` as one text.
private func renderDocument(_ table: Table, _ provenance: Provenance) -> String {
  var bytes: [UInt8] = []
  let append: ([UInt8]) -> Void = { bytes += $0 }
  try? writing(into: append) { try renderDocument(table, provenance, into: &$0) }
  return String(decoding: bytes, as: UTF8.self)
}
