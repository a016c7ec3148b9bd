import Lang
import Model

/// One prompt as a model reads it: tokens, the labelled spans among them, the answer and its foils.
struct Prompt: Sendable {
  /// What the `prompt` column shows.
  var name: String
  /// Token ids, BOS first where there is one.
  private(set) var tokens: [Int]
  var hasBOS: Bool
  /// For each token the UTF-8 range of the text that it stands for, its leading spaces left out;
  /// nil for BOS and for tokens that were given as ids.
  private(set) var ranges: [Range<Int>?]
  private(set) var text: String
  /// Whether the tokens are the whole text. A tokenizer without a token for some of it drops it
  /// without a word.
  let isWhole: Bool
  /// Whether it was given as token ids, and its text is only what they stand for.
  let isOfIDs: Bool
  /// The labelled parts of the text, in UTF-8.
  private(set) var labels: [(label: String, range: Range<Int>)]
  /// In the order of the prompt: a label and the tokens under it.
  private(set) var spans: [(label: String, tokens: Range<Int>)]
  /// Right answers; empty where none was given.
  var answers: [Answer]
  /// Whether the answer at each position is the token that follows there: `-> next`.
  var asksForNext = false
  /// The first position whose token counts for the loss of the text: those before it are counted by
  /// another window of the same text.
  var firstCounted = 1
  /// What the answers are compared with.
  var foils: [Answer]
  /// Nil where the prompt was written by itself.
  var fact: Fact?
  /// The row that it was made of; nil where it was written by itself.
  var row: PromptRow?
  /// What was said, where it was made of a conversation.
  var conversation: Conversation?
  /// Its place in the set that it was made in, which decides what is drawn for it at random.
  var number = 0
  /// Its place among the prompts that shards divide; nil where they are not divided.
  var unit: Int?
  let model: LanguageModel
  /// A prompt cannot hold another by itself: one at most.
  private var paired: [Prompt] = []

  /// What it is paired with, as `patch … from counterpart` takes its values from there: a prompt with
  /// the same answer, foils and fact, and none of its own.
  var counterpart: Prompt? {
    get { paired.first }
    set { paired = newValue.map { [$0] } ?? [] }
  }
  /// How many of the last tokens are an answer's: those before the one that the run is to predict. Nil
  /// where the prompt stands by itself.
  private(set) var completion: Int?

  /// The prompt's last token, where an answer's first is predicted.
  var last: Int { count - 1 }

  /// The prompt's own tokens, without those of an answer.
  var count: Int { tokens.count - (completion ?? 0) }

  /// The prompt followed by what is fed of an answer, and so its counterpart.
  func completed(with answer: [Int]) -> Prompt {
    var prompt = self
    prompt.tokens += answer
    prompt.ranges += answer.map { _ in nil }
    prompt.completion = answer.count
    prompt.counterpart = counterpart?.completed(with: answer)
    return prompt
  }

  /// The span that a token is in.
  func label(of position: Int) -> String? {
    if hasBOS && position == 0 { return "bos" }
    if position >= count { return "completion" }
    return spans.first { $0.tokens.contains(position) }?.label
  }

  /// What attributions group by: a label, `bos`, or `other`.
  func group(of position: Int) -> String { label(of: position) ?? "other" }

  /// The labels that group this prompt's positions, in the order of the prompt.
  var groups: [String] {
    tokens.indices.reduce(into: []) { groups, position in
      let group = group(of: position)
      if !groups.contains(group) { groups.append(group) }
    }
  }

  /// Whether the text itself begins with a BOS after the one that is fed before it.
  var doublesBOS: Bool { hasBOS && tokens.count > 1 && tokens[1] == tokens[0] }

  func tokenText(_ position: Int) -> String { model.tokenizer.text(of: tokens[position]) }
}

