import Lang

/// What `summand SCRIPT --help` prints: the comment that the script begins with, and its arguments.
public func scriptHelp(of source: SourceText) -> String {
  var text = "usage: summand \(source.name)"
  let declared = DeclaredArgument.all(in: parse(source).script, of: source) ?? []
  for argument in declared {
    let value = "\(argument.name.text)=\(argument.typeName.uppercased())"
    text += argument.fallback == nil ? " \(value)" : " [\(value)]"
  }
  text += "\n"
  let comment = leadingComment(of: source)
  if !comment.isEmpty { text += "\n" + comment.map { $0.isEmpty ? "\n" : "  \($0)\n" }.joined() }
  guard !declared.isEmpty else { return text + "\nIt takes no arguments.\n" }
  let width = declared.map(\.name.text.count).max() ?? 0
  let typeWidth = declared.map { $0.typeName.count }.max() ?? 0
  text += "\narguments:\n"
  for argument in declared {
    var line = "  " + argument.name.text.padded(to: width + 2)
    line += argument.typeName.padded(to: typeWidth + 2)
    let fallback =
      argument.fallback.map { "default: \(argument.source.text(in: $0.span))" } ?? "required"
    line +=
      argument.about.map { $0.plainText ?? argument.source.text(in: $0.span) }.map {
        "\($0) (\(fallback))"
      } ?? fallback
    text += line + "\n"
  }
  return text
}

extension Lang.Expression {
  /// That of a string without interpolations.
  fileprivate var plainText: String? {
    if case .string(let literal) = kind { literal.plainText } else { nil }
  }
}

extension DeclaredArgument {
  /// The type that it has, or that its default has.
  fileprivate var typeName: String {
    if let type { return source.text(in: type.span) }
    switch fallback?.kind {
    case .integer, .number: return ArgumentType.number.rawValue
    case .boolean: return ArgumentType.boolean.rawValue
    case .string: return ArgumentType.text.rawValue
    default: return "value"
    }
  }
}

/// The lines of the comment before the first statement, without `#!`.
private func leadingComment(of source: SourceText) -> [String] {
  var lines: [String] = []
  var isFirst = true
  for token in tokens(of: source) {
    switch token.kind {
    case .whitespace: continue
    case .newline: continue
    case .comment:
      let text = source.text(in: token.span).dropFirst()
      defer { isFirst = false }
      if isFirst, text.first == "!" { continue }
      lines.append(String(text.first == " " ? text.dropFirst() : text))
    default: return lines
    }
  }
  return lines
}
