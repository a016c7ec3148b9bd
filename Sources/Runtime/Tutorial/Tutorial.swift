import Lang

/// Ten minutes at the prompt, in which the reader types. A step is over when its line, or one like
/// it, has run. Everything else may be typed meanwhile.
struct Tutorial {
  /// The step that is shown.
  var place = 0
  /// The variable with the reader's own prompt.
  var own = "mine"
  /// The head that the last table of the reader's own prompt had at its top.
  var head = "L23H4"

  /// What only means something while a tutorial is on.
  enum Word: String, CaseIterable {
    case next, skip, leave
  }

  /// From this rank on, the model does not know an answer.
  static let knownRank = 20

  var step: TutorialStep { TutorialStep.all[place] }

  /// What is to be typed now.
  var line: String {
    switch step.line {
    case .fixed(let line, _): line
    case .ownPrompt(let example): example
    case .own(let line, _): line.replacing("mine", with: own).replacing("HEAD", with: head)
    }
  }

  /// The words of an entry that will do instead.
  private var words: [String] {
    switch step.line {
    case .fixed(_, let words): words
    case .ownPrompt: ["prompt"]
    case .own(_, let words): words + [own]
    }
  }

  /// Whether an entry does what the step is about.
  func isDone(by entry: String) -> Bool {
    let source = SourceText(name: "", text: entry)
    let found = Set(tokens(of: source).map { source.text(in: $0.span) })
    return words.allSatisfy(found.contains)
  }

  /// Whether this is where the reader's own fact begins.
  var isOwnPrompt: Bool {
    if case .ownPrompt = step.line { true } else { false }
  }

  /// The first step of the next part; nil in the last one.
  var nextPart: Int? {
    TutorialStep.all.indices.first { $0 > place && TutorialStep.all[$0].part != nil }
  }

  // MARK: Texts

  /// What is said of the step, as wide as the terminal.
  func text(width: Int?, isFirst: Bool, colour: Bool) -> String {
    let steps = TutorialStep.all
    var text = "\n"
    if let part = step.part {
      let parts = steps.filter { $0.part != nil }.count
      let number = steps.prefix(place + 1).filter { $0.part != nil }.count
      text += Style.heading.paint("\(number) of \(parts): \(part)", colour: colour) + "\n"
    }
    let width = min(79, max(20, width ?? 79))
    for paragraph in step.text.split(separator: "\n") {
      let margin = paragraph.hasPrefix("- ") ? "  " : ""
      let lines = HelpText.lines(of: paragraph, width: width, after: "", margin: margin)
      text += lines.map { $0 + "\n" }.joined()
    }
    let lead = isOwnPrompt ? "For example:" : "Type:"
    text += "\n\(lead)\n\n  " + Style.suggestion.paint(line, colour: colour) + "\n\n"
    guard isFirst else { return text }
    let help =
      "Right completes a line that you have begun. `next` types it for you, `skip` goes to the next "
      + "part, `leave` ends. `tutorial` shows the step again. All else may be typed too."
    return text
      + HelpText.lines(of: help[...], width: width, after: "", margin: "").map { $0 + "\n" }
      .joined() + "\n"
  }

  static let ending = """

    That was the tutorial. `help` lists the commands, `? WORD` finds a word in the help.

    """
}

extension Session {
  public var expectedLine: String? { tutorial?.line }

  /// Begins the tutorial, or shows its step again.
  func showTutorial(from place: Int? = nil) throws {
    let isFirst = tutorial == nil
    var tutorial = self.tutorial ?? Tutorial()
    if let place { tutorial.place = place }
    // Whoever has a model in use need not load one.
    if isFirst, models.inUse == TutorialStep.model { tutorial.place = 1 }
    self.tutorial = tutorial
    let settings = renderSettings
    try show(
      styled: tutorial.text(width: settings.width, isFirst: isFirst, colour: settings.colour))
  }

