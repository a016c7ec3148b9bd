import Model

/// A conversation as it was written. A model's chat template makes a prompt of it.
struct Conversation: Sendable {
  struct Turn: Sendable {
    var role: ChatMessage.Role
    var text: String
    /// The labelled parts of the text, in UTF-8.
    var labels: [(label: String, range: Range<Int>)] = []
  }

  /// The last is the user's.
  var turns: [Turn]
  /// What the template is told that today is.
  var date: ChatDate
  /// Whether the line says so.
  var isDateGiven: Bool

  /// What the column `prompt` shows.
  var name: String { turns.last?.text ?? "" }

  /// The text that a model reads, and where its spans lie in it.
  ///
  /// - Throws: `Failure` where the template refuses the conversation, or does not write the text of a
  ///   span as it is.
  func rendered(by template: ChatTemplate) throws -> FilledConversation {
    let plain = try text(by: template, marked: false)
    let labels = turns.flatMap(\.labels).map(\.label)
    guard !labels.isEmpty else { return FilledConversation(text: plain, labels: []) }
    // Marks stand where spans begin and end. They are no white space, and stand next to what is none:
    // so the template trims the text as it does without them, which is compared.
    let marked = try text(by: template, marked: true)
    var found = ""
    var starts = [Int?](repeating: nil, count: labels.count)
    var ends = starts
    for scalar in marked.unicodeScalars {
      guard let (number, isStart) = Mark.number(of: scalar), number < labels.count else {
        found.unicodeScalars.append(scalar)
        continue
      }
      let place = found.utf8.count
      guard (isStart ? starts[number] : ends[number]) == nil else {
        throw Failure(
          "the chat template writes the span '\(labels[number])' more than once",
          help: "omit the label")
      }
      if isStart { starts[number] = place } else { ends[number] = place }
    }
    guard found.utf8.elementsEqual(plain.utf8) else {
      throw Failure(
        "the chat template changes the text of a span, so that its place is lost",
        help: "omit the labels")
    }
    return FilledConversation(
      text: plain,
      labels: try labels.enumerated().map { number, label in
        guard let start = starts[number], let end = ends[number], start <= end else {
          throw Failure(
            "the chat template does not write the span '\(label)'",
            help: "some templates drop the system's text")
        }
        return (label, start..<end)
      })
  }

  private func text(by template: ChatTemplate, marked: Bool) throws -> String {
    var number = 0
    let messages = try turns.map { turn in
      ChatMessage(turn.role, marked ? try turn.marked(from: &number) : turn.text)
    }
    do {
      return try template.text(of: messages, date: date, isDateGiven: isDateGiven)
    } catch let error as ModelError {
      throw Failure(error)
    }
  }
}

/// What a conversation is to a model.
struct FilledConversation {
  var text: String
  var labels: [(label: String, range: Range<Int>)]
}

/// The characters that stand for the borders of spans while a template is followed: two of the last plane
/// of private use for each.
private enum Mark {
  private static let first: UInt32 = 0x10_0000
  static let most = 0x7FFF

  static func scalar(_ number: Int, isStart: Bool) -> Unicode.Scalar? {
    Unicode.Scalar(first + UInt32(2 * number + (isStart ? 0 : 1)))
  }

  static func number(of scalar: Unicode.Scalar) -> (number: Int, isStart: Bool)? {
    guard scalar.value >= first else { return nil }
    let offset = Int(scalar.value - first)
    return (offset / 2, offset.isMultiple(of: 2))
  }
}

extension Conversation.Turn {
  /// The text with marks around each span, whose numbers go on from `number`.
  fileprivate func marked(from number: inout Int) throws -> String {
    let bytes = Array(text.utf8)
    guard text.unicodeScalars.allSatisfy({ Mark.number(of: $0) == nil }),
      number + labels.count < Mark.most
    else {
      throw Failure("spans cannot be labelled in a text with characters of private use")
    }
    var marks: [(place: Int, scalar: Unicode.Scalar)] = []
    for (label, range) in labels {
      let part = String(decoding: bytes[range], as: UTF8.self).unicodeScalars
      let lead = part.prefix { $0.properties.isWhitespace }
      let trail = part.reversed().prefix { $0.properties.isWhitespace }
      guard lead.count < part.count else {
        throw Failure(
          "the span '\(label)' covers no token", help: "a span needs some text of its own")
      }
      func length(_ scalars: some Sequence<Unicode.Scalar>) -> Int {
        scalars.reduce(0) { $0 + UTF8.width($1) }
      }
      guard let start = Mark.scalar(number, isStart: true),
        let end = Mark.scalar(number, isStart: false)
      else { continue }
      marks.append((range.lowerBound + length(lead), start))
      marks.append((range.upperBound - length(trail), end))
      number += 1
    }
    var (result, done) = ("", 0)
    for (place, scalar) in marks.sorted(by: { $0.place < $1.place }) {
      result += String(decoding: bytes[done..<place], as: UTF8.self)
      result.unicodeScalars.append(scalar)
      done = place
    }
    return result + String(decoding: bytes[done...], as: UTF8.self)
  }
}

extension Prompt {
  /// A prompt of a conversation, as the model's chat template writes it. BOS is fed if the template
  /// writes it, and control tokens are tokens.
  init(_ conversation: Conversation, template: ChatTemplate, model: LanguageModel) throws {
    let filled = try conversation.rendered(by: template)
    try self.init(
      text: filled.text, labels: filled.labels, name: conversation.name, model: model,
      addsBOS: false)
    hasBOS = tokens.first == model.tokenizer.bos && model.tokenizer.bos != nil
    self.conversation = conversation
  }
}
