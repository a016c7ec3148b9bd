import Lang

/// What is wrong with a script as far as its text and the commands' declarations tell: it runs
/// nothing and needs no model. A name that only a run can decide, as a column, is taken to be right.
public struct ScriptCheck {
  /// A message, and the text that its place is in.
  public struct Finding: Sendable {
    public var diagnostic: Diagnostic
    public var source: SourceText
  }

  /// What is wrong with `source` and the scripts that it reads, in the order of the text.
  public static func findings(in source: SourceText) -> [Finding] {
    let names = ScriptNames(source)
    var findings = names.findings
    for script in names.scripts {
      var check = ScriptCheck(source: script.source, names: names)
      script.tree.forEachNode { check.look(at: $0) }
      findings += check.findings
    }
    return findings
  }

  let source: SourceText
  let names: ScriptNames
  private(set) var findings: [Finding] = []

  private init(source: SourceText, names: ScriptNames) {
    self.source = source
    self.names = names
  }

  mutating func report(_ message: String, help: String? = nil, at span: SourceSpan) {
    findings.append(
      Finding(diagnostic: Diagnostic(message, at: span, help: help), source: source))
  }

  private mutating func look(at node: SyntaxNode) {
    switch node {
    case .statement(let statement): look(at: statement)
    case .pipeline(let pipeline, let isInner): look(at: pipeline, isInner: isInner)
    case .expression(let expression): look(at: expression)
    }
  }

  private mutating func look(at statement: Statement) {
    switch statement.kind {
    case .let(let name, _): lookAtNew(name)
    case .for(let name, _, _): lookAtNew(name)
    case .def(let definition):
      for name in [definition.name] + definition.parameters.map(\.name) { lookAtNew(name) }
    case .pipeline, .if, .assert, .source, .time, .plan, .report: break
    }
  }

  /// A name that the script gives.
  private mutating func lookAtNew(_ name: Name) {
    if let meaning = Session.reservedMeaning(of: name.text) {
      report("'\(name.text)' is \(meaning)", help: "choose another name", at: name.span)
    } else if names.functions[name.text] != nil, names.variables.contains(name.text) {
      report(
        "'\(name.text)' is a variable and a `def`", help: "choose another name", at: name.span)
    }
  }

  private mutating func look(at expression: Lang.Expression) {
    switch expression.kind {
    case .variable(let name) where !names.isVariable(name):
      if names.hasUnread { return }
      report(
        "there is no variable `$\(name)`",
        help: suggestion(for: name, among: names.variables.sorted()).map {
          "did you mean `$\($0)`?"
        }, at: expression.span)
    case .member(let base, let name)
    where base.isArguments && !names.hasUnread && !names.arguments.isEmpty
      && !names.arguments.contains(name.text):
      report(
        "there is no argument '\(name.text)'",
        help: suggestion(for: name.text, among: names.arguments.sorted()).map {
          "did you mean args.\($0)?"
        } ?? "declare it in the script: arguments \(name.text)=DEFAULT", at: name.span)
    case .call(let name, let arguments):
      // Functions of values, and of what a metric is made of.
      if Function(rawValue: name.text) != nil || Score.Kind(rawValue: name.text) != nil { return }
      lookAtCall(of: name, arguments, hasInput: nil)
    case .each(let name, _, _): lookAtNew(name)
    default: break
    }
  }
}
