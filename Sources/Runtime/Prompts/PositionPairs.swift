import Lang
import Model

/// Which position of a donor stands for each of a prompt's, one to one.
struct PositionPairs {
  /// For messages.
  private let donorName: String
  /// By the prompt's position; of one that is not here the donor has the same number.
  private let sources: [Int: Int]

  /// - Parameter kind: what stands after `@`; nil: nothing.
  /// - Throws: `Failure` where the positions do not pair.
  init(_ kind: Position.Kind?, of prompt: Prompt, with donor: Prompt) throws {
    donorName = donor.name
    switch kind {
    case .name, .index(-1):
      let (mine, others) = (
        try prompt.positions(kind ?? .all), try donor.positions(kind ?? .all)
      )
      guard mine.count == others.count else {
        throw Failure(
          "@\((kind ?? .all).text) is \(mine.count) tokens in '\(prompt.name)' and \(others.count) "
            + "in '\(donor.name)'",
          help: "positions are paired one to one: take prompts whose spans have equally many tokens"
        )
      }
      sources = Dictionary(uniqueKeysWithValues: zip(mine, others))
    case .all, .index, .range, .text, .set, .except, nil:
      // Of an answer that follows, only what is at its own positions must be there.
      let isOwn = kind.map { $0 != .all && !$0.names("completion") } ?? false
      let counts =
        isOwn ? (prompt.count, donor.count) : (prompt.tokens.count, donor.tokens.count)
      guard counts.0 == counts.1 else {
        throw Failure(
          "'\(prompt.name)' has \(counts.0) tokens and '\(donor.name)' \(counts.1)",
          help: "positions are paired one to one; where lengths differ, use @last or a span with "
            + "equally many tokens in both")
      }
      sources = [:]
    }
  }

  /// Where the donor has what stands at a position.
  ///
  /// - Throws: `Failure` where a row of the site is as long as its position, and the two differ.
  func source(of position: Int, at site: Site) throws -> Int {
    let source = sources[position] ?? position
    guard site.activation.isOverSources, source != position else { return source }
    throw Failure(
      "\(site.activation.rawValue) at position \(position) has as many numbers as it has "
        + "sources, and at position \(source) of '\(donorName)' there are others",
      help: "take prompts in which it is at the same position")
  }

  /// - Throws: `Failure` where some target of an edit cannot be given the donor's values.
  static func check(_ targets: EditTargets, of prompt: Prompt, with donor: Prompt?) throws {
    guard let donor else {
      throw Failure(
        "'\(prompt.name)' has no counterpart",
        help:
          "give it one: prompt \"…\" counterpart \"…\", facts FILE PROMPT counterpart PROMPT, or a "
          + "column `corrupt` in the file")
    }
    // What an answer that follows has pairs with itself.
    if prompt.hasWholeAnswer, prompt.completion == nil {
      return try check(
        targets, of: prompt.completed(with: []), with: donor.completed(with: []))
    }
    for kind in targets.positions {
      let pairs = try PositionPairs(kind, of: prompt, with: donor)
      for read in targets.overSources where read.position == kind {
        for position in try prompt.positions(kind ?? .all) {
          _ = try pairs.source(of: position, at: read.site)
        }
      }
    }
  }
}
