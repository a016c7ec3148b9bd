/// One turn of a conversation.
public struct ChatMessage: Sendable, Equatable {
  public enum Role: String, Sendable { case system, user, assistant }

  public var role: Role
  public var content: String

  public init(_ role: Role, _ content: String) {
    (self.role, self.content) = (role, content)
  }
}

/// The template by which a model's conversations become text, read and ready.
public struct ChatTemplate {
  private let statements: [JinjaStatement]
  /// `bos_token` and the others.
  private let tokens: [String: String]

  /// - Throws: `ModelError` for what is not a template, or one with a tag that is not known here.
  init(_ template: String, tokens: [String: String]) throws {
    do {
      statements = try JinjaParser.parse(template)
    } catch let error as JinjaError {
      throw Self.error(error)
    }
    self.tokens = tokens
  }

  /// The text of a conversation up to where the assistant's next turn begins, as
  /// `apply_chat_template` of transformers 5.24 gives it. BOS is in it if the template writes it.
  ///
  /// - Parameters:
  ///   - date: what the template is told that today is.
  ///   - isDateGiven: whether it stands for the template's own date too (`date_string`).
  /// - Throws: `ModelError` where the template refuses the conversation or cannot be followed;
  ///   `Interruption.Stopped`.
  public func text(of messages: [ChatMessage], date: ChatDate, isDateGiven: Bool) throws -> String {
    var values = tokens.mapValues { JinjaValue.text($0) }
    if isDateGiven { values["date_string"] = .text(date.words) }
    values["tools"] = JinjaValue.none
    values["documents"] = JinjaValue.none
    values["add_generation_prompt"] = .boolean(true)
    do {
      let turns = try messages.map { message in
        JinjaValue.dictionary(
          try JinjaDictionary([
            (.text("role"), .text(message.role.rawValue)),
            (.text("content"), .text(message.content)),
          ]))
      }
      values["messages"] = .list(try JinjaList(turns))
      return try JinjaRenderer(variables: values, date: date).render(statements)
    } catch let error as JinjaError {
      throw Self.error(error)
    }
  }

  private static func error(_ error: JinjaError) -> ModelError {
    if error.isRefusal {
      return ModelError(
        .request, "the model's chat template refuses this: \(quoted(error.message, limit: 300))")
    }
    let place = error.line.map { "line \($0) of the model's chat template" }
    return ModelError(.request, "\(place ?? "the model's chat template"): \(error.message)")
  }
}

/// The chat templates that a model's files have.
public struct ChatTemplates: Sendable {
  /// By their names; the one that is used is `default`.
  private var texts: [String: String] = [:]
  /// Why they could not be read.
  private var problem: ModelError?
  private let tokens: [String: String]

  private static let usual = "default"

  /// - Throws: `ModelError` if there is none, or none that is used by default, or if it cannot be read.
  public func template() throws -> ChatTemplate {
    if let problem { throw problem }
    if let text = texts[Self.usual] { return try ChatTemplate(text, tokens: tokens) }
    guard texts.isEmpty else {
      let names = texts.keys.sorted().map { quoted($0) }.joined(separator: ", ")
      throw ModelError(
        .request, "this model has several chat templates and none called 'default': \(names)")
    }
    throw ModelError(
      .request, "this model has no chat template: it was not made for conversations",
      help:
        "`prompt` takes a text as it is; models with \"Instruct\" or \"it\" in their names have "
        + "a template")
  }

  /// Those of a GGUF file: `tokenizer.chat_template`, and others with their names after it.
  init(metadata: Metadata, tokens: [String: String]) {
    self.tokens = tokens
    let key = "tokenizer.chat_template"
    for name in metadata.keys where name == key || name.hasPrefix(key + ".") {
      guard let text = metadata[name]?.string else {
        problem = ModelError(.file, "the file's \(quoted(name)) is not a text")
        continue
      }
      texts[name == key ? Self.usual : String(name.dropFirst(key.count + 1))] = text
    }
  }

  /// Those of a folder: `chat_template.jinja`, else `chat_template` of `tokenizer_config.json` (a
  /// text, or a list with names), else `chat_template.json`.
  ///
  /// - Parameter folder: with its slash, or empty.
  init(folder: String, tokens: [String: String]) {
    self.tokens = tokens
    do {
      let file = folder + "chat_template.jinja"
      if ReadableFile.exists(file) {
        texts[Self.usual] = try Self.text(of: file)
        return
      }
      for name in ["tokenizer_config.json", "chat_template.json"] {
        let path = folder + name
        guard texts.isEmpty, ReadableFile.exists(path),
          let value = try JSON.read(path: path)["chat_template"]
        else { continue }
        texts = try Self.texts(value, path)
      }
    } catch let error as ModelError {
      problem = error
    } catch {
      problem = ModelError(.file, "the model's chat template cannot be read: \(error)")
    }
  }

  private static func text(of path: String) throws -> String {
    let bytes = try JSON.bytes(path: path, limit: 16 << 20)
    if let offset = firstInvalidUTF8(bytes) {
      throw ModelError(.file, "\(quoted(path)) is not UTF-8: byte \(offset)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func texts(_ value: JSON, _ path: String) throws -> [String: String] {
    if let text = value.string { return [usual: text] }
    func damaged() -> ModelError {
      ModelError(
        .file,
        "\(quoted(path)): chat_template is neither a text nor a list of templates with names")
    }
    guard let list = value.array else { throw damaged() }
    var texts: [String: String] = [:]
    for item in list {
      guard let name = item["name"]?.string, let text = item["template"]?.string else {
        throw damaged()
      }
      texts[name] = text
    }
    return texts
  }
}
