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

  /// The parameters of the escape sequence that selects it. Blue above zero and red below, as the
  /// field's heatmaps have it; both are mid-tones that a dark and a light background bear.
  var parameters: String {
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
