#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Command {
  static let pwd = Command(
    name: "pwd", group: .scripting, summary: "Print the working directory.", input: .none,
    examples: ["pwd"], yieldsToNames: true
  ) { _ in
    .text(FileManager.default.currentDirectoryPath)
  }
}
