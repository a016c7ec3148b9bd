import Lang
import Model

extension Command {
  static let models = Command(
    name: "models", group: .models,
    summary: "List the models that are on this machine, and those that are loaded.",
    input: .none, examples: ["models"]
  ) { call in
    let loaded = call.session.models
    var rows: [(model: InstalledModel, entry: LoadedModels.Entry?)] = []
    for model in InstalledModel.all(environment: call.host.environment) {
      let entries = loaded.entries.filter { $0.model.path == model.path }
      rows += entries.isEmpty ? [(model, nil)] : entries.map { (model, $0) }
    }
    for entry in loaded.entries where !rows.contains(where: { $0.entry?.name == entry.name }) {
      rows.append((InstalledModel(opening: entry.model.path), entry))
    }
    let found = rows.map(\.model)
    return .table(
      TableValue(
        Table(columns: [
          Column("name", .texts(found.map(\.name))),
          Column("loaded", .texts(rows.map { $0.entry?.name })),
          Column(
            "in_use",
            .booleans(rows.map { $0.entry != nil && $0.entry?.name == loaded.current?.name })),
          Column("architecture", .texts(found.map(\.architecture))),
          Column("types", .texts(found.map(\.types))),
          Column("bytes", .integers(found.map(\.bytes))),
          Column("path", .texts(found.map(\.path))),
          Column("problem", .texts(found.map(\.problem))),
        ])))
  }
}
