import Lang
import Model

// Values as commands need them.
extension Session {
  /// The model that prompts are made for: of the pipeline's `with`, else the one in use.
  var model: LanguageModel? { models.current?.model }

  /// The model in use, or an error that says how to load one.
  func requireModel() throws -> LanguageModel {
    if let model { return model }
    guard models.entries.isEmpty else {
      throw Failure(
        "no model is in use",
        help: "`use NAME` chooses one: \(listed(models.names))")
    }
    throw Failure(
      "no model is loaded",
      help: "`load smollm2`, or `load` with the path of a GGUF or safetensors file; or start with "
        + "summand --model NAME")
  }

  /// The loaded model of that name, or an error that says which there are.
  func requireModel(named name: String) throws -> LoadedModels.Entry {
    if let entry = models.entry(named: name) { return entry }
    guard !models.entries.isEmpty else { throw Failure("no model is loaded", help: "load \(name)") }
    let names = models.names
    throw Failure(
      "no model is loaded as '\(name)'",
      help: suggestion(for: name, among: names).map { "did you mean \($0)?" }
        ?? "loaded are \(listed(names)); `load` opens another")
  }

  /// Bytes that runs may take: the weights of every loaded model are counted, read or not.
  var memory: Int {
    host.memory(
      besides: models.entries.reduce(0) { $0 + $1.model.transformer.unreadWeightBytes })
  }

  /// What messages call a model, whether or not it is still loaded.
  func name(of model: LanguageModel) -> String {
    models.name(of: model) ?? ModelStore.shortName(of: model.path, asked: model.path)
  }

  /// Whether prompts begin with a BOS token.
  func addsBOS(_ model: LanguageModel) -> Bool {
    models.bosOverride(of: model) ?? model.tokenizer.addsBOS
  }

  /// Prompts keep their model, which may be another than the one in use: that is said once.
  func noteForeignModel(of set: PromptSet) {
    guard let model, model.path != set.model.path,
      namedForeign.insert([ObjectIdentifier(set.model), ObjectIdentifier(model)]).inserted
    else { return }
    let (theirs, ours) = (name(of: set.model), name(of: model))
    note(
      set.prompts.count == 1
        ? "this prompt was made for \(theirs) and is run on it; `with \(ours)` would read it again"
        : "these prompts were made for \(theirs) and are run on it; `with \(ours)` would read them again"
    )
  }

  /// Says so where a text that BOS is fed before begins with one itself.
  func warnOfDoubledBOS(in prompts: [Prompt], at span: SourceSpan?) {
    guard let prompt = prompts.first(where: \.doublesBOS) else { return }
    let message =
      "'\(prompt.name)' begins with BOS twice: one is fed before it, one is written in it"
    let help = "omit it from the text, or use `bos off`"
    guard let span else {
      return report(Diagnostic(message, severity: .warning, help: help), in: nil)
    }
    warn(message, help: help, at: span)
  }

  /// Prompts as they are, a text as a prompt, a list of either as a set.
  func asPrompts(_ value: Value) throws -> PromptSet {
    switch value {
    case .prompts(let set): return set
    case .text(let text):
      let model = try requireModel()
      let prompt = try Prompt(text: text, labels: [], model: model, addsBOS: addsBOS(model))
      warnOfDoubledBOS(in: [prompt], at: nil)
      return PromptSet(prompts: [prompt])
    case .list(let values) where !values.isEmpty:
      let sets = try values.map(asPrompts)
      guard sets.allSatisfy({ $0.edits.isEmpty }) else {
        throw Failure("prompts with edits cannot be joined into one set")
      }
      guard sets.allSatisfy({ $0.model === sets[0].model }) else {
        throw Failure("prompts of different models cannot be joined into one set")
      }
      if let shard = sets.lazy.compactMap(\.shard).first {
        throw Failure(
          "\(shard.text) cannot be joined with other prompts", help: "join them first, then `shard`"
        )
      }
      return PromptSet(joining: sets)
    case let other:
      throw Failure(
        "expected prompts, got \(other.kind)",
        help: "make some: prompt \"Fact: …\" -> \" answer\", or facts \"FILE\" \"TEMPLATE\"")
    }
  }

  /// Text as a string, what a variable holds, or else the very words of the source: a path, a name
  /// of a model.
  func bareText(_ expression: Lang.Expression) throws -> String {
    switch expression.kind {
    case .string, .pipeline, .variable, .conditional:
      let value = try evaluate(expression)
      guard let text = value.shortText else {
        throw Failure("expected text, got \(value.kind)", span: expression.span)
      }
      return text
    case .member(let base, _):
      if base.isArguments || base.isEnvironment && lookUp("env") == nil,
        let text = try evaluate(expression).shortText
      {
        return text
      }
      return source.text(in: expression.span)
    case .column:
      throw Failure("expected text, got a column in backticks", span: expression.span)
    case .name(let name):
      if let value = lookUp(name), let text = value.shortText { return text }
      return name
    default: return source.text(in: expression.span)
    }
  }

  /// A word that a command gives a meaning of its own; `$name`, a text or parentheses take it from a
  /// value.
  func choice(_ expression: Lang.Expression) throws -> String {
    switch expression.kind {
    case .string, .pipeline, .variable: return try bareText(expression)
    case .member(let base, _) where base.isArguments: return try bareText(expression)
    default: return source.text(in: expression.span)
    }
  }

  /// Selectors from a literal, a string, a column or a list of any of them.
  func selectors(_ expression: Lang.Expression) throws -> [Selector] {
    try placing(at: expression.span, in: source) {
      if let selector = Selector(expression) { return [selector] }
      // A single name after `@` is a place; alone it may be a span of the prompt.
      return try asSelectors(try evaluate(expression))
    }
  }

  private static let mostPaths = 1_000_000

  /// Every way along components. Each node may be several: `(best.component) -> logits`.
  func paths(_ nodes: [Lang.Expression]) throws -> [Selector] {
    let ends = try nodes.map { node in
      if let end = Selector(end: node) { return [end] }
      return try selectors(node)
    }
    let paths = try ends.reduce([[Selector]()]) { paths, ends in
      guard paths.count <= Self.mostPaths / max(1, ends.count) else {
        throw Failure(
          "these are more than \(thousands(Self.mostPaths)) edges",
          help: "write them with wildcards: L5H* -> L9.mlp")
      }
      return paths.flatMap { path in ends.map { path + [$0] } }
    }
    return try paths.map(Selector.init(path:))
  }

  private func asSelectors(_ value: Value) throws -> [Selector] {
    switch value {
    case .selector(let selector): return [selector]
    case .text(let text): return [try Selector(parsing: text)]
    case .list(let values):
      guard !values.isEmpty else {
        throw Failure("this selects nothing", help: "the list is empty")
      }
      var seen: Set<String> = []
      return try values.flatMap(asSelectors).filter { seen.insert($0.text).inserted }
    case let other:
      throw Failure(
        "expected a component, got \(other.kind)",
        help:
          "components look like L9H8, L9.mlp, heads@last, or come from a table: (best.component)")
    }
  }
}
