/// One thing to type, with what is said before it.
struct TutorialStep {
  /// The part that begins with it; nil where it goes on.
  var part: String?
  /// Paragraphs; one that begins with `- ` is an item of a list.
  var text: String
  var line: TutorialLine
}

/// What is to be typed.
enum TutorialLine {
  /// A line about the tutorial's own prompts; an entry that has all `words` will do.
  case fixed(String, words: [String])
  /// A `let` of the reader's own prompt, and an example of one.
  case ownPrompt(example: String)
  /// A line in which `mine` stands for the reader's own prompt, and `HEAD` for the head that the last
  /// table has at its top.
  case own(String, words: [String])
}

extension TutorialStep {
  /// The lines of the first four parts are those of docs/tutorial.md.
  static let all: [TutorialStep] = [
    TutorialStep(
      part: "Ask a model something",
      text: "First a small model: 98 MB that are fetched once.",
      line: .fixed("load smollm2", words: ["load"])),
    TutorialStep(
      text: """
        Why does it say Paris after "The Eiffel Tower is in the city of"? You take this fact apart.
        - A text in braces is a span: its tokens have a name, here `subject` and `relation`.
        - After -> stands the answer, after `vs` the foils to compare it with. Both begin with a \
        space, because the model's tokens do.
        """,
      line: .fixed(
        #"let tower = prompt "Fact: {subject:The Eiffel Tower} {relation:is in the city of}" -> "#
          + #"" Paris" vs " London", " Rome""#, words: ["tower", "prompt"])),
    TutorialStep(
      text: "A line is a pipeline: what to study | what to measure | how to shape the table.",
      line: .fixed("tower | logits | top 3", words: ["tower", "logits"])),
    TutorialStep(
      part: "Which parts write the answer?",
      text: """
        The answer's logit is a sum: each attention head and each MLP adds a part of it. `dla`, direct \
        logit attribution, lists the parts.
        """,
      line: .fixed("tower | dla by component | top 5", words: ["tower", "dla"])),
    TutorialStep(
      text: """
        Now the heads alone, each split by the span that it reads. L23H4 is head 4 in layer 23, \
        counted from 0.
        """,
      line: .fixed("tower | dla by head, span | top 5", words: ["tower", "dla", "span"])),
    TutorialStep(
      part: "What happens without a part?",
      text: """
        L23H4 takes its part from the subject. Attribution does not see what other parts do with a \
        head's output. An edit does: set the head to zero at the last token, and compute all after \
        it again. `logit_diff` is the answer's logit minus the mean of the foils': 6.8 without the edit.
        """,
      line: .fixed("tower | ablate L23H4@last | rank", words: ["tower", "ablate", "rank"])),
    TutorialStep(
      text: """
        After `each`, every head is a run of its own: here 270 runs, computed as one. `effect` is the \
        edited logit difference minus the one before.
        """,
      line: .fixed(
        "tower | ablate each heads@last | effect | sort effect | take 5",
        words: ["tower", "each", "effect"])),
    TutorialStep(
      part: "Where is the fact, and when?",
      text: "`patch` copies values from another prompt's run. So: a prompt about Rome.",
      line: .fixed(
        #"let arena = prompt "Fact: {subject:The Colosseum} {relation:is in the city of}" -> "#
          + #"" Paris" vs " Rome""#, words: ["arena", "prompt"])),
    TutorialStep(
      text: """
        Copy what the model has of the Eiffel Tower at the last token into it, one layer at a time. \
        `recovered` is 0 where that changes nothing, and 1 where the model then says Paris as surely.
        """,
      line: .fixed(
        "arena | patch each L*.resid_pre@last from tower | effect | plot line layer, recovered",
        words: ["arena", "patch", "effect"])),
    TutorialStep(
      part: "A fact of your own",
      text: """
        The curve jumps where heads such as L23H4 move the fact to the last token.
        Your turn: a fact that you choose, one that a small model may know. Mark its subject and its \
        relation with braces, and give the answer and a foil or two.
        """,
      line: .ownPrompt(
        example: #"let mine = prompt "Fact: {subject:Tokyo} {relation:is the capital of}" -> "#
          + #"" Japan" vs " China""#)),
    TutorialStep(
      text: "Does the model know it? Rank 1 is the token that it finds likeliest.",
      line: .own("mine | rank", words: ["rank"])),
    TutorialStep(
      text: "Which heads write the answer, and what do they read?",
      line: .own("mine | dla by head, span | top 5", words: ["dla"])),
    TutorialStep(
      text: "Which heads does it need? The first row is the one that is missed most.",
      line: .own(
        "mine | ablate each heads@last | effect | sort effect | take 5",
        words: ["ablate", "effect"])),
    TutorialStep(
      text: "All that is known of this head on your prompt, on one card.",
      line: .own("mine | explain HEAD", words: ["explain"])),
    TutorialStep(
      text: "And in which layer does the answer appear?",
      line: .own("mine | lens | plot line layer, logprob", words: ["lens"])),
    TutorialStep(
      part: "Keep it",
      text: """
        You have taken your fact apart. What you typed can become a script: `summand my-fact.summand` \
        prints the same tables again.
        """,
      line: .fixed(#"session save "my-fact.summand""#, words: ["session", "save"])),
  ]
}
