import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where the files of a dictionary are: a path, or a folder of a repository in the Hugging Face cache.
struct DictionaryPath {
  let environment: [String: String]

  /// - Parameter name: a path, or `org/name/folder/in/it`, with `@revision` after the name.
  /// - Throws: `Failure` where neither is there.
  func found(_ name: String) throws -> String {
    let path = name.expandingHome(environment["HOME"])
    if FileManager.default.fileExists(atPath: path) { return path }
    guard let (reference, folder) = Self.reference(name) else {
      throw Failure("there is no file or folder `\(name)`", status: .unreadable)
    }
    let cache = HubCache(root: HubSettings(environment: environment).cache)
    let revision = reference.revision ?? "main"
    if let commit = cache.commit(of: revision, in: reference.repository) {
      let path = ([cache.snapshot(commit, of: reference.repository)] + folder).joined(
        separator: "/")
      if FileManager.default.fileExists(atPath: path) { return path }
    }
    let include = folder.isEmpty ? "" : " --include '\(folder.joined(separator: "/"))/*'"
    throw Failure(
      "there is no file or folder `\(name)`, and it is not in `\(cache.root)`",
      help: "fetch it: hf download \(reference.repository)\(include)", status: .unreadable)
  }

  /// The repository and the folder in it.
  private static func reference(_ name: String) -> (HubReference, [String])? {
    guard !["/", "./", "../", "~"].contains(where: name.hasPrefix) else { return nil }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard parts.count >= 2, !parts.contains(where: { ["", ".", ".."].contains($0) }),
      let reference = HubReference(parsing: parts[0] + "/" + parts[1])
    else { return nil }
    return (reference, Array(parts.dropFirst(2)))
  }
}
