import Lang

// Data sets of facts whose files have other columns than `facts` asks for, told by the columns that
// they have. CounterFact and the relations of Hernandez et al. are told before, by their nesting.
extension FactSource {
  /// The same with the columns `answer`, `template` and, where there are any, `foils` and `corrupt`
  /// added: of ROME's `known_1000`, of `counterfact-tracing`, and of MIB's indirect objects, multiple
  /// choice and arithmetic. Of another table it is nil.
  static func published(_ table: Table, path: String) throws -> Table? {
    guard let format = PublishedFormat(table.columnNames) else { return nil }
    var rows = PublishedRows(table: table, path: path)
    for row in 0..<table.rowCount {
      rows.row = row
      switch format {
      case .known: try rows.addKnown()
      case .tracing: try rows.addTracing()
      case .indirectObjects: try rows.addIndirectObject()
      case .multipleChoice: try rows.addChoices()
      case .arithmetic: try rows.addArithmetic()
      }
    }
    return try rows.finished(having: format.counterfactual)
  }
}

/// Which data set a table is.
private enum PublishedFormat {
  /// Meng et al. 2022, `known_1000.json`.
  case known
  /// The same facts as CounterFact, by Neel Nanda.
  case tracing
  /// MIB (Mueller et al. 2025).
  case indirectObjects, multipleChoice, arithmetic

  init?(_ columns: [String]) {
    let columns = Set(columns)
    guard !columns.contains("answer") else { return nil }
    func has(_ names: String...) -> Bool { columns.isSuperset(of: names) }
    if has("subject", "attribute", "template", "prompt") {
      self = .known
    } else if has("subject", "relation_prefix", "relation_suffix", "target_true") {
      self = .tracing
    } else if has("prompt", "choices", "answerKey", "metadata") {
      self = .indirectObjects
    } else if has("prompt", "choices", "answerKey") {
      self = .multipleChoice
    } else if has("prompt", "label", "operand1", "operand2") {
      self = .arithmetic
    } else {
      return nil
    }
  }

  /// The counterfactual that the authors use by default.
  var counterfactual: String? {
    switch self {
    case .known, .tracing: nil
    case .indirectObjects: "s2_io_flip_counterfactual"
    case .multipleChoice: "symbol_counterfactual"
    case .arithmetic: "random_counterfactual"
    }
  }
}

private struct PublishedRows {
  let table: Table
  let path: String
  var row = 0
  private var added: [(name: String, values: [String?])] = []

  init(table: Table, path: String) { (self.table, self.path) = (table, path) }

  // MARK: Reading

  private func text(_ column: String) throws -> String {
    guard let cell = table[column]?[row], !cell.isMissing else {
      throw failure("has no `\(column)`")
    }
    return cell.description
  }

  /// The value of a cell that holds JSON.
  private func nested(_ column: String) throws -> JSONValue {
    let text = try text(column)
    guard let value = try? JSONParser.parse(Array(text.utf8)[...]) else {
      throw failure("has a `\(column)` that is not JSON: \(quotedText(excerpt(text)))")
    }
    return value
  }

  private func failure(_ problem: String) -> Failure {
    Failure("'\(path)', record \(row + 1): \(problem)", status: .unreadable)
  }

  // MARK: Rows

  private mutating func set(_ name: String, _ value: String?) {
    let place = added.firstIndex { $0.name == name } ?? added.endIndex
    if place == added.endIndex { added.append((name, [])) }
    added[place].values += [String?](repeating: nil, count: row - added[place].values.count)
    added[place].values.append(value)
  }

  /// `template` may end earlier than `prompt`, and says only where the subject stands.
  mutating func addKnown() throws {
    let (subject, prompt) = (try text("subject"), try text("prompt"))
    let before = try text("template").components(before: "{}")
    let start = before.map { prompt.hasPrefix($0 + subject) ? $0.utf8.count : nil } ?? nil
    guard let start = try start ?? prompt.places(of: subject, atMost: 1).first else {
      throw failure("the subject \(quotedText(subject)) does not stand in the prompt")
    }
    let bytes = Array(prompt.utf8)
    let end = start + subject.utf8.count
    set("answer", try text("attribute"))
    set("relation", table["relation_id"].map { $0[row].description })
    set("template", escaped(bytes[..<start]) + "{subject}" + escaped(bytes[end...]))
  }

  /// The subject begins with a space, unless it comes first.
  mutating func addTracing() throws {
    let subject = try text("subject")
    let space = subject.hasPrefix(" ") ? " " : ""
    let prefix = table["relation_prefix"]?[row].description ?? ""
    set("subject", String(subject.drop { $0 == " " }))
    set("answer", try text("target_true"))
    set("relation", (table["relation_id"] ?? table["relation"]).map { $0[row].description })
    set(
      "template",
      escaped(prefix) + space + "{subject}"
        + escaped(table["relation_suffix"]?[row].description ?? ""))
    set("foils", table["target_false"].map { $0[row].description })
  }

