import Lang
import Model

extension Command {
  static let weights = Command(
    name: "weights", group: .weights,
    summary: "Return rows of a weight matrix as vectors of the stream.",
    details: """
      W_Q, W_O of heads (L5H3.W_Q), W_K, W_V of key/value heads (L5KV1.W_K; L5H3.W_K is the one that head 3 \
      reads), W_in, W_gate, W_out of neurons (L5N12.W_out), W_E and W_U of the tokens after `on`. Every \
      row has d_model elements: of a head, one for each element of q, k, v or z.
      `folded` multiplies in the gains of the norms around the matrix. A single row is a vector: \
      `weights L5N12.W_out | vector`.
      """,
    input: .none,
    parameters: [
      .positional("matrix", .expression, "L5H3.W_Q, L5N12.W_out, W_U"),
      .keyword("on", .value, list: true, "of W_E and W_U: tokens, as texts, ids or a list"),
      .flag("folded", "with the gains of the norms"),
    ],
    examples: [
      "weights L29N7.W_out | vector | unembed top 2", #"weights W_U on " Italy" | vector"#,
    ],
    run: listRows)

  private static func listRows(_ call: Invocation) throws -> Value {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    let (tokens, isFolded) = (try call.readTokens(of: model), call.hasFlag("folded"))
    let expression = try call.expression(required: "matrix")
    let wanted = try placing(at: expression.span) {
      try WantedWeights(call.session.matrix(expression), model)
    }
    guard (wanted.name.part == .token) == !tokens.isEmpty else {
      throw call.failure(
        tokens.isEmpty
          ? "\(wanted.name.rawValue) has a row for each token" : "`on` goes with W_E and W_U",
        help: tokens.isEmpty ? "weights W_U on \" Italy\"" : "omit `on`")
    }
    let c = model.configuration
    let isOne = wanted.name.part == .neuron || wanted.name.part == .token
    let each = (isOne ? 1 : c.headWidth) * c.width
    let units = wanted.layers.map { tokens.isEmpty ? wanted.units(c, layer: $0) : tokens }
    try call.reserve(
      rows: units.reduce(0) { $0 + $1.count }, each, bytes: 2 * (6 * 16 + 4),
      help: "name fewer rows")
    var rows = WeightRowsTable()
    for (layer, units) in zip(wanted.layers, units) {
      try Interruption.check()
      let found = try model.transformer.weightRows(
        wanted.name, layer: layer, units: units, isFolded: isFolded)
      guard let found else {
        throw Failure(
          "this model's MLPs have no gate", help: "W_in and W_out", span: expression.span)
      }
      for (unit, vectors) in zip(units, found) {
        try rows.add(wanted.label(model, layer, unit), vectors)
      }
    }
    return .table(
      TableValue(
        rows.table.table(measure: "value"), origins: [Origin(model: model, prompts: [], edits: [])])
    )
  }
}

extension Session {
  /// A matrix as it is written, or as a text spells it: `"\(neuron).W_out"`.
  fileprivate func matrix(_ expression: Lang.Expression) throws -> Lang.Expression {
    switch expression.kind {
    case .string, .variable, .pipeline, .member, .element:
      guard case .text(let text) = try evaluate(expression) else { return expression }
      return try parseSelector(text).get()
    default: return expression
    }
  }
}

/// component, row, element, value
private struct WeightRowsTable {
  var table = TableBuilder()
  private let component: TableBuilder.Key<String>
  private let (row, element): (TableBuilder.Key<Int>, TableBuilder.Key<Int>)
  private let value: TableBuilder.Key<Float>

  init() {
    component = table.texts("component")
    (row, element) = (table.integers("row"), table.integers("element"))
    value = table.singles("value")
  }

  mutating func add(_ label: String, _ vectors: [[Float]]) throws {
    for (place, numbers) in vectors.enumerated() {
      try Interruption.check()
      for (index, number) in numbers.enumerated() {
        table.addRow()
        table[component] = label
        (table[row], table[element]) = (place, index)
        table[value] = number
      }
    }
  }
}

/// A matrix as a line names it.
private struct WantedWeights {
  let name: WeightName
  let layers: [Int]
  private let part: ComponentLiteral.Part?
  private let text: String

  init(_ expression: Lang.Expression, _ model: LanguageModel) throws {
    let c = model.configuration
    let known = WeightName.allCases.map(\.rawValue)
    switch expression.kind {
    case .name(let word):
      guard let name = WeightName(rawValue: word), name.part == .token else {
        throw Failure(
          "there is no matrix '\(word)'",
          help: suggestion(for: word, among: known).map { "did you mean \($0)?" }
            ?? "matrices are \(listed(known))")
      }
      (self.name, layers, part, text) = (name, [0], nil, word)
    case .component(let literal):
      guard let word = literal.path.first, literal.path.count == 1,
        let name = WeightName(rawValue: word), name.part != .token, let indices = literal.layers
      else {
        throw Failure(
          "'\(literal.text)' is not a matrix", help: "L5H3.W_Q, L5KV1.W_K, L5N12.W_out, W_E, W_U")
      }
      layers = try indices.expanded(c.layers, "layers", in: literal.text)
      (self.name, part, text) = (name, literal.part, literal.text)
      for layer in layers { _ = try checkedUnits(c, layer: layer) }
    default:
      throw Failure(
        "expected a matrix", help: "L5H3.W_Q, L5KV1.W_K, L5N12.W_out, W_E, W_U")
    }
  }

  /// Heads, key/value heads or neurons.
  func units(_ c: Configuration, layer: Int) -> [Int] {
    (try? checkedUnits(c, layer: layer)) ?? []
  }

  private func checkedUnits(_ c: Configuration, layer: Int) throws -> [Int] {
    switch (name.part, part) {
    case (.head, .heads(let heads)): return try heads.expanded(c.heads, "heads", in: text)
    case (.keyValueHead, .heads(let heads)):
      let shared = try heads.expanded(c.heads, "heads", in: text).map { c.keyValueHead(of: $0) }
      return Array(Set(shared)).sorted()
    case (.keyValueHead, .keyValueHeads(let heads)):
      return try heads.expanded(c.keyValueHeads, "key/value heads", in: text)
    case (.neuron, .neurons(let neurons)):
      return try neurons.expanded(c.mlp[layer].neurons, "neurons", in: text)
    case (.head, .whole): return Array(0..<c.heads)
    case (.keyValueHead, .whole): return Array(0..<c.keyValueHeads)
    case (.neuron, .whole): return Array(0..<c.mlp[layer].neurons)
    default:
      throw Failure(
        "'\(text)': \(name.rawValue) has no such rows",
        help: "L5H3.W_Q, L5KV1.W_K, L5N12.W_out")
    }
  }

  func label(_ model: LanguageModel, _ layer: Int, _ unit: Int) -> String {
    switch name.part {
    case .head: "L\(layer)H\(unit).\(name.rawValue)"
    case .keyValueHead: "L\(layer)KV\(unit).\(name.rawValue)"
    case .neuron: "L\(layer)N\(unit).\(name.rawValue)"
    case .token: "\(name.rawValue) \(quotedText(model.tokenizer.text(of: unit)))"
    }
  }
}