extension Prompt {
  /// A prompt from its text and the labelled parts of it.
  ///
  /// - Throws: `Failure` where a span's border falls inside a token.
  init(
    text: String, labels: [(label: String, range: Range<Int>)], name: String? = nil,
    model: LanguageModel, addsBOS: Bool
  ) throws {
    let bytes = Array(text.utf8)
    let pieces = model.tokenizer.encode(text)
    try Interruption.check()
    let bos = addsBOS ? [model.tokenizer.bos].compactMap { $0 } : []
    tokens = bos + pieces.map(\.id)
    guard !tokens.isEmpty else {
      throw Failure("the prompt is empty", help: "a prompt needs at least one token")
    }
    for token in tokens { try model.require(token: token) }
    hasBOS = !bos.isEmpty
    ranges = bos.map { _ in nil } + pieces.map { Self.withoutSpaces($0.range, in: bytes) }
    self.text = text
    isWhole = model.tokenizer.isWhole(pieces, of: text)
    self.name = name ?? text
    self.model = model
    self.labels = labels
    isOfIDs = false
    answers = []
    foils = []
    var spans: [(label: String, tokens: Range<Int>)] = []
    for (label, range) in labels {
      let covered = try Self.tokens(
        over: range, named: "the span '\(label)'", ranges: ranges, bytes: bytes)
      spans.append((label, covered))
    }
    self.spans = spans
  }

  /// A prompt from token ids as they are; nothing is added.
  init(tokens: [Int], model: LanguageModel) throws {
    guard !tokens.isEmpty else { throw Failure("a prompt needs at least one token") }
    for token in tokens { try model.require(token: token) }
    self.tokens = tokens
    hasBOS = tokens.first == model.tokenizer.bos && model.tokenizer.bos != nil
    ranges = tokens.map { _ in nil }
    text = model.tokenizer.decode(tokens)
    isWhole = true
    name = text
    isOfIDs = true
    labels = []
    spans = []
    answers = []
    foils = []
    self.model = model
  }

  /// The prompt with tokens after it, which the span `generated` covers, and without answers.
  func continued(by added: [Int]) throws -> Prompt {
    var prompt = self
    for token in added { try model.require(token: token) }
    var end = text.utf8.count
    for token in added {
      let bytes = model.tokenizer.bytes(of: token) ?? []
      prompt.ranges.append(isOfIDs ? nil : end..<end + bytes.count)
      end += bytes.count
    }
    let bytes = added.flatMap { model.tokenizer.bytes(of: $0) ?? [] }
    // A character may be cut in two where the prompt was given up, and is one replacement character.
    let more = String(decoding: bytes, as: UTF8.self)
    if more.utf8.count != bytes.count {
      for index in tokens.count..<prompt.ranges.count { prompt.ranges[index] = nil }
    } else if !isOfIDs {
      prompt.labels.append(("generated", text.utf8.count..<end))
    }
    prompt.tokens += added
    prompt.text += more
    prompt.name += more
    prompt.spans.append(("generated", tokens.count..<prompt.tokens.count))
    prompt.answers = []
    prompt.foils = []
    prompt.conversation = nil
    prompt.counterpart = nil
    return prompt
  }

  /// A token's text without its leading white space, unless it is nothing else.
  private static func withoutSpaces(_ range: Range<Int>, in bytes: [UInt8]) -> Range<Int> {
    let start = range.first { !isSpace(bytes[$0]) }
    return (start ?? range.lowerBound)..<range.upperBound
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (0x09...0x0D).contains(byte)
  }

  /// The tokens that a part of the text covers.
  ///
  /// - Throws: `Failure` if one of them has other text beyond the part's border.
  static func tokens(
    over range: Range<Int>, named name: String, ranges: [Range<Int>?], bytes: [UInt8]
  ) throws -> Range<Int> {
    let trimmed = withoutSpaces(range, in: bytes)
    let covered = ranges.indices.filter { ranges[$0]?.overlaps(trimmed) ?? false }
    guard let first = covered.first, let last = covered.last else {
      throw Failure("\(name) covers no token", help: "a span needs some text of its own")
    }
    for position in [first, last] {
      guard let token = ranges[position] else { continue }
      if token.lowerBound < trimmed.lowerBound || token.upperBound > trimmed.upperBound {
        let text = String(decoding: bytes[token], as: UTF8.self)
        throw Failure(
          "the border of \(name) falls inside the token '\(text)'",
          help: "a token cannot be in two spans: move the border so that '\(text)' is whole")
      }
    }
    return first..<last + 1
  }
}
