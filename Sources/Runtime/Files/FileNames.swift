#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// File names, for completion.
enum FileNames {
  /// The files and, with `/` at their ends, the folders whose paths begin with `prefix`; hidden ones
  /// only where asked for.
  static func beginning(with prefix: String, home: String?) -> [String] {
    let slash = prefix.lastIndex(of: "/")
    let folder = slash.map { String(prefix[...$0]) } ?? ""
    let name = slash.map { String(prefix[prefix.index(after: $0)...]) } ?? prefix
    let real = folder.isEmpty ? "." : folder.expandingHome(home)
    let files = (try? FileManager.default.contentsOfDirectory(atPath: real)) ?? []
    return files.sorted().filter { $0.hasPrefix(name) && ($0.first != "." || name.hasPrefix(".")) }
      .map { file in
        var isDirectory = false
        _ = FileManager.default.fileExists(atPath: real + "/" + file, isDirectory: &isDirectory)
        return folder + file + (isDirectory ? "/" : "")
      }
  }
}

extension String {
  /// A path with the home folder in the place of a `~` at its start; as it is where that folder is unknown.
  func expandingHome(_ home: String?) -> String {
    guard self == "~" || hasPrefix("~/"), let home else { return self }
    return home + dropFirst()
  }

  /// The file's name of a path.
  var lastPart: String { split(separator: "/").last.map(String.init) ?? self }
  /// The folder that a path is in.
  var withoutLastPart: String { lastIndex(of: "/").map { String(self[..<$0]) } ?? "." }
}
