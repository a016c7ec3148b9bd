/// One run of one prompt.
public struct RunRequest: Sendable {
  /// Token ids, BOS included where there is one.
  public var tokens: [Int]
  /// In the order in which they are applied at a site.
  public var edits: [Edit]
  /// The request (of the same call, without a base of its own, with the same tokens) that this one
  /// varies: its edits are among these, in the same order. What the further ones cannot change is
  /// taken from it.
  public var base: Int?
  /// Activations to keep, and where.
  public var captures: [Site: Positions]
  public var logits: Logits
  /// Whether logits are given before their soft cap, in models that have one: what adds up is these.
  public var isUncapped: Bool

  public enum Positions: Sendable, Equatable {
    case all
    case some([Int])
  }

  public enum Logits: Sendable, Equatable {
    case none
    /// The whole vocabulary at each position.
    case all([Int])
    /// Some tokens' at some positions.
    case chosen([ChosenTokens])
    /// What is read of the whole vocabulary at some positions. The vocabularies are not kept.
    case summaries([LogitQuery])

    /// Some tokens' at one position.
    public static func tokens(_ tokens: [Int], position: Int) -> Logits {
      .chosen([ChosenTokens(tokens: tokens, position: position)])
    }
  }

  /// Tokens whose logits are asked for at one position.
  public struct ChosenTokens: Sendable, Equatable {
    public var tokens: [Int]
    public var position: Int

    public init(tokens: [Int], position: Int) {
      self.tokens = tokens
      self.position = position
    }
  }

  public init(
    tokens: [Int], edits: [Edit] = [], base: Int? = nil, captures: [Site: Positions] = [:],
    logits: Logits = .none, isUncapped: Bool = false
  ) {
    self.tokens = tokens
    self.edits = edits
    self.base = base
    self.captures = captures
    self.logits = logits
    self.isUncapped = isUncapped
  }
}

extension RunRequest {
  /// The edits that this request has beyond those of `base`; nil where it has not all of them, in
  /// their order.
  func edits(beyond base: RunRequest) -> [Edit]? {
    var further: [Edit] = []
    var shared = base.edits[...]
    for edit in edits {
      if edit == shared.first { shared.removeFirst() } else { further.append(edit) }
    }
    return shared.isEmpty ? further : nil
  }
}

/// What a run kept.
public struct RunResult: Sendable {
  public var activations: [Site: CapturedActivation] = [:]
  /// As the request asked: a vocabulary for each position, or for each the tokens asked for.
  public var logits: [[Float]] = []
  /// As the request asked, one a query.
  public var summaries: [LogitSummary] = []
  /// Of each edit of some features of a dictionary; none of edits of all features.
  public var fired: [FiredFeatures] = []

  public init() {}
}

/// An activation at some positions of one prompt.
public struct CapturedActivation: Sendable {
  /// Which positions are here.
  public let positions: [Int]
  /// Heads, key/value heads or neurons; 1 where the site is not divided.
  public let units: Int
  /// [positions][units · width]; the width of `attn_scores` and `pattern` is the position plus 1.
  public internal(set) var rows: [[Float]]

  /// All units at the i-th of `positions`.
  public subscript(i: Int) -> [Float] { rows[i] }

  /// One unit at the i-th of `positions`.
  public subscript(i: Int, unit: Int) -> ArraySlice<Float> {
    let width = rows[i].count / units
    return rows[i][unit * width..<(unit + 1) * width]
  }
}