  /// What a word of the tutorial does; nil for all that is typed else.
  func answered(_ source: SourceText) -> ExitStatus? {
    guard let tutorial else { return nil }
    let text = String(source.text.split(whereSeparator: \.isWhitespace).joined(separator: " "))
    guard let word = Tutorial.Word(rawValue: text), lookUp(text) == nil else { return nil }
    switch word {
    case .leave:
      self.tutorial = nil
      say("the tutorial is left; `tutorial` begins it again")
      return .done
    case .next:
      say("> " + tutorial.line)
      return run(SourceText(name: "prompt", text: tutorial.line), interactive: true)
    case .skip: return skipPart(tutorial)
    }
  }

  /// Later parts need the prompts of this one.
  private func skipPart(_ tutorial: Tutorial) -> ExitStatus {
    guard let next = tutorial.nextPart else {
      endTutorial()
      return .done
    }
    self.tutorial = nil
    for place in tutorial.place..<next {
      var skipped = tutorial
      skipped.place = place
      guard skipped.line.hasPrefix("let ") || skipped.line.hasPrefix("load ") else { continue }
      say("> " + skipped.line)
      let status = run(SourceText(name: "prompt", text: skipped.line), interactive: true)
      guard status == .done else {
        self.tutorial = tutorial
        return status
      }
    }
    self.tutorial = tutorial
    return goTo(next)
  }

  /// Goes on where what was typed has done what the step is about.
  func goOnWithTutorial(after entry: String) {
    guard var tutorial, tutorial.isDone(by: entry) else { return }
    if tutorial.isOwnPrompt {
      guard let name = ownPrompt() else { return }
      tutorial.own = name
    }
    if let found = topHead { tutorial.head = found }
    self.tutorial = tutorial
    if case .own(let line, _) = tutorial.step.line, line.hasSuffix("| rank"),
      let rank = lastNumber("rank"), rank > Double(Tutorial.knownRank)
    {
      say(
        "the answer has rank \(thousands(Int(rank))): the model hardly knows it, so its parts say "
          + "little. Try another fact, or `next`")
      if let back = TutorialStep.all.indices.last(where: { place in
        if case .ownPrompt = TutorialStep.all[place].line { true } else { false }
      }) {
        _ = goTo(back)
        return
      }
    }
    guard tutorial.place + 1 < TutorialStep.all.count else { return endTutorial() }
    _ = goTo(tutorial.place + 1)
  }

  private func goTo(_ place: Int) -> ExitStatus {
    do {
      try showTutorial(from: place)
      return .done
    } catch let failure as Failure {
      report(failure)
      return failure.status
    } catch {
      return .stopped
    }
  }

  private func endTutorial() {
    tutorial = nil
    host.write(styled: Tutorial.ending)
  }

  /// The variable that was just given a prompt with an answer; what is missing is said.
  private func ownPrompt() -> String? {
    guard let entry = typed.last, entry.hasPrefix("let "),
      let name = entry.dropFirst(4).split(whereSeparator: { $0.isWhitespace || $0 == "=" }).first,
      case .prompts(let set)? = lookUp(String(name)), set.prompts.count == 1
    else {
      say("give it a name: let mine = prompt …")
      return nil
    }
    guard !set.prompts[0].answers.isEmpty else {
      say("it needs an answer: prompt \"…\" -> \" Japan\"")
      return nil
    }
    return String(name)
  }

  private var lastTable: Table? {
    if case .table(let value)? = lookUp("_") { value.table } else { nil }
  }

  private func lastNumber(_ column: String) -> Double? {
    guard let table = lastTable, table.rowCount > 0 else { return nil }
    return table[column]?.values.number(0)
  }

  private var topHead: String? {
    guard let table = lastTable, table.rowCount > 0, let column = table["component"] else {
      return nil
    }
    let name = column[0].description
    return name.wholeMatch(of: /L\d+H\d+/) == nil ? nil : name
  }
}

extension TutorialStep {
  /// What its texts speak of.
  static let model = "smollm2"
}
