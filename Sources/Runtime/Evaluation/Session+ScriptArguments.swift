import Lang

// `name=value` from the command line.
extension Session {
  /// Arguments that no `arguments` statement of the script declares are an error before anything
  /// runs.
  func checkArguments(in script: Script) throws {
    guard !scriptArguments.isEmpty, !source.isOption else { return }
    // What is wrong with a declaration is reported when it runs.
    guard let all = DeclaredArgument.all(in: script, of: source) else { return }
    let declared = all.map(\.name.text)
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

  /// What the command line gave for an argument: of its type, or else a number where it looks like
  /// one.
  ///
  /// - Throws: `Failure` for a text that is not of the type.
  func scriptArgument(_ name: Name, _ type: ArgumentType?) throws -> Value? {
    guard let text = scriptArguments.last(where: { $0.name == name.text })?.value else {
      return nil
    }
    if let type {
      if let value = type.value(of: text) { return value }
      throw Failure(
        "'\(name.text)' takes \(type.noun), got '\(excerpt(text))'", status: .usage,
        span: name.span)
    }
    if let integer = Int(text) { return .integer(integer) }
    if let number = Double(text), number.isFinite { return .number(number) }
    return .text(text)
  }
}

extension SourceText {
  /// Whether it stands for an option of the command line rather than a script.
  var isOption: Bool { name == "--model" || name == "SUMMAND_MODEL" }
}
