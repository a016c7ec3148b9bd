import Lang

extension DiagnosticStyle {
  /// The usual colours, or none.
  public static func coloured(_ colour: Bool) -> DiagnosticStyle {
    DiagnosticStyle { text, role in
      let style: Style? =
        switch role {
        case .error, .underline: .error
        case .warning: .warning
        case .message: .heading
        case .location: .faint
        case .help: .suggestion
        case .source: nil
        }
      return style?.paint(text, colour: colour) ?? text
    }
  }
}
