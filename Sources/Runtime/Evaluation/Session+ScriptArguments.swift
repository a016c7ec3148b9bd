import Lang

// `name=value` from the command line.
extension Session {
  /// Arguments that no `arguments` statement of the script declares are an error before anything
  /// runs.
  func checkArguments(in script: Script) throws {
    guard !scriptArguments.isEmpty, source.name != "--model", source.name != "SUMMAND_MODEL" else {
      return
    }
    let declared = script.statements.flatMap { statement -> [String] in
      guard case .pipeline(let pipeline) = statement.kind,
        case .command(let name, let arguments)? = pipeline.stages.first?.kind,
        name.text == "arguments"
      else { return [] }
      return arguments.flatMap(\.declaredNames)
    }
    for (name, _) in scriptArguments where !declared.contains(name) {
      throw Failure(
        declared.isEmpty
          ? "this script takes no arguments, and was given '\(name)'"
          : "this script has no argument '\(name)'",
        help: suggestion(for: name, among: declared).map { "did you mean \($0)=…?" }
          ?? (declared.isEmpty
            ? "a script declares its arguments: arguments \(name)=DEFAULT"
            : "it has: \(listed(declared))"),
        status: .usage)
    }
  }

  /// What the command line gave for an argument: a number where it looks like one.
  func scriptArgument(_ name: String) -> Value? {
    guard let text = scriptArguments.last(where: { $0.name == name })?.value else { return nil }
    if let integer = Int(text) { return .integer(integer) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return .text(text)
  }
}

extension Argument {
  /// The names that an argument of `arguments` declares.
  fileprivate var declaredNames: [String] {
    switch kind {
    case .named(let name, _): [name.text]
    case .value(let expression):
      switch expression.kind {
      case .name(let name): [name]
      case .list(let elements, bracketed: false):
        elements.compactMap { if case .name(let name) = $0.kind { name } else { nil } }
      default: []
      }
    case .option, .arrow: []
    }
  }
}
