import Model

/// The models of a session, by name and in the order in which they were loaded, and the one that
/// prompts are made for.
struct LoadedModels {
  struct Entry {
    var name: String
    var model: LanguageModel
    /// `bos on` and `bos off`; nil leaves it to the model's files.
    var bosOverride: Bool?
  }

  private(set) var entries: [Entry] = []
  /// Chosen by the last `load` or `use`; nil once that model was unloaded.
  private(set) var inUse: String?
  /// Chosen by `with`, for as long as its pipeline runs.
  var inPipeline: String?

  var names: [String] { entries.map(\.name) }

  /// The model that prompts are made for now.
  var current: Entry? { (inPipeline ?? inUse).flatMap { entry(named: $0) } }

  func entry(named name: String) -> Entry? { entries.first { $0.name == name } }

  /// What a model is loaded as; nil where it no longer is, and only values hold it.
  func name(of model: LanguageModel) -> String? { entries.first { $0.model === model }?.name }

  func bosOverride(of model: LanguageModel) -> Bool? {
    entries.first { $0.model === model }?.bosOverride
  }

  /// Puts a model under a name, in the place of the one that had it, and in use.
  mutating func add(_ model: LanguageModel, as name: String) {
    let entry = Entry(name: name, model: model)
    if let place = entries.firstIndex(where: { $0.name == name }) {
      entries[place] = entry
    } else {
      entries.append(entry)
    }
    inUse = name
  }

  /// - Returns: whether a model of that name is loaded.
  mutating func use(_ name: String) -> Bool {
    guard entry(named: name) != nil else { return false }
    inUse = name
    return true
  }

  /// - Returns: whether a model of that name was loaded.
  mutating func remove(_ name: String) -> Bool {
    guard let place = entries.firstIndex(where: { $0.name == name }) else { return false }
    entries.remove(at: place)
    if inUse == name { inUse = nil }
    return true
  }

  mutating func setBOSOverride(_ value: Bool?, of model: LanguageModel) {
    for place in entries.indices where entries[place].model === model {
      entries[place].bosOverride = value
    }
  }

  /// The name for a model of `path`: `wanted`, unless another file's model has that.
  func freeName(_ wanted: String, path: String) -> String {
    func isFree(_ name: String) -> Bool { entry(named: name).map { $0.model.path == path } ?? true }
    if isFree(wanted) { return wanted }
    return (2...).lazy.map { "\(wanted)-\($0)" }.first(where: isFree) ?? wanted
  }
}
