import Lang
import Model

/// One thing that the help knows, as a search looks through it.
private struct HelpEntry {
  let name: String
  /// What is shown of it, unless one of its lines has the words.
  let summary: String
  /// What it is found by, in small letters.
  private let head: String
  private let lines: [(shown: String, small: String)]
  private let whole: String

  init(_ name: String, _ summary: String, foundBy head: [String], lines: [String] = []) {
    (self.name, self.summary) = (name, summary)
    self.head = head.joined(separator: " ").lowercased()
    self.lines = lines.map { ($0, $0.lowercased()) }
    whole = ([self.head] + self.lines.map(\.small)).joined(separator: " ")
  }

  /// What to show, if it has all words.
  func line(with words: [Substring]) -> String? {
    func hasAll(_ text: String) -> Bool { words.allSatisfy { text.contains($0) } }
    guard hasAll(whole) else { return nil }
    if hasAll(head) { return summary }
    return lines.first { hasAll($0.small) }?.shown ?? summary
  }
}

extension HelpText {
  /// Everything in the help that has all words of `query`, a line each; where nothing has, all that is
  /// found anywhere.
  static func search(_ query: String, in session: Session) -> String {
    let words = query.lowercased().split(whereSeparator: \.isWhitespace)
    let entries = commands + sites(in: session) + settings + functions
    let all = lines(with: words, in: entries)
    if !all.isEmpty { return all }
    let known = words.filter { !lines(with: [$0], in: entries).isEmpty }
    let rest = known.count < words.count ? lines(with: known, in: entries) : ""
    let nothing = "nothing in the help has '\(excerpt(query))'"
    guard !known.isEmpty, !rest.isEmpty else { return nothing + "\n" }
    return nothing + ", but this has '\(excerpt(known.joined(separator: " ")))':\n" + rest
  }

  private static func lines(with words: [Substring], in entries: [HelpEntry]) -> String {
    var found = entries.compactMap { entry in
      entry.line(with: words).map { (name: entry.name, summary: $0) }
    }
    if words.count == 1, let use = Synonyms.all[String(words[0])] {
      let name = use.filter { $0 != "`" }
      found.append((name, "what other tools call \(words[0])"))
    }
    let width = min(20, found.map(\.name.count).max() ?? 0)
    return found.map { "  " + $0.name.padded(to: width + 2) + $0.summary + "\n" }.joined()
  }

  private static let commands = Catalogue.all.map { command in
    let parameters = command.parameters.map { "\($0.usage): \($0.summary)" }
    let values = command.parameters.flatMap { parameter in
      parameter.kind.words.map { "\(parameter.name) \($0.name): \($0.summary)" }
    }
    let details = command.details?.split(separator: "\n").map(String.init) ?? []
    return HelpEntry(
      command.name, command.summary, foundBy: [command.name, command.summary],
      lines: parameters + values + details)
  }

  private static func sites(in session: Session) -> [HelpEntry] {
    (session.model?.configuration.activations ?? Activation.allCases).map { site in
      HelpEntry(
        site.rawValue, "site: " + site.meaning,
        foundBy: [site.rawValue, site.hookName(layer: 5), site.meaning, "site"])
    }
  }

  private static let settings = Setting.allCases.map { setting in
    HelpEntry(
      "set \(setting.rawValue)", setting.summary,
      foundBy: [setting.rawValue, setting.summary, "setting"])
  }

  private static let functions = Function.allCases.map { function in
    HelpEntry(
      function.rawValue + "(…)", "a function", foundBy: [function.rawValue, "function"])
  }
}

extension Session {
  /// `? WORD` at the prompt is a search in the help.
  static func searching(_ source: SourceText) -> SourceText {
    let text = source.text.drop(while: \.isWhitespace)
    guard text.first == "?" else { return source }
    let words = text.dropFirst().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    let quoted = words.replacing("'", with: "")
    return SourceText(
      name: source.name, text: quoted.isEmpty ? Command.help.name : "help search '\(quoted)'")
  }
}
