import Lang
import Model

/// The prompts that a direction is found in, and on which side each is.
struct DirectionSides {
  /// All of them together.
  let set: PromptSet
  /// Whether each is on the positive side.
  let isPositive: [Bool]
  /// The prompts two by two, where two sets have equally many.
  let pairs: [(Int, Int)]?

  init(_ call: Invocation) throws {
    let (piped, column, value) = (
      try Self.piped(call), try call.text("by"), try call.text("value")
    )
    let given = try call.prompts("positives")
    guard let positive = given ?? piped, given == nil || piped == nil else {
      throw call.failure(
        given == nil
          ? "`direction` needs prompts" : "`direction` takes prompts or what is piped in",
        help: "direction POSITIVES vs NEGATIVES at L9.resid_post@last")
    }
    call.session.noteForeignModel(of: positive)
    if let negative = try call.prompts("vs") {
      guard column == nil, value == nil else {
        throw call.failure("`vs` does not go with `by` and `value`", help: "omit one of them")
      }
      try self.init(positive, negative, call)
    } else {
      guard let column else {
        throw call.failure(
          "`direction` needs the other side", help: "`vs PROMPTS`, or `by COLUMN` of one set")
      }
      try self.init(positive, by: column, value, call)
    }
  }

  private static func piped(_ call: Invocation) throws -> PromptSet? {
    if case .nothing = call.input { return nil }
    return try placing(at: call.span) { try call.session.asPrompts(call.input) }
  }

  private init(_ positive: PromptSet, _ negative: PromptSet, _ call: Invocation) throws {
    for side in [positive, negative] {
      _ = try placing(at: call.span) { try side.withoutSweep(for: "direction") }
      guard side.edits.isEmpty else {
        throw call.failure(
          "the two sides are read as they are, without edits", help: "omit the edits")
      }
    }
    set = try placing(at: call.span) {
      try call.session.asPrompts(.list([.prompts(positive), .prompts(negative)]))
    }
    let (count, other) = (positive.prompts.count, negative.prompts.count)
    isPositive = set.prompts.indices.map { $0 < count }
    pairs = count == other ? (0..<count).map { ($0, count + $0) } : nil
  }

  private init(_ all: PromptSet, by column: String, _ wanted: String?, _ call: Invocation) throws {
    set = try placing(at: call.span) { try all.withoutSweep(for: "direction") }
    guard set.shard == nil else {
      throw call.failure("a direction of a shard is not that of the whole", help: "omit `shard`")
    }
    let values = try placing(at: call.span(of: "by")) { [set] in
      try set.prompts.map { try $0.value(of: column) }
    }
    let distinct = Set(values.map(\.description)).sorted { naturalOrder($0, $1) < 0 }
    guard distinct.count == 2 else {
      throw Failure(
        "the column `\(excerpt(column))` has \(distinct.count) values, and a direction two sides",
        help: "they are \(enumeration(distinct))", span: call.span(of: "by"))
    }
    let positive = wanted ?? distinct[1]
    guard distinct.contains(positive) else {
      throw Failure(
        "the column `\(excerpt(column))` has no \(quotedText(positive))",
        help: "it has \(enumeration(distinct))", span: call.span(of: "value"))
    }
    if wanted == nil {
      call.session.note(
        "direction: the positive side is \(column) == \(quotedText(positive)); `value VALUE` says otherwise"
      )
    }
    isPositive = values.map { $0.description == positive }
    pairs = nil
  }

  /// Which prompts are held out.
  func split(_ call: Invocation, _ options: DirectionOptions) throws -> DirectionSplit {
    var groups = Array(set.prompts.indices)
    var fixed: Set<Int>?
    if let column = options.split {
      let values = try placing(at: call.span(of: "split")) {
        try set.prompts.map { try $0.value(of: column).description }
      }
      var numbers: [String: Int] = [:]
      groups = values.map { value in
        let number = numbers[value] ?? numbers.count
        numbers[value] = number
        return number
      }
      if let test = numbers["test"], numbers.count == 2, numbers["train"] != nil {
        guard !call.has("held") else {
          throw Failure(
            "the column `\(excerpt(column))` says itself what is held out", help: "omit `held`",
            span: call.span(of: "held"))
        }
        fixed = [test]
      }
    } else if let pairs {
      for (number, pair) in pairs.enumerated() {
        groups[pair.0] = number
        groups[pair.1] = number
      }
    }
    let split = try DirectionSplit(groups, share: options.held, seed: options.seed, fixed: fixed)
    try check(split, call)
    guard options.isPaired else { return split }
    guard let pairs else {
      throw call.failure(
        "`paired` needs two sets of equal size",
        help: "direction POSITIVES vs NEGATIVES … pca paired")
    }
    let held = Set(split.test)
    if let parted = pairs.firstIndex(where: { held.contains($0.0) != held.contains($0.1) }) {
      throw Failure(
        "`split` holds out one prompt of pair \(parted + 1) and not the other",
        help: "give both prompts of a pair the same value, or omit `split`",
        span: call.span(of: "split"))
    }
    return split
  }

  private func check(_ split: DirectionSplit, _ call: Invocation) throws {
    func sides(_ prompts: [Int]) -> (positive: Int, negative: Int) {
      let positive = prompts.count { isPositive[$0] }
      return (positive, prompts.count - positive)
    }
    let (train, test) = (sides(split.train), sides(split.test))
    guard train.positive > 1, train.negative > 1 else {
      throw call.failure(
        "a direction needs two prompts of each side at least; there are \(train.positive) and "
          + "\(train.negative)" + (split.test.isEmpty ? "" : " besides those that are held out"),
        help: "give more prompts" + (split.test.isEmpty ? "" : ", or hold out fewer: held 0"))
    }
    if !split.test.isEmpty, test.positive == 0 || test.negative == 0 {
      call.warn(
        "all \(split.test.count) prompts that are held out are of one side, so the accuracy says little",
        help: "another `seed`, a larger `held`, or a column of `train` and `test`")
    }
  }
}

extension Prompt {
  /// What the row that it was made of has in a column.
  fileprivate func value(of column: String) throws -> Cell {
    if let cell = row?[column], !cell.isMissing { return cell }
    guard let row else {
      throw Failure(
        "'\(excerpt(name))' was written by itself, and has no columns",
        help: "make prompts from a table: read \"FILE\" | prompts, or facts \"FILE\" \"TEMPLATE\"")
    }
    guard row.table[column] != nil else { throw row.table.unknownColumn(column) }
    throw Failure("'\(excerpt(name))' has nothing in the column `\(excerpt(column))`")
  }
}
