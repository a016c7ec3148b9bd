import Lang
import Model

/// A position at which a measure reads a prompt.
struct Reading {
  let position: Int
  /// Its place among those that were asked for.
  let index: Int
  /// The prompt, its answer being what is the answer at this position.
  let prompt: Prompt
}

/// Where a measure reads each prompt of a set: at the last position, or at those after `at`.
struct Readings {
  /// What is asked at a position.
  enum Question {
    /// Nothing that needs an answer.
    case everything
    /// How the prompt's answer fares.
    case answer
    /// How the token that follows in the text fares, whatever the prompt's answer is.
    case following
  }

  /// What `at` says; nil where it is not given.
  let kind: Position.Kind?
  /// Whether the tokens of the text are what is asked for.
  let isOfText: Bool
  /// Whether more than one position of a prompt was asked for: the table says then which a row is of.
  let hasSeveral: Bool
  private let readings: [[Reading]]
  /// Where it stands in the line, for errors.
  let span: SourceSpan

  /// - Parameters:
  ///   - isReadAt: whether `at` says where, if the command has it.
  ///   - placed: what `@` says in another argument, which goes before `at`.
  /// - Throws: `Failure` for a position that a prompt does not have, a prompt without an answer, and
  ///   where nothing is left to read.
  init(
    _ call: Invocation, of set: PromptSet, asking question: Question, isReadAt: Bool = true,
    placed: (kind: Position.Kind, span: SourceSpan)? = nil
  ) throws {
    let at = isReadAt && call.declares("at") ? try call.positions("at", in: set) : nil
    kind = placed?.kind ?? at
    isOfText = if case .following = question { true } else { false }
    span = placed?.span ?? call.span(of: "at")
    if case .answer = question {
      try placing(at: call.span) { try set.checkAnswersOrNext(for: call.command.name) }
    }
    var several = false
    readings = try placing(at: span) { [kind] in
      try set.prompts.mapChecked { prompt in
        let asked = try kind.map(prompt.positions) ?? prompt.positions(byDefaultFor: question)
        several = several || asked.count > 1
        return prompt.readings(at: asked, asking: question)
      }
    }
    hasSeveral = several
    try checkThatSomeAreLeft(set, call, question)
  }

  /// The last position of every prompt.
  init(lastOf set: PromptSet) { self.init(set) { $0.last } }

  /// The position of every prompt after which nothing is fed.
  init(endsOf set: PromptSet) { self.init(set) { $0.tokens.count - 1 } }

  private init(_ set: PromptSet, position: (Prompt) -> Int) {
    kind = nil
    isOfText = false
    hasSeveral = false
    span = SourceSpan(0, 0)
    readings = set.prompts.map { [Reading(position: position($0), index: 0, prompt: $0)] }
  }

  subscript(item: Case) -> [Reading] { readings[item.index] }

  /// Of the prompt at a place in its set.
  subscript(ofPrompt index: Int) -> [Reading] { readings[index] }

  /// - Parameter count: how many positions the prompt's donor has after the same `at`.
  /// - Throws: `Failure` where they are not as many as the prompt's.
  func check(_ prompt: Prompt, pairsWith count: Int) throws {
    let own = try kind.map(prompt.positions)?.count ?? 1
    guard own != count else { return }
    throw Failure(
      "'\(excerpt(prompt.name))' is read at \(own) positions, and its donor at \(count)",
      help: "read positions that both have, such as @last or a span of equal length")
  }

  /// How many there are, of all prompts.
  var count: Int { readings.reduce(0) { $0 + $1.count } }

  /// A text's last position has no token that follows.
  private func checkThatSomeAreLeft(_ set: PromptSet, _ call: Invocation, _ question: Question)
    throws
  {
    let empty = zip(set.prompts, readings).filter(\.1.isEmpty).map(\.0)
    guard let first = empty.first else { return }
    guard empty.count < set.prompts.count else {
      throw Failure(
        first.tokens.count == 1
          ? "'\(excerpt(first.name))' is a single token: no token follows"
          : "no token follows the last position of '\(excerpt(first.name))'",
        help: first.tokens.count == 1
          ? "give more text, or feed BOS before it: `bos on`"
          : "read other positions: \(call.command.name) at @*", span: span)
    }
    call.warn(
      "\(empty.count) of \(set.prompts.count) prompts have no rows, since no token follows: "
        + "'\(excerpt(first.name))'" + (empty.count > 1 ? ", and \(empty.count - 1) more" : ""))
  }
}

extension Prompt {
  /// What the token after a position is the answer of.
  func following(_ position: Int) -> Answer? {
    guard tokens.indices.contains(position + 1) else { return nil }
    return Answer([tokens[position + 1]], of: model)
  }

  /// Each token of a text counts, where all that follow are asked for; else the last is read.
  fileprivate func positions(byDefaultFor question: Readings.Question) throws -> [Int] {
    switch question {
    // Of an answer that is fed, each of its tokens.
    case .everything: Array(last..<tokens.count)
    case .answer: [last]
    case .following: Array(tokens.indices)
    }
  }

  fileprivate func readings(at positions: [Int], asking question: Readings.Question) -> [Reading] {
    let asksForNext =
      switch question {
      case .everything: false
      case .answer: asksForNext
      case .following: true
      }
    return positions.enumerated().compactMap { index, position in
      guard asksForNext else { return Reading(position: position, index: index, prompt: self) }
      guard let answer = following(position) else { return nil }
      if case .following = question, position + 1 < firstCounted { return nil }
      var prompt = self
      prompt.answers = [answer]
      return Reading(position: position, index: index, prompt: prompt)
    }
  }
}

extension Command.Parameter {
  static let at = keyword(
    "at", .position, list: true, "the positions that are read: @*, @subject; default: the last")
}

/// read_position, read_token, where a measure reads several positions of a prompt.
struct ReadingColumns {
  private let position: TableBuilder.Key<Int>?
  private let token: TableBuilder.Key<String>?

  init(_ readings: Readings?, in table: inout TableBuilder) {
    let isThere = readings?.hasSeveral ?? false
    position = isThere ? table.integers("read_position") : nil
    token = isThere ? table.texts("read_token") : nil
  }

  /// What the two cells of a row take.
  static let bytesPerRow = 2 * 16

  func set(_ reading: Reading, in table: inout TableBuilder) {
    guard let position, let token else { return }
    table[position] = reading.position
    table[token] = reading.prompt.tokenText(reading.position)
  }

  /// Of the last rows, which are all of one reading.
  func fill(_ reading: Reading, _ count: Int, in table: inout TableBuilder) {
    guard position != nil else { return }
    table.fill(position, reading.position, count: count)
    table.fill(token, reading.prompt.tokenText(reading.position), count: count)
  }

  /// Of the last rows.
  func fill(_ readings: [Reading?], in table: inout TableBuilder) {
    guard position != nil else { return }
    table.fill(position, readings.map { $0?.position })
    table.fill(token, readings.map { $0.map { $0.prompt.tokenText($0.position) } })
  }
}
