import Testing

@testable import Lang

struct SelectorTests {
  @Test(arguments: [
    ("L29H1", "<L29H1>"), ("L9.mlp@subject", "(@ <L9.mlp> subject)"),
    ("heads@last", "(@ heads last)"), ("embed", "embed"), ("@last", "(@ last)"),
    ("unembed.bias", "(. unembed bias)"), (" L9 ", "<L9>"),
    ("blocks.9.attn.hook_z", "<hook.blocks.9.attn.hook_z>"),
  ])
  func reads(_ text: String, _ expected: String) throws {
    #expect(dump(try parseSelector(text).get()) == expected)
  }

  @Test(arguments: [
    "", "L9h8", "1", "a b", "a | b", "a; b", "a + b", "f(x)", "(a)", "let a = b", "\"a\"",
  ])
  func refuses(_ text: String) {
    #expect(throws: Diagnostic.self) { try parseSelector(text).get() }
  }
}

struct SuggestionTests {
  private let verbs = ["ablate", "dla", "def", "logits", "logit_diff", "probs", "plot", "top"]

  @Test(arguments: [
    ("ablte", "ablate"), ("albate", "ablate"), ("logtis", "logits"), ("logit", "logits"),
    ("Plot", "plot"), ("plt", "plot"), ("tpo", "top"), ("logitdiff", "logit_diff"),
    ("ABLAET", "ablate"),
  ])
  func finds(_ wrong: String, _ right: String) {
    #expect(suggestion(for: wrong, among: verbs) == right)
  }

  @Test(arguments: ["", "x", "xyz", "sort", "frobnicate", "ab"])
  func isSilentWhereNothingIsNear(_ wrong: String) {
    #expect(suggestion(for: wrong, among: verbs) == nil)
  }

  @Test func theNearestWinsAndTiesGoToTheEarlier() {
    #expect(suggestion(for: "head", among: ["heat", "heads", "lead"]) == "heat")
    #expect(suggestion(for: "layrs", among: ["lairs", "layers"]) == "lairs")
    #expect(suggestion(for: "top", among: []) == nil)
  }

  @Test func editDistanceCountsASwapOnce() {
    #expect(editDistance(Array("abcd"), Array("abdc")) == 1)
    #expect(editDistance(Array("ca"), Array("abc")) == 3)
    #expect(editDistance(Array("kitten"), Array("sitting")) == 3)
    #expect(editDistance([], Array("abc")) == 3)
  }
}
