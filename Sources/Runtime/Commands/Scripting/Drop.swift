import Lang

extension Command {
  static let drop = Command(
    name: "drop", group: .scripting, summary: "Remove variables.", input: .none,
    parameters: [.positional("name", .name, list: true, "a variable")],
    examples: ["let once = 1; drop once"], yieldsToNames: true
  ) { call in
    let session = call.session
    let names = try call.expressions("name").map { expression in
      guard case .name(let name) = expression.kind else {
        throw Failure("expected a variable's name", span: expression.span)
      }
      return Name(text: name, span: expression.span)
    }
    // All or none.
    for name in names {
      try placing(at: name.span) {
        _ = try session.requireVariable(name.text)
        guard session.frames[session.frames.count - 1][name.text] != nil else {
          throw Failure(
            "`\(name.text)` is a variable of the session", help: "`drop` it outside of the `def`")
        }
      }
    }
    for name in names { session.frames[session.frames.count - 1][name.text] = nil }
    return .nothing
  }
}
