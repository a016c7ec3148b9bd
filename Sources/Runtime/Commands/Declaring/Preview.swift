import Lang
import Model

/// What a part of a line would hand on, for completion. The model does not run: its numbers are zeros.
struct Preview {
  var value: Value
  /// Whether the texts in a table are those that it will have: they depend on no run and on all
  /// prompts.
  var isExact: Bool
}

extension Session {
  /// What the stages of a pipeline hand on; nil where that cannot be known cheaply and without
  /// consequences.
  func preview(_ text: String) -> Preview? {
    if let previewed, previewed.text == text { return previewed.preview }
    let preview = newPreview(text)
    previewed = (text, preview)
    return preview
  }

  private func newPreview(_ text: String) -> Preview? {
    let source = SourceText(name: "", text: text)
    let parsed = parse(source)
    guard !parsed.hasErrors, parsed.script.statements.count == 1,
      case .pipeline(let pipeline) = parsed.script.statements[0].kind, isHarmless(source)
    else { return nil }
    let outer = (self.source, draws, namedForeign, warnedOfLength)
    self.source = source
    defer { (self.source, draws, namedForeign, warnedOfLength) = outer }
    let runner = PreviewRunner()
    var isWhole = true
    do {
      let value = try statement.running(by: runner) {
        try keepingModel {
          try pipeline.stages.enumerated().reduce(Value.nothing) { value, next in
            let value = try run(next.element, input: value, isFirst: next.offset == 0, before: nil)
            guard case .prompts(var set) = value, set.prompts.count > 2 else { return value }
            // As many as tell whether there are several.
            set.keep([0, 1])
            isWhole = false
            return .prompts(set)
          }
        }
      }
      return Preview(value: value, isExact: isWhole && !runner.isUsed)
    } catch {
      return nil
    }
  }

  /// Whether running the text by plan changes nothing: no file, no variable, no model.
  ///
  /// - Parameters:
  ///   - calls: the `def`s that the text is in, outermost first.
  ///   - names: the innermost one's own.
  private func isHarmless(
    _ source: SourceText, in calls: [String] = [], names: Set<String> = []
  ) -> Bool {
    let parts = tokens(of: source)
    let readers = [Command.read, .facts, .texts, .chat, .vector].map(\.name)
    let readsFiles = parts.contains { readers.contains(source.text(in: $0.span)) }
    // Which file the text of a `def` reads may depend on its arguments.
    if readsFiles, !calls.isEmpty { return false }
    return parts.allSatisfy { token in
      switch token.kind {
      case .shell: return false
      // Which file it is must be seen: a pipe or a terminal would keep Tab waiting.
      case .variable, .interpolationStart: return !readsFiles
      case .stringText, .path: return !readsFiles || isSmallFile(source.text(in: token.span))
      case .rawString:
        let text = source.text(in: token.span).dropFirst().dropLast()
        return !readsFiles || isSmallFile(String(text))
      case .identifier:
        let word = source.text(in: token.span)
        guard !readsFiles || lookUp(word) == nil else { return false }
        if names.contains(word) { return true }
        if let function = functions[word] {
          return !readsFiles && !calls.contains(word) && isHarmless(function, in: calls + [word])
        }
        guard let command = Catalogue.command(named: word) else { return true }
        switch command.group {
        case .edits, .tables: return true
        // Some take seconds.
        case .weights: return false
        case .measures: return command.name != Command.metric.name
        case .inputs: return command.name != Command.merge.name
        case .models: return command.name == Command.with.name
        case .seeing, .scripting: return false
        }
      default: return true
      }
    }
  }

  /// Whether a `def` makes a value and nothing else: it prints nothing on the way, and its only
  /// statements before the last are `let`s.
  private func isHarmless(_ function: UserFunction, in calls: [String]) -> Bool {
    let definition = function.definition
    let statements = definition.body.statements
    guard case .pipeline? = statements.last?.kind,
      statements.dropLast().allSatisfy({ if case .let = $0.kind { true } else { false } })
    else { return false }
    let names = definition.parameters.map(\.name.text) + statements.compactMap(\.letName)
    let spans = statements.map(\.span) + definition.parameters.compactMap(\.defaultValue?.span)
    return spans.allSatisfy { span in
      let text = SourceText(name: "", text: function.source.text(in: span))
      // A block is a value too, and may print.
      let hasBlock = tokens(of: text).contains { token in
        if case .keyword(let word) = token.kind { word == .for || word == .if } else { false }
      }
      return !hasBlock && isHarmless(text, in: calls, names: Set(names))
    }
  }
}

extension Statement {
  /// What a `let` names.
  fileprivate var letName: String? {
    if case .let(let name, _) = kind { name.text } else { nil }
  }
}

/// Whether reading it takes no time: it is a file or a folder, and not a large one, or is not there.
private func isSmallFile(_ path: String) -> Bool {
  guard let status = fileStatus(of: path) else { return true }
  return switch status.st_mode & S_IFMT {
  case S_IFREG: status.st_size < 16 << 20
  case S_IFDIR: true
  default: false
  }
}

/// Gives zeros for what runs would give, until a Tab would be felt.
private final class PreviewRunner: Runner {
  struct TooLong: Error {}

  private(set) var isUsed = false
  private let deadline = ContinuousClock.now + .milliseconds(150)

  var isHeard: Bool { false }

  func check() throws {
    isUsed = true
    if ContinuousClock.now > deadline { throw TooLong() }
  }

  func runs(
    of requests: [RunRequest], on model: LanguageModel, label: String, share: RunShare,
    in session: Session
  ) throws -> any Runs {
    try check()
    return PlannedRuns(requests, of: model.configuration, check: check)
  }

  func gradients(
    of requests: [GradientRequest], on model: LanguageModel, label: String, share: RunShare,
    in session: Session
  ) throws -> any GradientRuns {
    try check()
    return PlannedGradients(requests, of: model.configuration, check: check)
  }

  func jacobians(
    of requests: [JacobianRequest], on model: LanguageModel, label: String, in session: Session,
    _ body: (Int, JacobianResult) throws -> Void
  ) throws {
    isUsed = true
  }

  func generate(
    _ groups: [[Case]], of set: PromptSet, length: GenerationLength, in session: Session,
    _ body: ([Case]) throws -> Int
  ) throws {
    isUsed = true
  }

  func compute<Found>(_ body: () throws -> Found) rethrows -> Found? {
    isUsed = true
    return nil
  }

  func record(_ body: () throws -> Void) rethrows -> RunRecord {
    try body()
    return RunRecord()
  }
}
