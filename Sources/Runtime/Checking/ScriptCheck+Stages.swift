import Lang

// The stages of pipelines: commands, calls of `def`s, and what goes from one to the next.
extension ScriptCheck {
  mutating func look(at pipeline: Pipeline, isInner: Bool) {
    // In parentheses, a single word or call may be of a table's row.
    let isValue = isInner && pipeline.stages.count == 1
    for (index, stage) in pipeline.stages.enumerated() {
      let before = index > 0 ? pipeline.stages[index - 1] : nil
      switch stage.kind {
      case .command(let name, let arguments):
        look(at: name, arguments, after: before)
      case .expression(let expression):
        guard !isValue, case .name(let text) = expression.kind else { continue }
        let name = Name(text: text, span: expression.span)
        if index == 0, names.isVariable(text) || isWord(text) { continue }
        if index == 0, isUnknown(text) {
          if !names.hasUnread {
            report(
              "there is no variable or command '\(text)'", help: helpForUnknown(text),
              at: name.span)
          }
          continue
        }
        look(at: name, [], after: before)
      case .shell: break
      }
    }
  }

  /// Names that the language has besides commands.
  private func isWord(_ name: String) -> Bool {
    name == "missing" || Selector.Word(rawValue: name) != nil || names.metrics.contains(name)
  }

  private func isUnknown(_ name: String) -> Bool {
    Catalogue.command(named: name) == nil && names.functions[name] == nil
  }

  private func helpForUnknown(_ name: String) -> String? {
    let known = names.variables.sorted() + names.functions.keys.sorted()
    return helpForUnknownCommand(name, among: known)
  }

  /// - Parameter before: the stage whose value comes in; nil for the first.
  private mutating func look(at name: Name, _ arguments: [Argument], after before: Stage?) {
    guard names.functions[name.text] == nil, let command = Catalogue.command(named: name.text)
    else { return lookAtCall(of: name, arguments, hasInput: before != nil) }
    lookAtInput(of: command, name, after: before)
    var binder = Binder(command, named: name, in: source)
    do {
      lookAtChoices(of: command, try binder.bind(arguments))
    } catch let failure as Failure {
      report(failure.message, help: failure.help, at: failure.span ?? name.span)
    } catch {}
  }

  private mutating func lookAtInput(of command: Command, _ name: Name, after before: Stage?) {
    let comes: Bool
    if let before {
      // `with` and its like hand on nothing.
      if case .command(let name, _) = before.kind,
        Catalogue.command(named: name.text)?.needsFollower != nil
      {
        return
      }
      comes = true
    } else {
      comes = false
    }
    switch command.input {
    case .none where comes:
      report("`\(command.name)` takes no input from a pipe", at: name.span)
    case .prompts where !comes:
      report(
        "`\(command.name)` needs prompts from a pipe",
        help: "write them before it: PROMPTS | \(command.name)", at: name.span)
    case .table where !comes:
      report(
        "`\(command.name)` needs a table from a pipe",
        help: "write it before it: TABLE | \(command.name)", at: name.span)
    case .none, .prompts, .table, .any: break
    }
  }

  /// Words where one of a closed set is expected.
  private mutating func lookAtChoices(of command: Command, _ bound: BoundArguments) {
    for parameter in command.parameters {
      guard let choices = parameter.kind.choices else { continue }
      for expression in bound.values[parameter.name] ?? [] {
        guard case .name(let word) = expression.kind, !choices.contains(word),
          !names.isVariable(word), !names.hasUnread
        else { continue }
        report(
          "expected \(choices.sentence), got '\(excerpt(word))'",
          help: suggestion(for: word, among: choices.names).map { "did you mean `\($0)`?" },
          at: expression.span)
      }
    }
  }

  // MARK: Calls

  /// - Parameter hasInput: whether the first argument comes from a pipe; nil where a call stands in
  ///   an expression, after which a pipe may bring it.
  mutating func lookAtCall(of name: Name, _ arguments: [Argument], hasInput: Bool?) {
    if let definition = names.functions[name.text] {
      return look(at: arguments, of: definition, name, hasInput: hasInput)
    }
    if names.hasUnread { return }
    if let command = Catalogue.command(named: name.text) {
      var binder = Binder(command, named: name, in: source)
      do {
        _ = try binder.bind(arguments)
      } catch let failure as Failure {
        report(failure.message, help: failure.help, at: failure.span ?? name.span)
      } catch {}
      return
    }
    report(
      names.isVariable(name.text)
        ? "'\(name.text)' is a variable, not a command" : "there is no command '\(name.text)'",
      help: helpForUnknown(name.text) ?? "`help` lists the commands", at: name.span)
  }

  private mutating func look(
    at arguments: [Argument], of definition: Definition, _ name: Name, hasInput: Bool?
  ) {
    let parameters = definition.parameters.map(\.name.text)
    var given: Set<String> = []
    var positional = hasInput == true ? 1 : 0
    for argument in arguments {
      switch argument.kind {
      case .value(let expression):
        if case .list(let elements, bracketed: false) = expression.kind {
          positional += elements.count
        } else {
          positional += 1
        }
      case .named(let option, _), .option(let option, _):
        guard parameters.contains(option.text) else {
          report(
            "`\(name.text)` has no parameter '\(option.text)'",
            help: suggestion(for: option.text, among: parameters).map { "did you mean \($0)?" }
              ?? definition.usage, at: option.span)
          return
        }
        given.insert(option.text)
      case .arrow: return report("`\(name.text)` takes no `->`", at: argument.span)
      }
    }
    guard positional <= parameters.count else {
      return report(
        "`\(name.text)` takes \(parameters.count) values, and was given \(positional)",
        help: definition.usage, at: name.span)
    }
    given.formUnion(parameters.prefix(positional))
    // A call in an expression can stand after a pipe, which brings one.
    let lacking = definition.parameters.filter {
      $0.defaultValue == nil && !given.contains($0.name.text)
    }
    if let first = lacking.first, hasInput != nil || lacking.count > 1 {
      report("`\(name.text)` needs '\(first.name.text)'", help: definition.usage, at: name.span)
    }
  }
}
