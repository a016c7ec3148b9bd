import Testing

@testable import Runtime

/// Arguments that are one of a closed set: a word, a string or a variable, everywhere alike.
@Suite struct ChoiceTests {
  private func session() throws -> Session {
    let session = Session(host: TestHost(format: .tsv))
    let (status, _, messages) = session.running(
      "load \"\(tinyModelPath)\" as tiny\n" + EveryArgument.prologue)
    try #require(status == .done, "\(messages)")
    return session
  }

  /// Lines that must print the same.
  @Test(arguments: [
    ("asked | dla by head of logit_diff", #"asked | dla by head of "logit_diff""#),
    ("asked | dla by head of logit_diff", #"let what = "logit_diff"; asked | dla by head of what"#),
    (
      "asked | dla by head of logit_diff",
      #"def f(x, what) { x | dla by head of what }; f(asked, "logit_diff")"#
    ),
    ("asked | dla by head, span", #"asked | dla by "head", "span""#),
    ("asked | dla by head, span", #"let parts = ["head", "span"]; asked | dla by parts"#),
    ("asked | dla by head, span", #"let kind = "span"; asked | dla by head, kind"#),
    ("parts | show as csv", #"parts | show as "csv""#),
    ("parts | show as csv", #"let f = "csv"; parts | show as f"#),
    ("parts | show as csv", #"let f = "csv"; parts | show as $f"#),
    ("parts | top 3 | plot bar", #"parts | top 3 | plot "bar""#),
    ("parts | top 3 | plot bar span, dla", #"let k = "bar"; parts | top 3 | plot k span, dla"#),
    ("parts | top 3 | plot bar span, dla", "parts | top 3 | plot span, dla bar"),
    ("parts | top 3 | plot bar span, dla", "parts | top 3 | plot span, dla kind=bar"),
    (
      "several | ablate L0.mlp@last mean over (several) | effect of prob",
      #"let m = "mean"; let p = "prob"; several | ablate L0.mlp@last m over (several) | effect of p"#
    ),
    (
      "asked | compare tiny again by layer of logit",
      #"asked | compare tiny again by "layer" of "logit""#
    ),
    (
      "parts | classify top 3 absolute median",
      #"parts | classify subject, relation "absolute" "median" top 3"#
    ),
    // A number cannot be meant where a choice is written.
    ("asked | dla by layer", "for layer in [3] { asked | dla by layer }"),
    // Both a choice and a variable: each can be said.
    ("asked | dla by layer", #"let head = "layer"; asked | dla by $head"#),
    ("asked | dla by head", #"let head = "layer"; asked | dla by "head""#),
  ])
  func wordsStringsAndVariables(word: String, other: String) throws {
    func printed(_ line: String) throws -> String {
      let session = try session()
      _ = session.running("load \"\(tinyModelPath)\" as again; use tiny")
      let (status, output, messages) = session.running(line)
      #expect(status == .done, "\(line): \(messages)")
      return output
    }
    let expected = try printed(word)
    #expect(!expected.isEmpty)
    #expect(try printed(other) == expected)
  }

  @Test(arguments: [
    (
      "asked | dla by haed",
      "expected component, layer, head, neuron, feature, source or span, got 'haed'"
    ),
    ("asked | dla by haed", "did you mean `head`?"),
    (#"asked | dla by "haed""#, "did you mean `head`?"),
    ("asked | dla by head of prob", "expected logit or logit_diff, got 'prob'"),
    ("let n = 3; asked | dla by n", "source or span, got a whole number"),
    ("asked | dla by 3", "source or span, got '3'"),
    (#"parts | show as ["csv"]"#, "\(OutputFormat.allCases.last?.rawValue ?? ""), got a list"),
    ("asked | dla by []", "this list is empty"),
    (
      "parts | plot pie",
      "expected bar, heatmap, line, scatter, histogram, tokens, attention or circuit, got 'pie'"
    ),
    (
      "parts | plot",
      "`plot` needs bar, heatmap, line, scatter, histogram, tokens, attention or circuit"
    ),
    ("parts | show as jsn", "did you mean `json`?"),
    ("parts | show", "`show` needs `as table | plain | tsv | escaped | csv | json"),
    ("parts | show as", "`show` needs a value after `as`"),
    ("bos maybe", "expected on, off or auto, got 'maybe'"),
    ("bos on off", "'on' is already given"),
    ("asked | ablate L0.mlp zero mean", "'zero' is already given"),
    ("asked | ablate each each L0.mlp", "`each` is already given"),
    ("asked | ablate L0.mlp --each=3", "`each` takes no value"),
    ("parts | top 3 by dla by layer", "`by` is already given"),
    ("parts | take", "`take` needs COUNT (how many"),
    ("parts | take", "help: usage: take COUNT"),
    ("parts | take 3 4", "unexpected argument of `take`"),
    ("asked | tokens 3", "`tokens` takes no arguments"),
    ("asked | dla by head, layer", "`dla` cannot be divided by head, layer"),
    (#"let head = "layer"; asked | dla by head"#, "`head` is both a choice and a variable"),
    (#"let head = "layer"; asked | dla by head"#, #"$head is the variable, "head" the choice"#),
    (#"let zero = "mean"; asked | ablate L0.mlp zero"#, "`zero` is both a choice and a variable"),
    (#"let R = "a"; asked | dla on R"#, "`R` is both a choice and a variable"),
    ("with tiny", "`with` needs a command after it in the pipeline"),
  ])
  func whatIsWrongIsSaid(line: String, message: String) throws {
    let (status, _, messages) = try session().running(line)
    #expect(status == .failed)
    #expect(messages.contains(message), "\(messages)")
    #expect(messages.contains(" --> test:1:"), "\(messages)")
  }
}
