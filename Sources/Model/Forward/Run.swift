/// What is changed at a site of one prompt. Places are resolved: whoever makes an edit has looked
/// that it can fire.
public struct Edit: Sendable, Equatable {
  public var site: Site
  /// Heads, key/value heads or neurons; all of them where nil.
  public var units: [Int]?
  /// Of the prompt that the edit belongs to, from 0.
  public var positions: [Int]
  public var change: Change

  public enum Change: Sendable, Equatable {
    case zero
    /// For each position its new elements: all of `units` one after another.
    case replace([[Float]])
  }

  public init(site: Site, units: [Int]? = nil, positions: [Int], change: Change) {
    self.site = site
    self.units = units
    self.positions = positions
    self.change = change
  }
}

/// One run of one prompt.
public struct RunRequest: Sendable {
  /// Token ids, BOS included where there is one.
  public var tokens: [Int]
  /// In the order in which they are applied at a site.
  public var edits: [Edit]
  /// The request (of the same call, without a base of its own, with the same tokens) that this one
  /// varies: its edits are the first of these. What the further ones cannot change is taken from it.
  public var base: Int?
  /// Activations to keep, and where.
  public var captures: [Site: Positions]
  public var logits: Logits

  public enum Positions: Sendable, Equatable {
    case all
    case some([Int])
  }

  public enum Logits: Sendable, Equatable {
    case none
    /// The whole vocabulary at each position.
    case all([Int])
    /// Some tokens' at one position.
    case tokens([Int], position: Int)
  }

  public init(
    tokens: [Int], edits: [Edit] = [], base: Int? = nil, captures: [Site: Positions] = [:],
    logits: Logits = .none
  ) {
    self.tokens = tokens
    self.edits = edits
    self.base = base
    self.captures = captures
    self.logits = logits
  }
}

/// What a run kept.
public struct RunResult: Sendable {
  public var activations: [Site: CapturedActivation] = [:]
  /// As the request asked: a vocabulary for each position, or one row of the tokens asked for.
  public var logits: [[Float]] = []

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
