import Lang
import Model

extension Command {
  static let subsets = Command(
    name: "subsets", group: .measures,
    summary: "Compute the logits that chosen classes of components produce alone.",
    details: """
      CLASSES is a table of components with a class each, at most six classes. For every subset \
      of the classes, the logits are the sum of its components' parts, as in `dla`, with the \
      final norm frozen at the whole run's scale.
      - `everything` also has the components without a class. It must equal the model's logits; \
      a line states the gap
      - `with mlps` adds a class
      - `random N` deals the same components at random into classes of the same sizes, N times, \
      as a control
      """,
    input: .prompts,
    parameters: [
      .positional("classes", .table, "a table of components and their classes"),
      .keyword("by", .column, "the column of the classes; default: class"),
      .keyword("with", .selector, list: true, "one more class for each of these"),
      .keyword("random", .number, "how many partitions to draw at random"),
      .keyword("seed", .number, "the seed of the draw; default: 0"),
    ],
    examples: [
      "colosseum | subsets (colosseum | dla by head, span | classify top 20 | where class != \"none\") with mlps"
    ],
    run: composeSubsets)

  private static func composeSubsets(_ call: Invocation) throws -> Value {
    let set = try placing(at: call.span) { try call.promptInput().withoutSweep(for: "subsets") }
    guard set.edits.isEmpty else {
      throw call.failure(
        "`subsets` needs prompts without edits",
        help: "omit the edits; `dla` and `rank` measure edited runs")
    }
    try placing(at: call.span) {
      try set.requireAnswers(for: "subsets")
      try set.requireShortAnswers(for: "subsets")
    }
    let partitions = try Partition.all(call, set.model)
    let reader = try SubsetReader(partitions, set.model.transformer)
    var rows = SubsetRows(set, hasPartitions: partitions.count > 1)
    var gap = 0.0
    var results = try call.session.results(
      of: try call.session.cases(of: set), on: set.model, label: "subsets", mayStop: true
    ) { item in
      Measurement(
        captures: reader.captures(of: item.prompt), logits: .all([item.prompt.last]),
        isUncapped: true
      ) { result in
        try call.statement.runner.compute { try reader.read(result, of: item.prompt) }
      }
    }
    while let (item, reading) = try results.next() {
      guard let reading else { continue }
      for said in reading.said { rows.append(item.prompt, said) }
      gap = gap.isNaN || reading.gap.isNaN ? .nan : max(gap, reading.gap)
    }
    report(gap, to: call)
    return .table(TableValue(rows.table, origins: [set.origin]))
  }

  /// Whatever the largest gap is: NaN, too, is none that could be trusted.
  private static func report(_ gap: Double, to call: Invocation) {
    let text = gap == 0 ? "0" : DecimalText(gap).scientific(decimals: 1)
    call.session.note(
      "subsets: all components together give the model's own logits within \(text)")
    if !(gap <= 1e-2) {
      call.warn(
        "the components do not give the model's logits: the gap is \(text)",
        help: "do not trust these subsets; please report the model and the prompt")
    }
  }
}

/// Components in classes.
private struct Partition {
  /// Of the classes, sorted.
  let names: [String]
  /// Their components.
  let members: [[String]]

  /// At most: the subsets of more are not to be looked through.
  static let most = 6

  /// The one given, and those that are drawn at random.
  static func all(_ call: Invocation, _ model: LanguageModel) throws -> [Partition] {
    let given = try Partition(call, model)
    let count = try call.integer("random") ?? 0
    guard (0...100_000).contains(count) else {
      throw Failure(
        "the number of random partitions must be 0 to 100,000", span: call.span(of: "random"))
    }
    if call.has("seed") && !call.has("random") {
      throw call.failure(
        "`seed` goes with `random`, which is not given", help: "random 20")
    }
    guard count > 0 else { return [given] }
    let seed = try call.seed()
    return [given] + (try (0..<count).map { try given.dealtAgain(seed: seed, stream: $0 + 1) })
  }

