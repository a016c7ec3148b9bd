import Lang
import Model

/// The names that a script and the scripts that it reads give to things, wherever they do, and these
/// scripts themselves.
struct ScriptNames {
  struct Reading {
    var source: SourceText
    var tree: Script
  }

  private(set) var scripts: [Reading] = []
  private(set) var variables: Set<String> = []
  private(set) var functions: [String: Definition] = [:]
  private(set) var metrics: Set<String> = []
  /// What `arguments` declares.
  private(set) var arguments: Set<String> = []
  /// Whether a script is read whose name only a run can tell: it may give any name.
  private(set) var hasUnread = false
  /// What did not parse, or could not be read.
  private(set) var findings: [ScriptCheck.Finding] = []
  private var paths: Set<String> = []

  init(_ source: SourceText) {
    paths = [standardized(source.name)]
    read(source)
  }

  func isVariable(_ name: String) -> Bool {
    variables.contains(name) || name == "_" || name == "args"
  }

  private mutating func read(_ source: SourceText) {
    let parsed = parse(source)
    findings += parsed.diagnostics.map { ScriptCheck.Finding(diagnostic: $0, source: source) }
    // What could not be parsed may have had any name in it.
    if parsed.hasErrors { hasUnread = true }
    scripts.append(Reading(source: source, tree: parsed.script))
    var parts: [Lang.Expression] = []
    parsed.script.forEachNode { node in
      switch node {
      case .statement(let statement):
        note(statement)
        if case .source(let file, _) = statement.kind { parts.append(file) }
      case .pipeline(let pipeline, _): note(pipeline, in: source)
      case .expression(let expression):
        if case .each(let name, _, _) = expression.kind { variables.insert(name.text) }
      }
    }
    for part in parts { read(part, of: source) }
  }

  private mutating func note(_ statement: Statement) {
    switch statement.kind {
    case .let(let name, _), .for(let name, _, _): variables.insert(name.text)
    case .def(let definition):
      functions[definition.name.text] = definition
      for parameter in definition.parameters { variables.insert(parameter.name.text) }
    case .pipeline, .if, .assert, .source, .time, .plan, .report: break
    }
  }

  private mutating func note(_ pipeline: Pipeline, in source: SourceText) {
    guard case .command(let name, let given)? = pipeline.stages.first?.kind else { return }
    switch name.text {
    case Command.arguments.name:
      let declared = DeclaredArgument.all(of: given, name, in: source)
      arguments.formUnion((declared ?? []).map(\.name.text))
    case Command.metric.name:
      for case .named(let name, _) in given.map(\.kind) { metrics.insert(name.text) }
    default: break
    }
  }

  private mutating func read(_ file: Lang.Expression, of source: SourceText) {
    guard let name = staticText(of: file, in: source) else {
      hasUnread = true
      return
    }
    let path = pathBesideScript(name, in: source)
    guard paths.insert(standardized(path)).inserted else { return }
    do {
      read(
        try SourceText(
          name: path, validating: try readBytes(path: path, limit: Session.largestScript)))
    } catch {
      hasUnread = true
      let failure =
        error as? Failure ?? (error as? Diagnostic).map { Failure($0) }
        ?? Failure("'\(path)' cannot be read")
      findings.append(
        ScriptCheck.Finding(
          diagnostic: Diagnostic(failure.message, at: file.span, help: failure.help),
          source: source))
    }
  }

  /// The text that a file's name is without a run; nil where it is calculated.
  private func staticText(of file: Lang.Expression, in source: SourceText) -> String? {
    switch file.kind {
    case .string(let literal): return literal.plainText
    case .name(let name): return variables.contains(name) ? nil : name
    case .member(let base, _) where base.isArguments: return nil
    case .pipeline, .variable, .conditional, .column: return nil
    default: return source.text(in: file.span)
    }
  }
}
