import Lang
import Model

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Facts as they are read: a row each, and the attributes of relations and subjects, where they
/// come with them.
struct FactSource {
  var path: String
  /// Columns as in a file of facts. Of a folder: relation, subject, answer, also, and what its
  /// relations have, their templates among it.
  var table: Table
  /// R, by the relation's name.
  var ofRelations: [String: [String]] = [:]
  /// S, by the subject.
  var ofSubjects: [String: [String]] = [:]

  /// A file of facts, or a folder of `facts.tsv`, `relations.tsv`, `attributes.tsv` and
  /// `subjects.tsv` (the last two may be absent).
  init(path: String) throws {
    self.path = path
    var isDirectory = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory
    else {
      let read = try readTable(path: path, asTexts: true)
      table = try Self.published(read, path: path) ?? read
      return
    }
    let folder = path.hasSuffix("/") ? path : path + "/"
    let facts = try readTable(path: folder + "facts.tsv", asTexts: true)
    let relations = try readTable(path: folder + "relations.tsv", asTexts: true)
    table = try Self.join(facts, relations, folder: folder)
    ofRelations = try Self.attributes(folder + "attributes.tsv", of: "relation")
    ofSubjects = try Self.attributes(folder + "subjects.tsv", of: "subject")
  }

  /// Whether a path is a folder of facts.
  static func isFolder(_ path: String) -> Bool {
    var isDirectory = false
    let place = path.hasSuffix("/") ? path : path + "/"
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
      && FileManager.default.fileExists(atPath: place + "facts.tsv")
  }

  /// The facts of a folder as one table; `R` and `S` have the attributes, `|` between them.
  var listing: Table {
    func texts(_ key: String, _ attributes: [String: [String]]) -> Values? {
      guard !attributes.isEmpty, let column = table[key] else { return nil }
      return .texts(
        (0..<column.count).map { attributes[column[$0].description]?.joined(separator: "|") })
    }
    let further = [("R", texts("relation", ofRelations)), ("S", texts("subject", ofSubjects))]
    return table.with(
      table.columns
        + further.compactMap { name, values in
          table[name] == nil ? values.map { Column(name, $0) } : nil
        })
  }

  /// The facts, each with the columns of its relation.
  private static func join(_ facts: Table, _ relations: Table, folder: String) throws -> Table {
    let names = try column("relation", of: relations, in: folder + "relations.tsv")
    let asked = try column("relation", of: facts, in: folder + "facts.tsv")
    var rows: [String: Int] = [:]
    for row in 0..<names.count {
      guard rows.updateValue(row, forKey: names[row].description) == nil else {
        throw unreadable(
          "'\(folder)relations.tsv' has the relation '\(names[row].description)' twice")
      }
    }
    let found = try (0..<asked.count).map { row in
      guard let place = rows[asked[row].description] else {
        throw unreadable(
          "'\(folder)facts.tsv' has a fact of the relation '\(asked[row].description)', and "
            + "'\(folder)relations.tsv' has none of that name")
      }
      return place
    }
    let further = relations.columns.filter { facts[$0.name] == nil }
    return Table(
      columns: facts.columns
        + (try further.map { Column($0.name, try $0.values.gathered(found)) }))
  }

  private static func attributes(_ path: String, of key: String) throws -> [String: [String]] {
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    let table = try readTable(path: path, asTexts: true)
    let (keys, values) = (
      try column(key, of: table, in: path), try column("attribute", of: table, in: path)
    )
    var attributes: [String: [String]] = [:]
    for row in 0..<table.rowCount {
      attributes[keys[row].description, default: []].append(values[row].description)
    }
    return attributes
  }

  private static func column(_ name: String, of table: Table, in path: String) throws -> Column {
    if let column = table[name] { return column }
    throw unreadable(
      "'\(path)' has no column `\(name)`",
      help: "its columns are \(listed(table.columnNames))")
  }

  private static func unreadable(_ message: String, help: String? = nil) -> Failure {
    Failure(message, help: help, status: .unreadable)
  }
}

extension FactSource {
  /// Only the facts of some relations, in the order of the file.
  func keeping(relations: [String]) throws -> FactSource {
    guard let column = table["relation"] else {
      throw Failure(
        "'\(path)' has no column `relation` to choose by",
        help: "its columns are \(listed(table.columnNames))")
    }
    let names = (0..<column.count).map { column[$0].description }
    for relation in relations where !names.contains(relation) {
      var known: [String] = []
      for name in names where name != known.last && !known.contains(name) { known.append(name) }
      throw Failure(
        "there is no relation '\(relation)' in '\(path)'",
        help: suggestion(for: relation, among: known).map { "did you mean `\($0)`?" }
          ?? "it has \(enumeration(known, limit: 24))")
    }
    var kept = self
    kept.table = try table.gathered(
      try names.indices.filterChecked { relations.contains(names[$0]) })
    return kept
  }

  /// Where no attributes come with the facts, R of a relation is what its facts answer.
  mutating func takeAnswersAsAttributes() {
    guard ofRelations.isEmpty, let relations = table["relation"], let answers = table["answer"]
    else { return }
    var seen: Set<[String]> = []
    for row in 0..<table.rowCount {
      let (relation, answer) = (relations[row].description, answers[row].description)
      guard !answer.isEmpty, seen.insert([relation, answer]).inserted else { continue }
      ofRelations[relation, default: []].append(answer)
    }
  }

  /// The column of a template: the first is `template`, the others `template_2` and so on.
  func templateColumn(_ number: Int) throws -> Column {
    let name = number == 1 ? "template" : "template_\(number)"
    if number > 0, let column = table[name] { return column }
    let known = table.columnNames.filter { $0.hasPrefix("template") }
    guard !known.isEmpty else {
      throw Failure(
        "`facts` needs a template, and the file has no column `template`",
        help: "give one: facts \"\(path)\" \"Fact: {subject} is in the country of\"")
    }
    throw Failure(
      "'\(path)' has no template \(number)",
      help: "its templates are the columns \(enumeration(known)), numbered from 1")
  }
}
