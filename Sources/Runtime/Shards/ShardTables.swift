import Lang

// What may be done to the rows of a shard: what is the same for each row by itself, and nothing that
// looks at several. So the merged rows are those of the whole.

extension Command {
  /// Commands that a table of a shard can go to.
  static let namesThatKeepShards = ["where", "derive", "select", "rename", "show", "plot", "save"]

  fileprivate var keepsShards: Bool { Self.namesThatKeepShards.contains(name) }
}

extension TableValue {
  /// The part of the prompts or of a sweep that its rows are of; nil: all.
  var shard: Shard? { origins.lazy.compactMap(\.shard).first }

  /// - Throws: `Failure` for the rows of a shard, where all rows count.
  func checkIsWhole(_ what: String) throws {
    guard let shard else { return }
    throw Failure(
      "\(what) of \(shard.text) would not be that of the whole table",
      help: "save the shards, and put them together: merge \"out/*\"")
  }
}

extension Session {
  /// - Throws: `Failure` for a command that looks at several rows of a shard's table.
  func check(_ command: Command, takes input: Value) throws {
    switch input {
    case .table(let table) where !command.keepsShards:
      try table.checkIsWhole("`\(command.name)`")
    default: break
    }
  }

  /// Notes with the rows of a shard how they came to be: only rows that came to be in the same way are
  /// merged.
  func note(_ name: Name, _ arguments: [Argument], in value: Value) -> Value {
    func text() -> String {
      let span = arguments.reduce(name.span) { $0.joined(with: $1.span) }
      return source.text(in: span).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    switch value {
    case .table(var table) where table.shard != nil:
      table.stages.append(text())
      return .table(table)
    case .stream(let stream):
      stream.stages = [text()]
      return value
    default: return value
    }
  }
}