  private init(_ call: Invocation, _ model: LanguageModel) throws {
    guard case .table(let classes) = try call.value(required: "classes") else {
      throw call.failure(
        "`subsets` needs a table of components and their classes",
        help: "subsets (… | dla by head, span | classify top 20)")
    }
    let place = call.span(of: "classes")
    var labels: [(component: String, name: String)] = try placing(at: place) {
      let components = try classes.table.column("component")
      let column = try classes.table.column(try call.column("by") ?? "class")
      return (0..<components.count).filter { !column[$0].isMissing }.map {
        (components[$0].description, column[$0].description)
      }
    }
    for (selector, span) in try call.selectors("with") {
      try placing(at: span) {
        guard selector.position == nil else {
          throw Failure(
            "`with` takes components, not positions", help: "drop the `@`, as in: with mlps")
        }
        labels += try selector.places(on: model.configuration, for: .reading).map {
          ($0.label, selector.text)
        }
      }
    }
    var owners: [String: String] = [:]
    var byName: [String: [String]] = [:]
    for (component, name) in labels where owners[component] != name {
      if let owner = owners[component] {
        throw Failure(
          "\(component) is in two classes, '\(owner)' and '\(name)'",
          help: "list each component once, with `where` or `group`",
          span: place)
      }
      owners[component] = name
      byName[name, default: []].append(component)
    }
    names = byName.keys.sorted { naturalOrder($0, $1) < 0 }
    members = names.map { byName[$0] ?? [] }
    guard (1...Self.most).contains(names.count) else {
      throw Failure(
        names.isEmpty
          ? "the table has no classes"
          : "\(names.count) classes are too many",
        help: names.isEmpty
          ? "did a filter remove every row?"
          : "at most \(Self.most) are allowed: drop some with `where`",
        span: place)
    }
  }

  private init(names: [String], members: [[String]]) {
    self.names = names
    self.members = members
  }

  /// The same components dealt at random into classes of the same sizes.
  private func dealtAgain(seed: Int, stream: Int) throws -> Partition {
    var generator = SplitMix64(seed: seed, stream: stream)
    var dealt = try shuffled(members.flatMap(\.self), &generator)[...]
    return Partition(
      names: names,
      members: members.map { own in
        defer { dealt = dealt.dropFirst(own.count) }
        return Array(dealt.prefix(own.count))
      })
  }

  /// The places of each class's components.
  func groups(among places: [String: Int]) throws -> [[Int]] {
    try members.map { members in
      try members.map { component in
        guard let place = places[component] else {
          throw Failure(
            "'\(component)' is not a component that adds to a logit by itself",
            help: suggestion(for: component, among: places.keys.sorted()).map {
              "did you mean \($0)?"
            }
              ?? "components are embed, heads and MLPs, and what else `dla by component` lists")
        }
        return place
      }.sorted()
    }
  }
}

/// What one subset of the classes says where the answer is wanted.
private struct SubsetSaid {
  var partition: Int
  var subset: String
  var size: Int
  /// The answer's; of several the mean.
  var logit: Float
  /// The answer's; nil where nothing is said, or a logit is not finite.
  var rank: Int?
  var best: Int?
  /// Whether the answer is the best; nil where a logit is not finite.
  var isAnswer: Bool?
}

/// Reads of a run what every subset of every partition says.
private struct SubsetReader {
  private let partitions: [Partition]
  private let transformer: Transformer
  private let composer: Composer

  init(_ partitions: [Partition], _ transformer: Transformer) throws {
    self.partitions = partitions
    self.transformer = transformer
    composer = try Composer(transformer, at: 0)
  }

  func captures(of prompt: Prompt) -> [Site: RunRequest.Positions] {
    composer.moved(to: prompt.last).captures
  }

