import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where models lie on this machine, and which have short names.
struct ModelStore {
  let environment: [String: String]

  /// A model with a short name: its file, and the script that fetches it.
  struct Known {
    var name: String
    var file: String
  }

  /// The same names stand in `Scripts/fetch-model`.
  static let known = [Known(name: "smollm2", file: "SmolLM2-135M-Instruct.Q4_1.gguf")]

  /// A model file that was found.
  struct Installed {
    var name: String
    var path: String
    var bytes: Int
    var architecture: String?
    var types: String?
    /// Why it cannot be opened, where it cannot.
    var problem: String?
  }

  /// `$XDG_CACHE_HOME/summand/models`, else `~/.cache/summand/models`.
  var directory: String {
    let cache =
      environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : $0 }
      ?? (environment["HOME"] ?? ".") + "/.cache"
    return cache + "/summand/models"
  }

  /// The path that a name or a path means.
  ///
  /// - Throws: `Failure` that says how to get the model.
  func path(of name: String) throws -> String {
    if let known = Self.known.first(where: { $0.name == name }) {
      let path = directory + "/" + known.file
      if FileManager.default.fileExists(atPath: path) { return path }
      throw Failure(
        "the model '\(name)' is not on this machine: there is no '\(path)'",
        help: "fetch it: Scripts/fetch-model \(name)", status: .unreadable)
    }
    let path = expanded(name)
    if FileManager.default.fileExists(atPath: path) { return path }
    let installed = directory + "/" + name
    for candidate in [installed, installed + ".gguf"]
    where !name.contains("/") && FileManager.default.fileExists(atPath: candidate) {
      return candidate
    }
    let names = Self.known.map(\.name)
    throw Failure(
      "there is no model or file '\(name)'",
      help: suggestion(for: name, among: names).map { "did you mean `load \($0)`?" }
        ?? "known names: \(names.joined(separator: ", ")); else give the path of a GGUF or "
        + "safetensors file", status: .unreadable)
  }

  private func expanded(_ path: String) -> String {
    guard path == "~" || path.hasPrefix("~/"), let home = environment["HOME"] else { return path }
    return home + path.dropFirst()
  }

  /// What the prompt calls a model.
  static func shortName(of path: String, asked name: String) -> String {
    if let known = known.first(where: { path.hasSuffix("/" + $0.file) }) { return known.name }
    let last = path.split(separator: "/").last.map(String.init) ?? name
    for suffix in [".gguf", ".safetensors"] where last.hasSuffix(suffix) {
      return String(last.dropLast(suffix.count))
    }
    return last
  }

  /// The models in the cache directory, by name.
  func installed() -> [Installed] {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
    return files.filter { $0.hasSuffix(".gguf") }.sorted().map { file in
      let path = directory + "/" + file
      let name = Self.shortName(of: path, asked: file)
      do {
        let gguf = try GGUFFile(path: path)
        let counts = Dictionary(grouping: gguf.tensors, by: \.type).mapValues(\.count)
        let types = TensorType.allCases.compactMap { type in
          counts[type].map { "\(type.name) × \($0)" }
        }
        return Installed(
          name: name, path: path, bytes: gguf.fileSize,
          architecture: gguf.metadata["general.architecture"]?.string,
          types: types.joined(separator: ", "), problem: nil)
      } catch {
        let problem = (error as? ModelError)?.message ?? "\(error)"
        return Installed(name: name, path: path, bytes: 0, problem: problem)
      }
    }
  }
}
