import Lang
import TestSupport
import Testing

@testable import Runtime

/// Nothing that a line nests, or calls, uses up the stack: an error says so before.
@Suite struct DepthTests {
  /// What may stand around a call, in any number.
  private static let wrappings: [(String, String)] = [
    ("", " + 1"), ("abs(", ")"), ("(", ")"), ("[", "][0]"), ("not ", ""), ("\"\\(", ")\""),
    ("coalesce(missing, ", ")"), ("if true { ", " }"),
    ("for i in [1] { ", " }"), ("time ", ""), ("let y = ", ""),
  ]

  @Test(arguments: wrappings.indices, [1, 12])
  func callsWithinCallsEndWithTheirChain(index: Int, count: Int) {
    let (before, after) = Self.wrappings[index]
    let isStatement = before.hasSuffix(" ") && !before.hasPrefix("(") && !before.hasPrefix("not")
    let repeated = before.hasPrefix("time") || before.hasPrefix("let") ? 1 : count
    let body =
      String(repeating: before, count: isStatement ? min(repeated, 5) : repeated)
      + "f(x)" + String(repeating: after, count: isStatement ? min(repeated, 5) : repeated)
    let text = "def f(x) { \(body) }\nf(1)"
    let (status, _, messages) = Session(host: TestHost()).running(text)
    #expect(status == .failed, "\(text): \(messages)")
    #expect(messages.contains("calls are nested too deeply"), "\(text): \(messages)")
    #expect(messages.contains("f (test:2:1) → "), "\(messages)")
  }

  @Test func theChainNamesEveryDefOfACircle() {
    let text = "def odd(n) { even(n - 1) }\ndef even(n) { odd(n - 1) }\nodd(5)"
    let (_, _, messages) = Session(host: TestHost()).running(text)
    #expect(messages.contains("odd (test:3:1) → even (test:1:14) → odd (test:2:15) → … "))
    #expect(messages.contains(" more … → "))
  }

  @Test func aDefaultThatCallsItsOwnDefIsACallToo() {
    let (_, _, messages) = Session(host: TestHost()).running("def f(x = f()) { x }\nf()")
    #expect(messages.contains("calls are nested too deeply"), "\(messages)")
  }

  @Test func listsInListsAreBounded() {
    let session = Session(host: TestHost())
    var (_, _, messages) = session.running("let x = 1\nfor i in 0..63 { let x = [x] }\nlength(x)")
    #expect(messages == "")
    (_, _, messages) = session.running("let x = [x]")
    #expect(messages.contains("lists are nested more than 64 deep"), "\(messages)")
    (_, _, messages) = session.running("let x = 1\nfor i in 0..60 { let x = [x, x] }")
    #expect(messages.contains("more than 10,000,000 elements"), "\(messages)")
  }

  @Test func donorsOfDonorsAreBounded() throws {
    let session = try tinySession()
    let (_, _, messages) = session.running(
      """
      let q = prompt [5, 6, 7]
      let p = q
      for i in 0..100 { let p = q | patch L0.mlp from p }
      """)
    #expect(messages.contains("donors of donors are nested more than 64 deep"), "\(messages)")
  }

  @Test(arguments: ["(", "[", "abs(", "{", "not ", "if true { ", "\"\\("])
  func textsThatNestWithoutEndAreRefused(opening: String) {
    let text = "x = " + String(repeating: opening, count: 100_000)
    #expect(Session(host: TestHost()).running(text).status == .syntax)
    #expect(Session(host: TestHost()).completeness(of: text) != .complete)
  }
}

/// A session with a model so small that everything is there at once.
func tinySession(_ host: TestHost = TestHost()) throws -> Session {
  let session = Session(host: host)
  let model = Fixtures.folder.appending(path: "tiny-gqa.F32.gguf")
  let (status, _, messages) = session.running("load \"\(model.path)\"")
  try #require(status == .done, "\(messages)")
  return session
}
