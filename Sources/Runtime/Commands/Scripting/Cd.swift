import Lang

extension Command {
  static let cd = Command(
    name: "cd", group: .scripting, summary: "Change the working directory.", input: .none,
    parameters: [.positional("folder", .path, required: false, "default: the home folder")],
    examples: ["cd ."], yieldsToNames: true
  ) { call in
    let home = call.host.environment["HOME"]
    guard var path = try call.text("folder") ?? home else {
      throw call.failure("the home folder is unknown: HOME is not set", help: "cd FOLDER")
    }
    if path == "~" || path.hasPrefix("~/"), let home { path = home + path.dropFirst() }
    try placing(at: call.span(of: "folder")) { try call.host.changeDirectory(to: path) }
    return .nothing
  }
}
