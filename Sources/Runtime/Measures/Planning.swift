import Lang
import Model
import Synchronization

/// Notes what runs would cost, and gives zeros for what they would.
final class PlanRunner: Runner {
  private(set) var steps: [(label: String, plan: RunPlan)] = []

  var isHeard: Bool { false }

  func runs(
    of requests: [RunRequest], on model: LanguageModel, label: String, share: RunShare,
    in session: Session
  ) throws -> any Runs {
    let transformer = model.transformer
    var plan = try transformer.plan(
      requests, memory: session.memory, speed: try transformer.speed())
    if share.repeatsBase, let base = requests.first {
      plan.runs -= 1
      plan.rowLayersUnshared -= base.tokens.count * transformer.configuration.layers
    }
    add(plan, label: label)
    return PlannedRuns(requests, of: model.configuration)
  }

  func generate(
    _ groups: [[Case]], of set: PromptSet, length: GenerationLength, in session: Session,
    _ body: ([Case]) throws -> Int
  ) throws {
    let transformer = set.model.transformer
    for group in groups {
      try Interruption.check()
      add(
        try transformer.planGeneration(
          of: length.tokens, samples: length.samples, after: group.map(\.prompt.tokens),
          speed: try transformer.speed()),
        label: "generate")
    }
  }

  func compute<Found>(_ body: () throws -> Found) rethrows -> Found? { nil }

  func compute<Found>(
    _ cost: @autoclosure () throws -> RunPlan, label: String, _ body: () throws -> Found
  ) throws -> Found? {
    add(try cost(), label: label)
    return nil
  }

  func record(_ body: () throws -> Void) rethrows -> RunRecord {
    try body()
    return RunRecord()
  }

  func repeating(_ body: () throws -> Void) rethrows {
    let before = steps
    steps = []
    defer {
      let own = steps
      steps = before
      var names: [String] = []
      for step in own where !names.contains(step.label) { names.append(step.label) }
      for name in names {
        for step in own where step.label == name { add(step.plan, label: name) }
      }
    }
    try body()
  }

  /// Runs of one label that follow each other are one step.
  func add(_ plan: RunPlan, label: String) {
    if let last = steps.last, last.label == label {
      steps[steps.count - 1].plan = last.plan + plan
    } else {
      steps.append((label, plan))
    }
  }
}

/// What runs would give: zeros.
struct PlannedRuns: Runs {
  private let requests: [RunRequest]
  private let configuration: Configuration
  /// Ends what takes too long.
  private let check: () throws -> Void
  private var index = 0

  init(
    _ requests: [RunRequest], of configuration: Configuration,
    check: @escaping () throws -> Void = Interruption.check
  ) {
    (self.requests, self.configuration, self.check) = (requests, configuration, check)
  }

  mutating func next() throws -> (index: Int, result: RunResult)? {
    guard index < requests.count else { return nil }
    try check()
    defer { index += 1 }
    return (index, requests[index].blankResult(in: configuration))
  }
}

extension Session {
  /// What a pipeline would cost, a row a step of its work. It goes through the very code that would
  /// run it, up to where the model's work is done; the model's answers are zeros.
  func plan(_ pipeline: Pipeline) throws -> Value {
    let planner = PlanRunner()
    try statement.running(by: planner) { try runMeasures(of: pipeline) }
    return .table(TableValue(Self.table(of: planner.steps)))
  }

  /// Runs a pipeline up to its last measure, and of what only shapes tables after it the pipelines
  /// among the arguments: the table that `join` takes is measured too.
  private func runMeasures(of pipeline: Pipeline) throws {
    var measured = pipeline
    // At the end alone: before a measure, `take` picks prompts.
    let last = pipeline.stages.lastIndex { !$0.onlyShapes } ?? 0
    measured.stages = Array(pipeline.stages[...last])
    try keepingModel {
      let value = try runStages(of: measured, before: pipeline.stages[(last + 1)...].first)
      for stage in pipeline.stages[(last + 1)...] {
        guard case .command(_, let arguments) = stage.kind else { continue }
        try placing(at: stage.span, in: source) {
          for part in arguments.flatMap(\.measured) {
            switch part {
            case .pipeline(let pipeline): try runMeasures(of: pipeline)
            case .block(let block): try runMeasures(ofBlock: block, after: value)
            }
          }
        }
      }
    }
  }

