import Lang

/// CounterFact (Meng et al. 2022, "Locating and Editing Factual Associations in GPT") as it is
/// published: one row a record; `template` is its prompt with `{subject}`, the answer is
/// `target_true`, the foil `target_new`. Nil where the records are something else.
func counterFactTable(_ records: [JSONValue], _ source: TextSource) throws -> Table? {
  guard records.first?["requested_rewrite"]?.members != nil else { return nil }
  var table = TableBuilder()
  let (subject, answer) = (table.texts("subject"), table.texts("answer"))
  let (relation, template) = (table.texts("relation"), table.texts("template"))
  let foil = table.texts("foils")
  for (index, record) in records.enumerated() {
    let reader = RecordReader(place: "record \(index + 1)", source: source)
    table.addRow()
    table[subject] = try reader.string(record, ["requested_rewrite", "subject"])
    table[answer] = try reader.string(record, ["requested_rewrite", "target_true", "str"])
    table[relation] = record["requested_rewrite"]?["relation_id"]?.string
    let prompt = try reader.string(record, ["requested_rewrite", "prompt"])
    table[template] = try reader.template(prompt)
    table[foil] = record["requested_rewrite"]?["target_new"]?["str"]?.string
  }
  return table.table()
}

/// A relation of Hernandez et al. 2023 ("Linearity of Relation Decoding in Transformer Language
/// Models") as it is published, or an array of them: one row a sample. `template` is the first of
/// the zero-shot prompts, `template_2` and so on are the others; foils are not given, so missing.
/// Nil where the value is something else.
func relationsTable(_ value: JSONValue, _ source: TextSource) throws -> Table? {
  let relations = value.array ?? [value]
  guard let first = relations.first, first["samples"]?.array != nil,
    first["prompt_templates"]?.array != nil
  else {
    return nil
  }
  var rows: [(subject: String, answer: String, relation: String, templates: [String])] = []
  for (index, relation) in relations.enumerated() {
    let reader = RecordReader(place: "relation \(index + 1)", source: source)
    let name = try reader.string(relation, ["name"])
    let named = "relation `\(excerpt(name))`"
    var prompts: [String] = []
    for key in ["prompt_templates_zs", "prompt_templates"] {
      for element in relation[key]?.array ?? [] {
        guard let prompt = element.string else {
          throw source.failure("`\(key)` of \(named) holds \(element.kindName)")
        }
        let template = try reader.template(prompt)
        if !prompts.contains(template) { prompts.append(template) }
      }
    }
    guard let samples = relation["samples"]?.array else {
      throw source.failure("\(named) has no array of `samples`")
    }
    for (row, sample) in samples.enumerated() {
      let reader = RecordReader(place: "sample \(row + 1) of \(named)", source: source)
      // Some subjects end in a space, and some texts have an escape twice escaped.
      rows.append(
        (
          unescaped(try reader.string(sample, ["subject"])).trimmingSpaces(),
          unescaped(try reader.string(sample, ["object"])), name, prompts
        ))
    }
  }
  let most = max(1, rows.lazy.map(\.templates.count).max() ?? 1)
  try source.check(rows: rows.count, columns: most)
  func template(_ number: Int) -> Values {
    .texts(rows.map { number < $0.templates.count ? $0.templates[number] : nil })
  }
  return Table(
    columns: [
      Column("subject", .texts(rows.map(\.subject))), Column("answer", .texts(rows.map(\.answer))),
      Column("relation", .texts(rows.map(\.relation))), Column("template", template(0)),
      Column("foils", .missing(.texts, count: rows.count)),
    ] + (1..<most).map { Column("template_\($0 + 1)", template($0)) })
}

/// Text in which `\uXXXX` is a character, where that is what is written.
private func unescaped(_ text: String) -> String {
  guard text.contains("\\u"), !text.contains("\""),
    let value = try? JSONParser.parse(Array("\"\(text)\"".utf8)[...]).string
  else { return text }
  return value
}

private struct RecordReader {
  var place: String
  var source: TextSource

  /// The text at the end of `path`.
  func string(_ value: JSONValue, _ path: [String]) throws -> String {
    let found = path.reduce(Optional(value)) { $0?[$1] }
    guard let text = found?.string else {
      let name = path.joined(separator: ".")
      throw source.failure(
        found.map { "\(place): `\(name)` is \($0.kindName), not a string" }
          ?? "\(place): `\(name)` is missing")
    }
    return text
  }

  /// `{}` becomes `{subject}`; other braces are doubled, as a template of the language writes them.
  func template(_ prompt: String) throws -> String {
    let pieces = prompt.split(separator: "{}", omittingEmptySubsequences: false)
    guard pieces.count > 1 else {
      throw source.failure(
        "\(place): the prompt \(quotedText(excerpt(prompt))) has no `{}` for the subject")
    }
    return pieces.map { piece in
      piece.reduce(into: "") { text, character in
        text.append(character)
        if character == "{" || character == "}" { text.append(character) }
      }
    }.joined(separator: "{subject}")
  }
}
