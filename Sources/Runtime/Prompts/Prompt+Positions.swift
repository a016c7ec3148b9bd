import Lang

extension Prompt {
  /// The positions that `@…` means here, in order. Empty only for `@completion` where the answer is
  /// one token, which is not fed.
  ///
  /// - Throws: `Failure` if this prompt has no such place.
  func positions(_ kind: Position.Kind) throws -> [Int] {
    switch kind {
    case .all: return Array(tokens.indices)
    case .index(let index): return [try position(index)]
    case .range(let first, let last):
      let (low, high) = (try position(first), try position(last))
      guard low <= high else {
        throw Failure("the positions \(first)..\(last) of '\(name)' run backwards")
      }
      return Array(low...high)
    case .name("last"): return [last]
    case .name("completion"): return try completionPositions()
    case .name("bos"):
      guard hasBOS else {
        throw Failure(
          "'\(name)' does not begin with a BOS token",
          help: "`bos on` feeds one to prompts made after it")
      }
      return [0]
    case .name(let label):
      if label == "other" { return try otherPositions() }
      let found = spans.filter { $0.label == label }.flatMap { Array($0.tokens) }
      guard found.isEmpty else { return found }
      let labels = spans.map(\.label)
      let known = listed(labels + ["last"])
      throw Failure(
        "there is no span '\(label)' in '\(name)'",
        help: suggestion(for: label, among: labels + ["last"]).map { "did you mean @\($0)?" }
          ?? "it has: \(known); label one by writing {\(label):…} in the prompt")
    case .text(let part): return try positions(ofText: part)
    case .set(let kinds):
      return Array(Set(try kinds.flatMap { try positions($0) })).sorted()
    case .except(let all, let others):
      let left = try Set(positions(all)).subtracting(positions(others))
      guard !left.isEmpty else {
        throw Failure("'\(all.text)' without '\(others.text)' is empty in '\(name)'")
      }
      return left.sorted()
    }
  }

  private func completionPositions() throws -> [Int] {
    if let completion { return Array(count..<count + completion) }
    guard answers.contains(where: { $0.extent == .whole }) else {
      throw Failure(
        "@completion is the tokens of an answer of several, and '\(name)' has none",
        help: "`whole` keeps all tokens of an answer: -> whole \" Ouagadougou\"")
    }
    guard hasLongAnswer else {
      throw Failure(
        "the answer of '\(name)' is one token, which is not fed, so there is no @completion",
        help: "@last is where it is predicted")
    }
    throw Failure(
      "no answer is fed here, so there is no @completion",
      help: "`effect`, `rank`, `dla` and `logits` feed an answer of several tokens")
  }

  /// Whether `@…` means something here once an answer is fed.
  func checkPositions(_ kind: Position.Kind) throws {
    _ = try (hasWholeAnswer && completion == nil ? completed(with: []) : self).positions(kind)
  }

  var hasWholeAnswer: Bool { (answers + foils).contains { $0.extent == .whole } }

  private func otherPositions() throws -> [Int] {
    let others = tokens.indices.filter { group(of: $0) == "other" }
    guard !others.isEmpty else { throw Failure("every token of '\(name)' is in a span") }
    return Array(others)
  }

  private func position(_ index: Int) throws -> Int {
    let position = index < 0 ? count + index : index
    guard (0..<count).contains(position) else {
      throw Failure(
        "there is no position \(index) in '\(name)'",
        help: "its \(count) tokens are 0 to \(last), or -1 to -\(count) from the end")
    }
    return position
  }

  private func positions(ofText part: String) throws -> [Int] {
    let (bytes, wanted) = (Array(text.utf8), Array(part.utf8))
    guard !wanted.isEmpty else { throw Failure("@\"\" means no token") }
    let places = bytes.indices.filter { bytes[$0...].starts(with: wanted) }
    guard let place = places.first else {
      throw Failure("'\(part)' does not occur in '\(name)'")
    }
    guard places.count == 1 else {
      throw Failure(
        "'\(part)' occurs \(places.count) times in '\(name)'",
        help: "give more of the text around it, or a position")
    }
    return Array(
      try Self.tokens(
        over: place..<place + wanted.count, named: "@\"\(part)\"", ranges: ranges, bytes: bytes))
  }
}

extension Position.Kind {
  /// Whether a name stands in it.
  func names(_ wanted: String) -> Bool {
    switch self {
    case .all, .index, .range, .text: false
    case .name(let name): name == wanted
    case .set(let kinds): kinds.contains { $0.names(wanted) }
    case .except(let all, let others): all.names(wanted) || others.names(wanted)
    }
  }
}
