import Lang

extension Command {
  static let transcript = Command(
    name: "transcript", group: .scripting,
    summary: "Write what is typed and printed to a file as well.",
    details: """
      What the file has already stays. `transcript off` ends it.
      """,
    input: .none,
    parameters: [
      .positional("file", .path, required: false, "its path; default: show which it is"),
      .flag("off", "write no more"),
    ],
    examples: ["transcript off"], yieldsToNames: true
  ) { call in
    let path = try call.text("file")
    if call.hasFlag("off") {
      guard path == nil else { throw call.failure("`transcript` takes a file or `off`") }
      try call.host.transcribe(to: nil)
      return .nothing
    }
    guard let path else { return .text(call.host.transcript ?? "no transcript is written") }
    try placing(at: call.span(of: "file")) {
      try call.host.checkMayWrite(path)
      try call.host.transcribe(to: path)
    }
    return .nothing
  }
}

extension Host {
  var transcript: String? { nil }

  public func transcribe(to path: String?) throws {
    guard path != nil else { return }
    throw Failure("a transcript can only be written at the prompt and by scripts")
  }

  public func transcribe(_ text: String) {}
}
