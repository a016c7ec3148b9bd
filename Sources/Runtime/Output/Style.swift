import Lang

/// What a stretch of text is, which decides how it looks. Colour is chosen here and nowhere else.
public enum Style: Sendable, CaseIterable {
  /// A column's name, a title.
  case heading
  /// A value above zero, where signs matter (the bar of a plot).
  case positive
  case negative
  /// Rules, axes, what is missing, notes.
  case faint
  /// A component, a command, a model.
  case name
  case warning, error
  /// What help and `did you mean` propose.
  case suggestion

  /// The parameters of the escape sequence that selects it.
  private var parameters: String { Self.chosen[self] ?? usual }

  /// What a person has chosen instead. Set before anything is painted, and never after.
  private nonisolated(unsafe) static var chosen: [Style: String] = [:]

  /// Takes the styles that a text chooses: `name=36:error=1;31`, as other tools' variables have it.
  ///
  /// - Throws: `Failure` for another name, and for what is not a style of a terminal.
  public static func choose(_ text: String) throws {
    var chosen: [Style: String] = [:]
    for part in text.split(separator: ":") {
      let words = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let style = allCases.first(where: { "\($0)" == words[0] }) else {
        throw Failure(
          "'\(excerpt(String(words[0])))' is not a style",
          help: "the styles are \(allCases.map { "\($0)" }.joined(separator: ", "))")
      }
      guard words.count == 2, words[1].utf8.count <= 32,
        words[1].split(separator: ";", omittingEmptySubsequences: false).allSatisfy({
          UInt8($0) != nil
        })
      else {
        throw Failure(
          "'\(excerpt(String(part)))' does not choose a style",
          help: "write numbers joined by semicolons: \(style)=1;31")
      }
      chosen[style] = String(words[1])
    }
    Self.chosen = chosen
  }

  /// Blue above zero and red below, as the field's heatmaps have it; both are mid-tones that a dark
  /// and a light background bear.
  private var usual: String {
    switch self {
    case .heading: "1"
    case .positive: "38;5;68"
    case .negative: "38;5;167"
    case .faint: "2"
    case .name: "38;5;73"
    case .warning: "1;38;5;172"
    case .error: "1;38;5;160"
    case .suggestion: "38;5;72"
    }
  }

  /// `text` in this style, or as it is where there is no colour.
  /// `reversed` exchanges the colours of the text and its background.
  public func paint(
    _ text: some StringProtocol, colour: Bool, reversed: Bool = false
  ) -> String {
    guard colour, !text.isEmpty else { return String(text) }
    return "\u{1B}[\(parameters)\(reversed ? ";7" : "")m\(text)\u{1B}[0m"
  }

  /// The same, the spaces at the ends left as they are.
  func paint(padded text: String, colour: Bool) -> String {
    let body = text.trimmingSpaces()
    guard colour, !body.isEmpty else { return text }
    let start = text.prefix { $0 == " " }
    let end = text.suffix(text.count - start.count - body.count)
    return start + paint(body, colour: colour) + end
  }
}
