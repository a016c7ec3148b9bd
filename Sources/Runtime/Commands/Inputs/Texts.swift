import Lang
import Model

extension Command {
  static let texts = Command(
    name: "texts", group: .inputs,
    summary: "Make a set of prompts from the texts of a file.",
    details: """
      A file of plain text gives a prompt for each line; blank lines are skipped. TSV, CSV, JSON and \
      NDJSON files give one for each row, of the column `text` or another. `tokens N` cuts each text, \
      and a plain file as a whole, into windows of N tokens, BOS among them where it is fed. With \
      `stride M`, windows begin every M tokens, and the loss of later ones counts their last M \
      tokens only, which have the others before them. The prompts ask for the token that follows \
      each position: `rank at @*`.
      """,
    input: .none,
    parameters: [
      .positional("file", .path, "the path of a file"),
      .keyword("column", .text, "the column that has the texts; default: text"),
      .keyword("tokens", .number, "cut into windows of N tokens"),
      .keyword(
        "stride", .number, "tokens from one window's start to the next; default: no overlap"),
    ],
    examples: [
      #"texts "README.md" tokens 32 stride 16 | take 3 | perplexity"#,
      #"texts "Examples/facts/country.tsv" column subject | take 3 | loss"#,
    ],
    run: makeTexts)

  private static func makeTexts(_ call: Invocation) throws -> Value {
    let model = try placing(at: call.span) { try call.session.requireModel() }
    let windows = try Windows(
      call, addsBOS: call.session.addsBOS(model) && model.tokenizer.bos != nil)
    let source = try TextFile(call, isWhole: windows != nil)
    var reader = TextReader(model: model, addsBOS: call.session.addsBOS(model))
    let prompts = try placing(at: call.span(of: "file")) {
      try source.texts.flatMap { text in
        try Interruption.check()
        return try windows.map { try reader.prompts(text, $0) } ?? reader.prompt(text)
      }
    }
    guard !prompts.isEmpty else {
      throw Failure(
        "'\(excerpt(source.path))' has no texts", help: "every line of it is blank",
        span: call.span(of: "file"))
    }
    if source.blanks > 0 {
      call.session.note(
        "texts: \(source.blanks == 1 ? "a blank text was" : "\(thousands(source.blanks)) blank texts were") "
          + "skipped")
    }
    if let first = reader.incomplete.first {
      call.warn(
        "the model's tokenizer has no token for some of \(reader.incomplete.count) of "
          + "\(source.texts.count) texts, and drops it: '\(excerpt(first))'",
        help: "`tokens` shows what is left")
    }
    call.session.warnOfDoubledBOS(in: prompts, at: call.span(of: "file"))
    return .prompts(PromptSet(prompts: prompts))
  }
}

/// Windows over the tokens of a text.
private struct Windows {
  /// Tokens of the text in each.
  let size: Int
  /// From the start of one to that of the next.
  let stride: Int

  /// Nil where texts stay whole.
  init?(_ call: Invocation, addsBOS: Bool) throws {
    guard let tokens = try call.integer("tokens") else {
      if call.has("stride") {
        throw call.failure("`stride` goes with `tokens`", help: "tokens 512 stride 256")
      }
      return nil
    }
    guard (2...1_000_000).contains(tokens) else {
      throw Failure(
        "a window has 2 to 1,000,000 tokens, not \(tokens)", span: call.span(of: "tokens"))
    }
    size = addsBOS ? tokens - 1 : tokens
    stride = try call.integer("stride") ?? size
    guard (1...size).contains(stride) else {
      throw Failure(
        "windows of \(size) tokens of the text begin at most \(size) apart, not \(stride)",
        help: "a larger stride would leave tokens out", span: call.span(of: "stride"))
    }
  }
}

/// One text of a file, and what it is called.
private struct NamedText {
  var name: String
  var text: String
}

/// The texts of a file.
private struct TextFile {
  let path: String
  private(set) var texts: [NamedText] = []
  /// Texts that are nothing but white space, and left out.
  private(set) var blanks = 0

  /// - Parameter isWhole: whether plain text is one text, and not one for each line.
  init(_ call: Invocation, isWhole: Bool) throws {
    path = try call.text(required: "file")
    let column = try call.text("column")
    let file = call.span(of: "file")
    guard column == nil, TableFormat(path: path) == nil else {
      let table = try placing(at: file) { [path] in try readTable(path: path, asTexts: true) }
      let name = column ?? "text"
      guard let found = table[name] else {
        throw Failure(
          "'\(excerpt(path))' has no column `\(name)`",
          help: suggestion(for: name, among: table.columnNames).map { "did you mean `\($0)`?" }
            ?? "choose one: … column \(table.columnNames.first ?? "NAME"); its columns are "
            + listed(table.columnNames),
          span: column == nil ? file : call.span(of: "column"))
      }
      try (0..<found.count).forEachChecked { row in
        add(found[row].isMissing ? "" : found[row].description, named: "row \(row + 1)")
      }
      return
    }
    let source = try placing(at: file) { [path] in
      try TextSource(try readBytes(path: path), name: path)
    }
    if isWhole {
      add(String(decoding: source.bytes, as: UTF8.self), named: path.lastPart)
      return
    }
    var lines = source.bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    // After the end of the last line.
    if lines.last?.isEmpty == true { lines.removeLast() }
    try lines.forEachChecked { line in
      let end = line.last == 0x0D ? line.dropLast() : line
      add(String(decoding: end, as: UTF8.self), named: "")
    }
  }

  private mutating func add(_ text: String, named name: String) {
    guard text.contains(where: { !$0.isWhitespace }) else {
      blanks += 1
      return
    }
    texts.append(NamedText(name: name, text: text))
  }
}

/// Makes prompts of texts.
private struct TextReader {
  let model: LanguageModel
  let addsBOS: Bool
  /// Names of texts that the tokenizer has no token for some of.
  private(set) var incomplete: [String] = []

  init(model: LanguageModel, addsBOS: Bool) {
    self.model = model
    self.addsBOS = addsBOS
  }

  /// A text as one prompt.
  mutating func prompt(_ text: NamedText) throws -> [Prompt] {
    var prompt = try Prompt(text: text.text, labels: [], model: model, addsBOS: addsBOS)
    prompt.asksForNext = true
    if !prompt.isWhole { incomplete.append(prompt.name) }
    return [prompt]
  }

  /// A text as windows. The last may be shorter. A last window without a token to predict
  /// is left out.
  mutating func prompts(_ text: NamedText, _ windows: Windows) throws -> [Prompt] {
    let pieces = model.tokenizer.encode(text.text)
    try Interruption.check()
    if !model.tokenizer.isWhole(pieces, of: text.text) { incomplete.append(text.name) }
    let bos = addsBOS ? [model.tokenizer.bos].compactMap { $0 } : []
    var prompts: [Prompt] = []
    var counted = 0
    for start in stride(from: 0, to: pieces.count, by: windows.stride) {
      let end = min(start + windows.size, pieces.count)
      if end - start + bos.count < 2, !prompts.isEmpty { break }
      var prompt = try Prompt(tokens: bos + pieces[start..<end].map(\.id), model: model)
      prompt.name = "\(text.name), tokens \(start)..\(end - 1)"
      prompt.asksForNext = true
      prompt.firstCounted = max(1, bos.count + counted - start)
      prompts.append(prompt)
      counted = end
      if end == pieces.count { break }
    }
    return prompts
  }
}