  mutating func addIndirectObject() throws {
    let metadata = try nested("metadata")
    func member(_ name: String) throws -> String {
      guard let text = metadata[name]?.string, !text.isEmpty else {
        throw failure("`metadata` has no `\(name)`")
      }
      return text
    }
    let (object, subject) = (try member("indirect_object"), try member("subject"))
    set("subject", subject)
    set("answer", " " + object)
    set("foils", " " + subject)
    set(
      "template",
      try labelled(
        try text("prompt"), objects: object, subjects: subject,
        others: ["place", "object"].compactMap { name in
          metadata[name]?.string.map { (name, $0) }
        }))
  }

  /// The indirect object, the subject's two places and the rest as spans, where each stands as often
  /// as it should; else none.
  private func labelled(
    _ prompt: String, objects: String, subjects: String, others: [(label: String, text: String)]
  ) throws -> String {
    let bytes = Array(prompt.utf8)
    let (io, s) = (
      try prompt.wordPlaces(of: objects), try prompt.wordPlaces(of: subjects)
    )
    guard io.count == 1, s.count == 2 else { return escaped(prompt) }
    var spans = [("io", io[0], objects), ("s1", s[0], subjects), ("s2", s[1], subjects)]
    for (label, text) in others {
      let places = try prompt.wordPlaces(of: text)
      if places.count == 1 { spans.append((label, places[0], text)) }
    }
    spans.sort { $0.1 < $1.1 }
    var (template, end) = ("", 0)
    for (label, start, text) in spans where start >= end {
      template += escaped(bytes[end..<start]) + "{\(label):\(escaped(text))}"
      end = start + text.utf8.count
    }
    return template + escaped(bytes[end...])
  }

  /// The answer is a choice's label, the foils are the others.
  mutating func addChoices() throws {
    let labels = try labels(of: try nested("choices"))
    guard let right = Int(try text("answerKey")), labels.indices.contains(right) else {
      throw failure("`answerKey` is not the place of a choice")
    }
    set("answer", " " + labels[right])
    set(
      "foils",
      labels.indices.filter { $0 != right }.map { " " + labels[$0] }.joined(separator: "|"))
    set("template", escaped(try text("prompt")))
  }

  private func labels(of choices: JSONValue) throws -> [String] {
    let labels = (choices["label"]?.array ?? []).map { $0.string ?? $0.text }
    guard !labels.isEmpty else { throw failure("`choices` has no array `label`") }
    return labels
  }

  mutating func addArithmetic() throws {
    set("answer", try text("label"))
    set("template", escaped(try text("prompt")))
  }

  // MARK: The table

  /// Each `…_counterfactual` becomes the template of its prompt, and one of them `corrupt`.
  mutating func finished(having counterfactual: String?) throws -> Table {
    var result = table
    for (name, values) in added {
      result = try result.setting(Column(name, .texts(values)))
    }
    guard counterfactual != nil else { return result }
    for column in table.columns where column.name.hasSuffix("_counterfactual") {
      var templates: [String?] = []
      for place in 0..<table.rowCount {
        row = place
        let prompt = column[place].isMissing ? nil : try nested(column.name)["prompt"]?.string
        templates.append(prompt.map(escaped))
      }
      let values = Values.texts(templates)
      result = try result.setting(Column(column.name, values))
      if column.name == counterfactual { result = try result.setting(Column("corrupt", values)) }
    }
    return result
  }

  /// As a template has it: braces twice.
  private func escaped(_ text: String) -> String {
    text.replacing("{", with: "{{").replacing("}", with: "}}")
  }

  private func escaped(_ bytes: ArraySlice<UInt8>) -> String {
    escaped(String(decoding: bytes, as: UTF8.self))
  }
}

extension String {
  /// What stands before the first `part`; nil where there is none.
  fileprivate func components(before part: String) -> String? {
    firstRange(of: part).map { String(self[..<$0.lowerBound]) }
  }

  /// Where a word stands that is not a part of a longer one.
  fileprivate func wordPlaces(of word: String) throws -> [Int] {
    let bytes = Array(utf8)
    func isLetter(_ place: Int) -> Bool {
      guard bytes.indices.contains(place) else { return false }
      return bytes[place] >= 0x80 || bytes[place].isWord
    }
    return try places(of: word).filter { start in
      !isLetter(start - 1) && !isLetter(start + word.utf8.count)
    }
  }
}

extension UInt8 {
  fileprivate var isWord: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
