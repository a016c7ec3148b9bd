import Testing

@testable import Model

@Suite struct FilesJSONTests {
  private func parse(_ bytes: some Sequence<UInt8>) throws -> JSON {
    var scanner = try JSONScanner(Array(bytes), source: "x.json")
    let value = try scanner.value()
    try scanner.end()
    return value
  }

  @Test(
    arguments: [
      ("null", .null), (" true ", .bool(true)), ("false", .bool(false)), ("0", .integer(0)),
      ("-0", .integer(0)), ("-12", .integer(-12)), ("1.5", .double(1.5)), ("1e3", .double(1000)),
      ("-1.25E-2", .double(-0.0125)), ("9223372036854775807", .integer(.max)),
      ("9223372036854775808", .double(9_223_372_036_854_775_808)),
      (#""""#, .string("")), (#""a\"\\\/\b\f\n\r\t\u0041é""#, .string("a\"\\/\u{8}\u{C}\n\r\tAé")),
      (#""\ud83d\ude00\u0000""#, .string("😀\0")), ("[]", .array([])), ("{}", .object([:])),
      (
        #"[1,[2],{"a":[]}]"#,
        .array([.integer(1), .array([.integer(2)]), .object(["a": .array([])])])
      ),
    ] as [(String, JSON)])
  func reads(text: String, value: JSON) throws {
    #expect(try parse(text.utf8) == value)
  }

  @Test(arguments: [
    "", " ", "nul", "nullx", "tru", "01", "-", "+1", "1.", ".5", "1e", "1e+", "1e999", "0x1", "'a'",
    "\"", "\"a", "\"\\", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\udc00\"",
    "\"\\ud800\\u0041\"", "\"\\ud800x\"", "\"\u{1}\"", "\"\n\"", "[", "]", "[1", "[1,", "[1,]",
    "[,1]",
    "[1 2]", "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}", "{1:1}",
    "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "1 1", "[]]",
    "// x",
    "NaN", "Infinity", "\u{FEFF}1", "\u{A0}1",
  ])
  func refuses(text: String) {
    expectFileError("'x.json', byte") { _ = try parse(text.utf8) }
  }

  @Test func refusesWhatIsNotUTF8() {
    expectFileError("byte 2: this byte is not UTF-8") { _ = try parse([0x22, 0x61, 0xFF, 0x22]) }
  }

  @Test func refusesDeepNesting() throws {
    let deep = { (count: Int) in
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    _ = try parse(deep(128).utf8)
    expectFileError("nested too deep") { _ = try parse(deep(129).utf8) }
    expectFileError("nested too deep") { _ = try parse(deep(1_000_000).utf8) }
  }

  /// The standard library's own check is the other opinion.
  @Test func findsTheFirstInvalidByte() {
    let bytes: [UInt8] = [
      0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1,
      0xED,
      0xEE, 0xEF, 0xF0, 0xF1, 0xF4, 0xF5, 0xFF,
    ]
    var state: UInt64 = 1
    for _ in 0..<20000 {
      let text = (0..<6).map { _ -> UInt8 in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return bytes[Int(state >> 33) % bytes.count]
      }
      let place = firstInvalidUTF8(text)
      #expect((place == nil) == (String(validating: text, as: UTF8.self) != nil), "\(text)")
      if let place {
        #expect(String(validating: text[..<place], as: UTF8.self) != nil, "\(text)")
      }
    }
  }
}
