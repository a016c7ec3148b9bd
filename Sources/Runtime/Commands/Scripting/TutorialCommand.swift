import Lang

extension Command {
  static let tutorial = Command(
    name: "tutorial", group: .scripting,
    summary: "Learn Summand at the prompt: ten minutes that end with a fact of your own.",
    details: """
      It says what to type, and goes on when that has run. `next` types the line for you, `skip` goes \
      to the next part, `leave` ends it. Anything else may be typed meanwhile.
      """,
    input: .none, examples: [], yieldsToNames: true
  ) { call in
    guard call.session.isInteractive else {
      throw call.failure(
        "`tutorial` is for the prompt", help: "start `summand` and type `tutorial`")
    }
    try call.session.showTutorial()
    return .nothing
  }
}
