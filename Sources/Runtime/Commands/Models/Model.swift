import Lang
import Model

extension Command {
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
      ("d_model", "\(c.width)"), ("d_mlp", c.neuronsText), ("vocabulary", "\(c.vocabulary)"),
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
      ("threads", "\(session.pool.width)"), ("kernels", Kernels.name),
    ]
  }
}
