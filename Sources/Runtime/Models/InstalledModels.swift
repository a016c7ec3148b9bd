import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A model in one of the caches, as far as its headers tell.
struct InstalledModel {
  /// What `load` takes.
  var name: String
  var architecture: String?
  /// Types of tensors, and how many there are of each.
  var types: String?
  var bytes: Int?
  var path: String
  /// Why it cannot be opened, where it cannot.
  var problem: String?

  private init(name: String, path: String, problem: String) {
    self.name = name
    self.path = path
    self.problem = problem
  }

  private init(name: String, opening path: String) {
    let summary = ModelSummary(path: path)
    self.name = name
    self.path = path
    architecture = summary.architecture
    types =
      summary.types.isEmpty
      ? nil : summary.types.map { "\($0.type.name) × \($0.count)" }.joined(separator: ", ")
    bytes = summary.bytes
    problem = summary.problem
  }

  /// One that lies elsewhere.
  init(opening path: String) { self.init(name: path, opening: path) }

  /// The models in Summand's own folder, and then those in the Hugging Face cache, by name.
  static func all(environment: [String: String]) -> [InstalledModel] {
    let folder = ModelStore(environment: environment).directory
    let own = ModelFolder(folder).files.ggufs.map { file in
      let path = folder + "/" + file
      return InstalledModel(name: ModelStore.shortName(of: path, asked: file), opening: path)
    }
    let cache = HubCache(root: HubSettings(environment: environment).cache)
    return own + cache.entries().flatMap(models)
  }

  private static func models(in entry: HubCache.Entry) -> [InstalledModel] {
    let content = ModelFolder(entry.folder)
    let name = entry.reference.text
    func refused(_ problem: String) -> [InstalledModel] {
      [InstalledModel(name: name, path: entry.folder, problem: problem)]
    }
    func unfinished(_ problem: String) -> [InstalledModel] {
      let name = entry.isOfNoBranch ? entry.reference.repository : name
      return [InstalledModel(name: name, path: entry.folder, problem: problem)]
    }
    switch content.files.choice(file: nil) {
    case .several(let files):
      return files.map { file in
        var reference = entry.reference
        reference.file = file
        return InstalledModel(name: reference.text, opening: entry.folder + "/" + file)
      }
    case .foreign(let file):
      return refused("its weights are in '\(file)', which is neither safetensors nor GGUF")
    case .missing, .none: return unfinished("its weights are not here: load it to fetch them")
    case .safetensors, .gguf:
      do {
        guard let model = try content.model(file: nil) else { return [] }
        if let missing = model.missing.first {
          return unfinished("not whole, \(missing) is missing: load it to fetch the rest")
        }
        return [InstalledModel(name: name, opening: model.path)]
      } catch {
        return refused((error as? Failure)?.message ?? "\(error)")
      }
    }
  }
}