  /// Runs the blocks of an `if` or `for` that is a value, unless it is one for each row of a table.
  private func runMeasures(ofBlock block: Lang.Expression, after value: Value) throws {
    let columns = if case .table(let table) = value { table.table.columnNames } else { [String]() }
    guard let names = try? RowNames(block, over: columns, in: self), !names.namesColumn else {
      return
    }
    _ = try evaluate(block)
  }

  private static func table(of steps: [(label: String, plan: RunPlan)]) -> Table {
    let total = steps.reduce(RunPlan()) { $0 + $1.plan }
    let rows = steps.count == 1 ? steps : steps + [("total", total)]
    func whole(_ name: String, _ value: (RunPlan) -> Int) -> Column {
      Column(name, .integers(rows.map { value($0.plan) }))
    }
    return Table(columns: [
      Column("step", .texts(rows.map(\.label))),
      whole("runs", \.runs),
      whole("rows", \.rowLayers),
      whole("rows_unshared", \.rowLayersUnshared),
      whole("batches", \.batches),
      Column("flops", .doubles(rows.map { $0.plan.flops })),
      whole("bytes", \.bytes),
      Column("seconds", .doubles(rows.map { $0.plan.seconds })),
    ])
  }

  /// A command that was stopped, and gave what it had, ends its statement.
  func checkThatRunsFinished() throws {
    guard statement.unfinished != nil else { return }
    throw Interruption.Stopped()
  }

  /// Says that a line goes on with what Ctrl-C has left of its runs; the statement ends with it.
  func goOn(with done: Int, of total: Int, _ what: String = "runs") {
    statement.unfinished = (done, total)
    // This one is heard; the next is for what is done with the part.
    Interruption.requested.store(false, ordering: .sequentiallyConsistent)
    host.finishProgress()
    report(
      Diagnostic(
        "this is a part: \(done) of \(total) \(what) were finished when it was interrupted",
        severity: .warning), in: nil)
  }
}

extension Stage {
  /// Whether it works on a finished table, or beyond the model altogether.
  fileprivate var onlyShapes: Bool {
    let name: String
    switch kind {
    case .command(let command, _): name = command.text
    case .expression(let expression):
      guard case .name(let word) = expression.kind else { return false }
      name = word
    case .shell: return true
    }
    switch Catalogue.command(named: name)?.group {
    case .tables, .seeing: return true
    case .models, .inputs, .edits, .measures, .weights, .scripting, nil: return false
    }
  }
}

/// What is measured in an argument.
private enum MeasuredPart {
  case pipeline(Pipeline)
  /// An `if` or `for` that is a value: what it measures depends on what it is evaluated to.
  case block(Lang.Expression)
}

extension Argument {
  /// The outermost parts in it that may be measured.
  fileprivate var measured: [MeasuredPart] {
    switch kind {
    case .value(let value), .named(_, let value): value.measured
    case .option(_, let value): value?.measured ?? []
    case .arrow: []
    }
  }
}

extension Lang.Expression {
  fileprivate var measured: [MeasuredPart] {
    switch kind {
    case .pipeline(let pipeline):
      // Parentheses around an expression, which may speak of a row's columns.
      if pipeline.stages.count == 1, case .expression(let inner) = pipeline.stages[0].kind {
        inner.measured
      } else {
        [.pipeline(pipeline)]
      }
    case .integer, .number, .boolean, .string, .name, .column, .variable, .component: []
    case .at(let base, _): base?.measured ?? []
    case .list(let items, _), .path(let items): items.flatMap(\.measured)
    case .member(let base, _), .unary(_, let base): base.measured
    case .element(let a, let b), .binary(_, let a, let b), .range(let a, let b):
      a.measured + b.measured
    case .call(_, let arguments): arguments.flatMap(\.measured)
    case .conditional, .each: [.block(self)]
    }
  }
}
