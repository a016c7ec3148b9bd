/// One of several parts of the work on a set of prompts, each for a process of its own. Only what is
/// measured is divided: everything else is of the whole set, so that the parts together are the whole
/// to the bit.
struct Shard: Sendable, Equatable {
  /// From 1.
  var number: Int
  var count: Int
  var division: Division

  /// What is dealt out, one after the other.
  enum Division: String, Sendable {
    /// The prompts of the set.
    case prompts
    /// The runs of a sweep, prompt by prompt.
    case variants
  }

  /// Whether a unit, counted from 0 over the whole set, is in this part: they are dealt like cards.
  func holds(_ unit: Int) -> Bool { unit % count == number - 1 }

  /// `shard 3 of 8`
  var text: String { "shard \(number) of \(count)" }
}

extension PromptSet {
  /// All of it, whatever part of it is to be measured.
  var undivided: PromptSet {
    var set = self
    set.divide(by: nil)
    return set
  }

  /// Whether the prompt at a place is measured here.
  func isMeasured(_ index: Int) -> Bool {
    if let portion, !portion.contains(index) { return false }
    guard let shard, shard.division == .prompts, let unit = prompts[index].unit else { return true }
    return shard.holds(unit)
  }

  /// The places of the prompts that are measured here.
  var measuredIndices: [Int] { prompts.indices.filter(isMeasured) }
}

/// Counts the variants of a sweep over the whole set, so that each has its number there.
struct VariantUnits {
  private let shard: Shard?
  private var end = 0
  private var last: (unit: Int?, start: Int)?

  init(_ shard: Shard?) { self.shard = shard }

  /// The variants of the next prompt that are measured here, each with its unit; nil without a shard. A
  /// prompt that is run once for each of its answers has the same variants each time.
  mutating func measured(_ count: Int, of prompt: Prompt) -> [(place: Int, unit: Int?)] {
    guard let shard, shard.division == .variants else {
      return (0..<count).map { ($0, shard == nil ? nil : prompt.unit) }
    }
    var start = end
    if let last, last.unit == prompt.unit { start = last.start }
    last = (prompt.unit, start)
    end = start + count
    return (0..<count).filter { shard.holds(start + $0) }.map { ($0, start + $0) }
  }
}
