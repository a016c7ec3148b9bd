import Lang

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A folder on disk that may hold a model.
struct ModelFolder {
  let path: String
  let files: ModelFiles

  init(_ path: String) {
    self.path = path
    files = ModelFiles(Self.files(in: path, depth: 3))
  }

  /// What is to be opened, and what it needs that is not there.
  ///
  /// - Parameter name: what to `load` for one of several files.
  /// - Returns: nil where the folder has no weights that can be opened.
  /// - Throws: `Failure` where one of several must be chosen.
  func model(file: String?, name: ((String) -> String)? = nil) throws -> (
    path: String, missing: [String]
  )? {
    switch files.choice(file: file) {
    case .safetensors(let name):
      let weights = name == ModelFiles.index ? try ModelFiles.shards(ofIndex: at(name)) : [name]
      return (path, missing(weights + ModelFiles.needed))
    case .gguf(let parts): return (at(parts[0]), missing(parts))
    case .several(let names):
      throw Failure(
        "`\(path)` has several GGUF files: \(listed(names))",
        help: "name one: load \"\((name ?? at)(names[0]))\"", status: .unreadable)
    case .missing, .foreign, .none: return nil
    }
  }

  private func at(_ name: String) -> String { path + "/" + name }

  /// Links that lead nowhere count as missing.
  private func missing(_ names: [String]) -> [String] {
    names.filter { fileSize(at($0)) == nil }
  }

  /// The files in a folder and in those within it, down to some depth, by their paths from it.
  static func files(in folder: String, depth: Int) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.flatMap { name -> [String] in
      if fileSize(folder + "/" + name) != nil { return [name] }
      if depth <= 1 { return [] }
      return files(in: folder + "/" + name, depth: depth - 1).map { name + "/" + $0 }
    }
  }
}
