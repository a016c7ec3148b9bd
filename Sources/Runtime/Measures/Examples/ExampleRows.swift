import Lang
import Model

/// What a row of `examples` is.
enum ExampleDivision: String, Choice {
  case example, token, unit

  var summary: String {
    switch self {
    case .example: "a text in which the unit is largest"
    case .token: "a token around an example, for `plot tokens`"
    case .unit: "a unit: how often it fires, and its quantiles"
    }
  }
}

/// component and element, then at the end layer, head, neuron and feature, as far as there are any.
private struct UnitColumns {
  private let component: TableBuilder.Key<String>
  private let element: TableBuilder.Key<Int>?
  private var (layer, head): (Number, Number) = (nil, nil)
  private var (neuron, feature): (Number, Number) = (nil, nil)

  private typealias Number = TableBuilder.Key<Int>?

  init(in table: inout TableBuilder, _ units: [ExampleUnit]) {
    component = table.texts("component")
    element = units.contains { $0.element != nil } ? table.integers("element") : nil
  }

  mutating func addNumbers(to table: inout TableBuilder, _ units: [ExampleUnit]) {
    layer = table.integers("layer")
    if units.contains(where: { $0.head != nil }) { head = table.integers("head") }
    if units.contains(where: { $0.neuron != nil }) { neuron = table.integers("neuron") }
    if units.contains(where: { $0.feature != nil }) { feature = table.integers("feature") }
  }

  func set(_ unit: ExampleUnit, in table: inout TableBuilder) {
    table[component] = unit.label
    table[element] = unit.element
    table[layer] = unit.layer
    table[head] = unit.head
    table[neuron] = unit.neuron
    table[feature] = unit.feature
  }
}

/// The tables of what was collected.
struct ExampleRows {
  let set: PromptSet
  let sources: [(units: [ExampleUnit], collected: UnitCollector)]
  /// Tokens on either side of an example.
  let context: Int

  private var units: [ExampleUnit] { sources.flatMap(\.units) }

  private func forEachUnit(_ body: (ExampleUnit, UnitCollector, Int) throws -> Void) throws {
    for (units, collected) in sources {
      try units.enumerated().forEachChecked { try body($1, collected, $0) }
    }
  }

  // MARK: Examples

  func byExample() throws -> Table {
    var table = TableBuilder()
    var columns = UnitColumns(in: &table, units)
    let example = table.integers("example")
    let value = table.singles("value")
    let (before, token, after) = (
      table.texts("before"), table.texts("token"), table.texts("after")
    )
    let rate = table.doubles("rate")
    let prompt = PromptColumns(set, in: &table)
    let position = table.integers("position")
    columns.addNumbers(to: &table, units)
    try forEachUnit { unit, collected, index in
      for (place, found) in collected.examples[index].enumerated() {
        let text = set.prompts[found.text]
        let shown = shown(of: text, around: found.position)
        table.addRow()
        columns.set(unit, in: &table)
        table[example] = place + 1
        table[value] = found.value
        table[before] = text.text(of: shown.lowerBound..<found.position)
        table[token] = text.tokenText(found.position)
        table[after] = text.text(of: found.position + 1..<shown.upperBound)
        table[rate] = collected.tallies[index].rate
        prompt.set(text, in: &table)
        table[position] = found.position
      }
    }
    return table.table(measure: "value")
  }

  func byToken() throws -> Table {
    var table = TableBuilder()
    var columns = UnitColumns(in: &table, units)
    let example = table.integers("example")
    let prompt = PromptColumns(set, in: &table)
    let position = table.integers("position")
    let token = TokenColumns(in: &table)
    let value = table.singles("value")
    columns.addNumbers(to: &table, units)
    try forEachUnit { unit, collected, index in
      for (place, found) in collected.examples[index].enumerated() {
        let text = set.prompts[found.text]
        for shown in shown(of: text, around: found.position) {
          table.addRow()
          columns.set(unit, in: &table)
          table[example] = place + 1
          prompt.set(text, in: &table)
          table[position] = shown
          token.set(text.tokens[shown], of: text.model.tokenizer, in: &table)
          let number = found.around[shown - found.position + context]
          table[value] = number.isFinite ? number : nil
        }
      }
    }
    return table.table(measure: "value")
  }

  private func shown(of prompt: Prompt, around position: Int) -> Range<Int> {
    max(0, position - context)..<min(prompt.tokens.count, position + context + 1)
  }

  // MARK: Units

  private static let quantiles: [(name: String, share: Double)] = [
    ("q1", 0.01), ("q10", 0.1), ("median", 0.5), ("q90", 0.9), ("q99", 0.99),
  ]

  func byUnit() throws -> Table {
    var table = TableBuilder()
    var columns = UnitColumns(in: &table, units)
    let positions = table.integers("positions")
    let (rate, mean, deviation) = (
      table.doubles("rate"), table.doubles("mean"), table.doubles("std")
    )
    let least = table.singles("min")
    let quantiles = Self.quantiles.map { table.doubles($0.name) }
    let most = table.singles("max")
    columns.addNumbers(to: &table, units)
    try forEachUnit { unit, collected, index in
      let tally = collected.tallies[index]
      table.addRow()
      columns.set(unit, in: &table)
      table[positions] = tally.count
      (table[rate], table[mean], table[deviation]) = (tally.rate, tally.mean, tally.deviation)
      guard tally.count > 0 else { return }
      (table[least], table[most]) = (tally.least, tally.most)
      let found = collected.sketches[index].quantiles(Self.quantiles.map(\.share))
      for (column, number) in zip(quantiles, found) { table[column] = number }
    }
    return table.table(measure: "max")
  }
}

extension Prompt {
  /// What some of its tokens stand for together.
  fileprivate func text(of positions: Range<Int>) -> String {
    model.tokenizer.decode(Array(tokens[positions]))
  }
}
