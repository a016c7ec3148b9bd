import Model

extension LanguageModel {
  /// The unknown keys of the configuration, for a message.
  var unknownKeysText: String {
    let keys = unknownKeys.prefix(12).map { quotedText(String($0.prefix(80))) }
    let more = unknownKeys.count - keys.count
    return keys.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
  }
}
