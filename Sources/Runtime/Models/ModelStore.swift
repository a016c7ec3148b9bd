import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where models lie on this machine, and what their names mean.
struct ModelStore {
  let environment: [String: String]

  private var settings: HubSettings { HubSettings(environment: environment) }

  /// Summand's own models: `$XDG_CACHE_HOME/summand/models`, else `~/.cache/summand/models`.
  var directory: String { settings.caches + "/summand/models" }

  /// What a name turned out to mean.
  enum Meaning {
    /// A model on this machine, and what the prompt calls it.
    case path(String, name: String)
    /// One that comes as Python packages, and is not here yet.
    case packaged(PackagedModel)
    /// One of the hub's that is not here, or not whole.
    case hub(HubReference, name: String)
  }

  /// A path, a directory, one of Summand's own models, a short name, or a model of the hub: in this
  /// order, without asking any network.
  ///
  /// - Throws: `Failure` for a name that can mean nothing.
  func meaning(of name: String) throws -> Meaning {
    if let path = try local(name) {
      return .path(path, name: Self.shortName(of: path, asked: name))
    }
    if let packaged = PackagedModel.named(name) { return .packaged(packaged) }
    guard !Self.isPath(name), var reference = HubReference(parsing: name) else {
      throw unknown(name)
    }
    var short = reference.shortName
    if let repository = ShortNames.repository(of: reference.repository) {
      short = reference.file == nil ? reference.repository : short
      reference.repository = repository
    }
    if let path = try HubCache(root: settings.cache).path(of: reference) {
      return .path(path, name: short)
    }
    guard reference.repository.contains("/") else { throw unknown(name) }
    return .hub(reference, name: short)
  }

  /// The path of a model, which is fetched where it is not here.
  func fetched(_ name: String, host: any Host) throws -> (path: String, name: String) {
    let meaning = try meaning(of: name)
    if settings.isOffline { try refuseToFetch(meaning, because: "HF_HUB_OFFLINE") }
    if host.confinement != nil { try refuseToFetch(meaning, because: "--safe") }
    switch meaning {
    case .path(let path, let name): return (path, name)
    case .packaged(let model):
      return (try PackageDownload(model, into: directory, host: host).run(), model.name)
    case .hub(let reference, let name):
      return (try HubDownload(reference, settings: settings, host: host).run(), name)
    }
  }

  /// The path of a model that is here.
  ///
  /// - Throws: `Failure` that says how to get one that is not.
  func path(of name: String) throws -> String {
    if case .path(let path, _) = try meaning(of: name) { return path }
    throw Failure(
      "the model '\(name)' is not on this machine", help: "fetch it: load \(name)",
      status: .unreadable)
  }

  // MARK: On this machine

  private func local(_ name: String) throws -> String? {
    let path = name.expandingHome(environment["HOME"])
    var isDirectory = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
      if !isDirectory { return path }
      if let model = try ModelFolder(path).model(file: nil) { return model.path }
      // A folder that happens to be called like a known model does not hide it.
      if !ShortNames.all.contains(where: { $0.name == name }) { return path }
    }
    guard !name.contains("/") else { return nil }
    let file = PackagedModel.named(name)?.file
    return ([file, name, name + ".gguf"].compactMap { $0 }).map { directory + "/" + $0 }
      .first { fileSize($0) != nil }
  }

  /// Whether it can only be meant as a path.
  private static func isPath(_ name: String) -> Bool {
    ["/", "./", "../", "~"].contains { name.hasPrefix($0) } || name == "." || name == ".."
      || (!name.contains(":")
        && [".gguf", ".safetensors", ".json", ".bin", "/"].contains { name.hasSuffix($0) })
  }

  // MARK: Refusals

  private func unknown(_ name: String) -> Failure {
    let names = ShortNames.all.map(\.name)
    return Failure(
      "there is no model or file '\(name)'",
      help: suggestion(for: name, among: names).map { "did you mean `load \($0)`?" }
        ?? "known names: \(names.joined(separator: ", ")); else give org/name of a model of the "
        + "hub, or the path of a GGUF or safetensors file or of their folder", status: .unreadable)
  }

  private func refuseToFetch(_ meaning: Meaning, because reason: String) throws {
    let remedy = reason.hasPrefix("--") ? "run without \(reason)" : "unset \(reason)"
    let help =
      "\(remedy) to fetch it; `models` lists what is here, and a model that was copied "
      + "here is loaded by its path"
    switch meaning {
    case .path: return
    case .packaged(let model):
      throw Failure(
        "there is no `\(directory)/\(model.file)`, and \(reason) forbids fetching it",
        help: help, status: .unreadable)
    case .hub(let reference, _):
      throw Failure(
        "'\(reference.text)' is not, or not whole, in `\(settings.cache)`, and \(reason) "
          + "forbids fetching it", help: help, status: .unreadable)
    }
  }

  // MARK: Names

  /// What the prompt calls a model.
  static func shortName(of path: String, asked name: String) -> String {
    if let packaged = PackagedModel.all.first(where: { path.hasSuffix("/" + $0.file) }) {
      return packaged.name
    }
    let parts = path.split(separator: "/")
    // A folder of the hub's cache is called after its commit, which says nothing.
    if parts.count > 2, parts[parts.count - 2] == "snapshots",
      let repository = HubCache.repository(folder: String(parts[parts.count - 3]))
    {
      return repository.lastPart
    }
    return ModelFiles.withoutEnding(parts.last.map(String.init) ?? name)
  }
}
