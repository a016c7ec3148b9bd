import Lang
import Model

extension Command {
  /// A row for each prompt and position that is read: how the answers fare.
  ///
  /// - Parameter own: metrics with a column of their own.
  static func answers(_ call: Invocation, measure: String, own: [ChosenMetric] = []) throws -> Value
  {
    let set = try call.promptInput()
    let readings = try Readings(call, of: set, asking: .answer)
    let measured = try placing(at: own.isEmpty ? call.span : call.span(of: "of")) {
      try MeasuredMetrics(set, readings) { AnswerRows.metrics(of: $0) + own }
    }
    var rows = try placing(at: own.isEmpty ? call.span : call.span(of: "of")) {
      try AnswerRows(set, readings, own: own)
    }
    var undefined = UndefinedMetrics(own)
    var gatherer = measured.gatherer
    var results = try call.session.results(
      of: try call.session.cases(of: measured.completed.set), on: set.model,
      label: call.command.name, mayStop: true, measuring: measured.measurement)
    while let (item, parts) = try results.next() {
      guard let runs = gatherer.add(item, parts) else { continue }
      for (reading, metrics, parts) in measured.found(item, runs) {
        let values = metrics.values(parts)
        rows.append(item, reading, values)
        undefined.add(values.suffix(own.count).map { metrics.isUndefined($0, of: parts) })
      }
    }
    undefined.warn(call)
    return .table(TableValue(rows.table(measure: measure), origins: [set.origin]))
  }
}

/// answer, logit, prob, logprob, rank, logit_diff, and what else is asked for.
private struct AnswerRows {
  private var rows = TableBuilder()
  private let run: CaseColumns
  private let text: TableBuilder.Key<String>
  private let logit: TableBuilder.Key<Float>
  private let (prob, logprob): (TableBuilder.Key<Double>, TableBuilder.Key<Double>)
  private let rank: TableBuilder.Key<Int>
  private let difference: TableBuilder.Key<Double>
  private let own: [TableBuilder.Key<Double>]

  /// - Throws: `Failure` where a metric has the name of another column.
  init(_ set: PromptSet, _ readings: Readings, own: [ChosenMetric]) throws {
    run = CaseColumns(set, readings, in: &rows)
    text = rows.texts("answer")
    logit = rows.singles("logit")
    (prob, logprob) = (rows.doubles("prob"), rows.doubles("logprob"))
    rank = rows.integers("rank")
    difference = rows.doubles("logit_diff")
    var keys: [TableBuilder.Key<Double>] = []
    for metric in own {
      guard !rows.columnNames.contains(metric.name) else {
        throw Failure(
          "the table would have the column `\(excerpt(metric.name))` twice",
          help: "name each metric once; `metric NAME = …` gives one another name")
      }
      keys.append(rows.doubles(metric.name))
    }
    self.own = keys
  }

  /// What is computed of a prompt, in the order of the columns.
  static func metrics(of prompt: Prompt) -> [ChosenMetric] {
    AnswerValues.metrics + (prompt.foils.isEmpty ? [] : [ChosenMetric(.logitDiff)])
  }

  mutating func append(_ item: Case, _ reading: Reading, _ values: [Double]) {
    rows.addRow()
    run.set(item, reading, in: &rows)
    rows[text] = reading.prompt.answerText
    let answer = AnswerValues(values)
    rows[logit] = answer.logit
    (rows[prob], rows[logprob]) = (answer.prob, answer.logprob)
    rows[rank] = answer.rank
    if !reading.prompt.foils.isEmpty { rows[difference] = values[4] }
    for (key, value) in zip(own, values.suffix(own.count)) { rows[key] = value }
  }

  func table(measure: String) -> Table { rows.table(measure: measure) }
}

/// How a prompt's answers fare together.
struct AnswerValues {
  var logit: Float
  var prob: Double
  var logprob: Double
  var rank: Int?

  /// What gives them, in the order of the values.
  static let metrics = [Metric.logit, .prob, .logprob, .rank].map { ChosenMetric($0) }

  /// - Parameter values: those of `metrics`, and any after them.
  init(_ values: [Double]) {
    logit = Float(values[0])
    (prob, logprob) = (values[1], values[2])
    rank = values[3].isNaN ? nil : Int(values[3])
  }
}
