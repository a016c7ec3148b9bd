import Lang
import Model

/// What is saved with a table besides its rows.
struct SavedSource {
  var origins: [Origin]
  /// Of tables that `merge` made.
  var recorded: [Provenance]
  var stages: [String]

  init(_ value: TableValue) {
    (origins, recorded, stages) = (value.origins, value.recorded, value.stages)
  }

  init(_ stream: ActivationStream) {
    (origins, recorded, stages) = (stream.origins, [], stream.stages)
  }

  var shard: Shard? { origins.lazy.compactMap(\.shard).first }
}

extension Invocation {
  /// Version, models, prompts, edits; the shard, and whether runs are missing that Ctrl-C ended.
  func provenance(of table: TableValue) throws -> Provenance {
    let source = SavedSource(table)
    var runs: [ShardRecord.UnitRun] = []
    if let shard = source.shard {
      var counter = ShardRecord.Counter(shard)
      try placing(at: span) { try counter.add(table.table) }
      runs = counter.finish()
    }
    return try provenance(of: source, runs, measure: table.table.measure)
  }

  /// - Parameter runs: the rows of each unit, of a shard.
  func provenance(of source: SavedSource, _ runs: [ShardRecord.UnitRun], measure: String?) throws
    -> Provenance
  {
    let partial =
      statement.unfinished == nil ? [] : [JSONValue.Member("partial", .boolean(true))]
    var provenance = Provenance()
    if source.origins.isEmpty, let only = source.recorded.first, source.recorded.count == 1 {
      provenance.members = only.members + partial
      return provenance
    }
    var models: [(LanguageModel, [Session.WeightDigest])] = []
    for origin in source.origins where !models.contains(where: { $0.0 === origin.model }) {
      models.append((origin.model, try session.digests(of: origin.model, at: span)))
    }
    let prompts = IndexedPrompts(source.origins).prompts
    let listed = try Listed(prompts, of: source)
    var edits: [String] = []
    for edit in source.origins.flatMap(\.edits) where !edits.contains(edit) { edits.append(edit) }
    provenance.members = [
      JSONValue.Member("summand", .string(session.host.version)),
      JSONValue.Member(
        "model", models.count == 1 ? json(models[0]) : .array(models.map(json))),
      JSONValue.Member("prompts", .array(listed.prompts)),
      JSONValue.Member("edits", .array(edits.map(JSONValue.string))),
    ]
    if !source.recorded.isEmpty {
      provenance.members.append(
        JSONValue.Member("merged", .array(source.recorded.map { .object($0.members) })))
    }
    if let shard = source.shard, let record = listed.record {
      let record = ShardRecord(
        shard: shard, stages: source.stages, measure: measure, runs: runs, prompts: record)
      provenance.members.append(JSONValue.Member(ShardRecord.key, record.json))
    }
    provenance.members += partial
    return provenance
  }

  /// The prompts that a file lists: of a shard of prompts its own.
  private struct Listed {
    var prompts: [JSONValue]
    /// Of a shard.
    var record: ShardRecord.ListedPrompts?

    init(_ all: [Prompt], of source: SavedSource) throws {
      prompts = all.map(json)
      guard let shard = source.shard else { return }
      let whole = try digest(ofPrompts: prompts)
      record = ShardRecord.ListedPrompts(count: all.count, places: nil, digest: whole)
      guard shard.division == .prompts else { return }
      // Of two that are alike the first is listed, whichever shard has it.
      let own = Set(
        source.origins.flatMap(\.prompts).filter { $0.unit.map(shard.holds) ?? true }
          .map(\.identity))
      let places = all.indices.filter { own.contains(all[$0].identity) }
      prompts = places.map { prompts[$0] }
      record?.places = places
    }
  }
}

/// A file and its digest; of a split checkpoint a list of them.
private func json(_ model: (LanguageModel, [Session.WeightDigest])) -> JSONValue {
  let files = model.1.map { file in
    [
      JSONValue.Member("file", .string(file.name)),
      JSONValue.Member("sha256", file.sha256.map(JSONValue.string) ?? .null),
    ]
  }
  let members =
    files.count == 1
    ? files[0] : [JSONValue.Member("files", .array(files.map { .object($0) }))]
  return .object(
    members + [
      JSONValue.Member("architecture", .string(model.0.configuration.architecture)),
      JSONValue.Member(
        "types",
        .string(
          model.0.tensorTypes.map { "\($0.type.name) × \($0.count)" }.joined(separator: ", "))),
    ])
}

private func json(_ prompt: Prompt) -> JSONValue {
  let chat = prompt.conversation.map { [JSONValue.Member("chat", json($0))] } ?? []
  return .object(
    [
      JSONValue.Member("text", .string(prompt.text)),
      JSONValue.Member("token_ids", .array(prompt.tokens.map(JSONValue.integer))),
      JSONValue.Member("bos", .boolean(prompt.hasBOS)),
      JSONValue.Member(
        "answer",
        prompt.answers.count > 1
          ? .array(prompt.answers.map { .string($0.text) })
          : prompt.answers.first.map { .string($0.text) } ?? .null),
      JSONValue.Member("foils", .array(prompt.foils.map { .string($0.text) })),
    ] + chat)
}

/// What was said, and the day that the template was told.
private func json(_ conversation: Conversation) -> JSONValue {
  let turns = conversation.turns.map { turn in
    JSONValue.object([
      JSONValue.Member("role", .string(turn.role.rawValue)),
      JSONValue.Member("content", .string(turn.text)),
    ])
  }
  return .object([
    JSONValue.Member("date", .string(conversation.date.text)),
    JSONValue.Member("messages", .array(turns)),
  ])
}