  /// - Returns: what the subsets say, and how far all components together are from the model's
  ///   logits.
  func read(_ result: RunResult, of prompt: Prompt) throws -> (said: [SubsetSaid], gap: Double) {
    let answers = prompt.answers.map(\.token)
    let composition = try composer.moved(to: prompt.last).composition(of: result)
    let places = Dictionary(
      uniqueKeysWithValues: composition.components.enumerated().map { ($1.label, $0) })
    var said: [SubsetSaid] = []
    var gap = 0.0
    for (number, partition) in partitions.enumerated() {
      try Interruption.check()
      let groups = try partition.groups(among: places)
      let everything = number == 0 ? [Array(composition.components.indices)] : []
      let parts = try transformer.logits(of: groups + everything, in: composition)
      said += Self.subsets(of: partition.names, parts, inPartition: number, answers: answers)
      if number == 0, let whole = parts.last {
        gap = zip(whole, result.logits[0]).reduce(gap) { gap, pair in
          let difference = abs(Double(pair.0 - pair.1))
          return difference.isNaN || gap.isNaN ? .nan : max(gap, difference)
        }
      }
    }
    return (said, gap)
  }

  /// - Parameter parts: the logits of each class; one more is of everything.
  private static func subsets(
    of names: [String], _ parts: [[Float]], inPartition partition: Int, answers: [Int]
  ) -> [SubsetSaid] {
    var said: [SubsetSaid] = []
    for subset in 0..<1 << names.count {
      let chosen = names.indices.filter { subset >> $0 & 1 == 1 }
      guard let first = chosen.first else {
        // Nothing says nothing: all logits are alike, and no rank among them means anything.
        said.append(
          SubsetSaid(partition: partition, subset: "nothing", size: 0, logit: 0, isAnswer: false))
        continue
      }
      var sum = parts[first]
      for part in chosen.dropFirst() { for t in sum.indices { sum[t] += parts[part][t] } }
      let name = chosen.map { names[$0] }.joined(separator: "+")
      said.append(SubsetSaid(partition, name, size: chosen.count, sum, answers: answers))
    }
    if parts.count > names.count, let everything = parts.last {
      said.append(
        SubsetSaid(partition, "everything", size: parts.count, everything, answers: answers))
    }
    return said
  }
}

extension SubsetSaid {
  fileprivate init(
    _ partition: Int, _ subset: String, size: Int, _ logits: [Float], answers: [Int]
  ) {
    let best = logits.isFinite ? logits.firstIndex(of: logits.max() ?? .nan) : nil
    self.init(
      partition: partition, subset: subset, size: size,
      logit: Float(answers.reduce(0.0) { $0 + Double(logits[$1]) } / Double(answers.count)),
      rank: answers.compactMap { Distribution.rank($0, among: logits) }.min(), best: best,
      isAnswer: best.map(answers.contains))
  }
}

/// One row a prompt, partition and subset.
private struct SubsetRows {
  private var rows = TableBuilder()
  private let prompt: PromptColumns
  private let partition: TableBuilder.Key<Int>?
  private let subset: TableBuilder.Key<String>
  private let size: TableBuilder.Key<Int>
  private let answer: TableBuilder.Key<String>
  private let logit: TableBuilder.Key<Float>
  private let rank: TableBuilder.Key<Int>
  private let token: TableBuilder.Key<String>
  private let isAnswer: TableBuilder.Key<Bool>

  init(_ set: PromptSet, hasPartitions: Bool) {
    prompt = PromptColumns(set, in: &rows)
    partition = hasPartitions ? rows.integers("partition") : nil
    subset = rows.texts("subset")
    size = rows.integers("size")
    answer = rows.texts("answer")
    logit = rows.singles("logit")
    rank = rows.integers("rank")
    token = rows.texts("token")
    isAnswer = rows.booleans("is_answer")
  }

  mutating func append(_ prompt: Prompt, _ said: SubsetSaid) {
    rows.addRow()
    self.prompt.set(prompt, in: &rows)
    rows[partition] = said.partition
    rows[subset] = said.subset
    rows[size] = said.size
    rows[answer] = prompt.answerText
    rows[logit] = said.logit.isFinite ? said.logit : nil
    rows[rank] = said.rank
    rows[token] = said.best.map(prompt.model.tokenizer.text)
    rows[isAnswer] = said.isAnswer
  }

  var table: Table { rows.table(measure: "logit") }
}
