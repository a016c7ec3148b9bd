import Lang
import Model

/// What is attributed of the answer.
enum AttributedLogit: String, Choice {
  case logit
  case difference = "logit_diff"

  var summary: String { metric.summary }

  var metric: Metric {
    switch self {
    case .logit: .logit
    case .difference: .logitDiff
    }
  }
}

/// A column of `on` that is not of one token: of each prompt it is its own.
enum AttributedWord: String, Choice {
  case answer
  case ofRelation = "R"
  case ofSubject = "S"
  case likeRelation = "R_random"
  case likeSubject = "S_random"

  var summary: String {
    switch self {
    case .answer: "the answer"
    case .ofRelation: "the mean over the attributes of the relation, without the answer"
    case .ofSubject: "the mean over the attributes of the subject, without the answer"
    case .likeRelation: "control tokens for R"
    case .likeSubject: "control tokens for S"
    }
  }
}

/// What `on` attributes in the place of the answer, and whether as one mean.
struct AttributedTokens {
  enum Wanted {
    case word(AttributedWord)
    case token(Answer)

    var isControl: Bool {
      switch self {
      case .word(.likeRelation), .word(.likeSubject): true
      case .word(.answer), .word(.ofRelation), .word(.ofSubject), .token: false
      }
    }

    func name(isAlone: Bool) -> String {
      switch self {
      case .word(.answer): "dla"
      case .word(let word): "dla_\(word.rawValue)"
      case .token(let token): isAlone ? "dla" : "dla\(token.text)"
      }
    }
  }

  private(set) var wanted: [Wanted] = []
  private(set) var isMean = false

  /// Nothing: the answer is attributed.
  init() {}

  /// Texts of one token each, lists of them, and the words of `AttributedWord`.
  init(_ call: Invocation, _ set: PromptSet) throws {
    var seen: Set<String> = []
    wanted = try call.tokensOrWords("on", AttributedWord.self).flatMap { found -> [Wanted] in
      switch found {
      case .word(let word): return [.word(word)]
      case .value(let expression):
        return try placing(at: expression.span) {
          try Self.read(try call.session.evaluate(expression), AnswerReader(model: set.model))
        }
      }
    }.filter { column in
      switch column {
      case .word(let word): seen.insert(word.rawValue).inserted
      case .token(let token): seen.insert("\(token.token)").inserted
      }
    }
    isMean = call.hasFlag("mean")
    guard !isMean || !wanted.isEmpty else {
      throw call.failure(
        "`mean` needs tokens to take it over", help: "dla … on \" a\", \" b\" mean")
    }
  }

  private static func read(_ value: Value, _ reader: AnswerReader) throws -> [Wanted] {
    switch value {
    case .text(let text): return [.token(try reader.answer(text))]
    case .integer(let id):
      try reader.model.require(token: id)
      return [.token(Answer([id], of: reader.model))]
    case .list(let values):
      guard !values.isEmpty else { throw Failure("this list is empty") }
      return try values.flatMap { try read($0, reader) }
    case let other: throw Failure("expected a token, got \(other.kind)")
    }
  }

  /// The tokens that a mean is over.
  func ids(_ call: Invocation) throws -> [Int] {
    try wanted.map { column in
      guard case .token(let token) = column else {
        throw call.failure(
          "`mean` is over tokens: R and S are means already, and the answer is one token")
      }
      return token.token
    }
  }
}
