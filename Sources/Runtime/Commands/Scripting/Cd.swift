import Lang

extension Command {
  static let cd = Command(
    name: "cd", group: .scripting, summary: "Change the working directory.", input: .none,
    parameters: [.positional("folder", .path, required: false, "default: the home folder")],
    examples: ["cd ."], yieldsToNames: true
  ) { call in
    let home = call.host.environment["HOME"]
    guard let path = try call.text("folder") ?? home else {
      throw call.failure("the home folder is unknown: HOME is not set", help: "cd FOLDER")
    }
    try placing(at: call.span(of: "folder")) {
      try call.host.changeDirectory(to: path.expandingHome(home))
    }
    return .nothing
  }
}
