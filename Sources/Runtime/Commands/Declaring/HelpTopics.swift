import Lang
import Model

extension Activation {
  /// What it is, in a few words.
  var meaning: String {
    switch self {
    case .embed: "the token's embedding, where the stream begins"
    case .posEmbed: "the position's embedding"
    case .residPre: "the residual stream before attention"
    case .residMid: "the residual stream between attention and MLP"
    case .residPost: "the residual stream after the layer"
    case .ln1Scale: "what the norm before attention divides by"
    case .ln2Scale: "what the norm before the MLP divides by"
    case .ln1PostScale: "what the norm after attention divides by"
    case .ln2PostScale: "what the norm after the MLP divides by"
    case .q: "the query, before rotation"
    case .k: "the key, before rotation"
    case .v: "the value"
    case .attnScores: "attention before the softmax, a number per source position"
    case .pattern: "attention after the softmax, a number per source position"
    case .z: "the weighted sum of the values"
    case .result: "z times the head's part of W_O"
    case .attnOut: "what attention adds to the stream"
    case .mlpPre: "the neurons before their nonlinearity"
    case .mlpPost: "the neurons, what the down projection reads"
    case .mlpOut: "what the MLP adds to the stream"
    case .lnFinalScale: "what the final norm divides by"
    }
  }
}

extension HelpText {
  /// The sites that `help sites` lists: those of the model, or all where none is loaded.
  static func sites(of configuration: Configuration?) -> String {
    let sites = configuration?.activations ?? Activation.allCases
    let rows = sites.map { site in
      let owner: String
      switch site.units {
      case .heads: owner = "L5H3.\(site.rawValue)"
      case .keyValueHeads: owner = "L5KV1.\(site.rawValue)"
      case .neurons, .none:
        owner = site.isInLayer ? "L5.\(site.rawValue)" : site.rawValue
      }
      return (owner, site.hookName(layer: 5), site.meaning)
    }
    let widths = (rows.map(\.0.count).max() ?? 0, rows.map(\.1.count).max() ?? 0)
    var text = "A site is one activation of a layer or a head. Write either name.\n\n"
    for row in rows {
      text += "  " + row.0.padded(to: widths.0 + 2) + row.1.padded(to: widths.1 + 2) + row.2 + "\n"
    }
    return text + (configuration == nil ? "\nA loaded model has some of these.\n" : "")
  }

  /// Everything in the help that has all words of `query`, a line each; where nothing has, all that is
  /// found anywhere.
  static func search(_ query: String, in session: Session) -> String {
    let words = query.lowercased().split(whereSeparator: \.isWhitespace)
    let all = lines(with: words, in: session)
    if !all.isEmpty { return all }
    let known = words.filter { !lines(with: [$0], in: session).isEmpty }
    let rest = known.count < words.count ? lines(with: known, in: session) : ""
    let nothing = "nothing in the help has '\(excerpt(query))'"
    guard !known.isEmpty, !rest.isEmpty else { return nothing + "\n" }
    return nothing + ", but this has '\(excerpt(known.joined(separator: " ")))':\n" + rest
  }

  private static func lines(with words: [Substring], in session: Session) -> String {
    func hasAll(_ texts: [String]) -> Bool {
      let text = texts.joined(separator: " ").lowercased()
      return words.allSatisfy { text.contains($0) }
    }
    var found: [(name: String, summary: String)] = []
    for command in Catalogue.all {
      if hasAll([command.name, command.summary]) {
        found.append((command.name, command.summary))
        continue
      }
      // What the command is found by is shown, if it is not in the summary.
      let parameters = command.parameters.map { "\($0.usage): \($0.summary)" }
      let values = command.parameters.flatMap { parameter in
        parameter.kind.words.map { "\(parameter.name) \($0.name): \($0.summary)" }
      }
      let details = command.details?.split(separator: "\n").map(String.init) ?? []
      if let line = (parameters + values + details).first(where: { hasAll([$0]) }) {
        found.append((command.name, line))
      } else if hasAll([command.name, command.summary] + parameters + values + details) {
        found.append((command.name, command.summary))
      }
    }
    let sites = session.model?.configuration.activations ?? Activation.allCases
    for site in sites where hasAll([site.rawValue, site.hookName(layer: 5), site.meaning, "site"]) {
      found.append((site.rawValue, "site: " + site.meaning))
    }
    for setting in Setting.allCases where hasAll([setting.rawValue, setting.summary, "setting"]) {
      found.append(("set \(setting.rawValue)", setting.summary))
    }
    for function in Function.allCases where hasAll([function.rawValue, "function"]) {
      found.append((function.rawValue + "(…)", "a function"))
    }
    if words.count == 1, let use = Synonyms.all[String(words[0])] {
      let name = use.filter { $0 != "`" }
      found.append((name, "what other tools call \(words[0])"))
    }
    let width = min(20, found.map(\.name.count).max() ?? 0)
    return found.map { "  " + $0.name.padded(to: width + 2) + $0.summary + "\n" }.joined()
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
