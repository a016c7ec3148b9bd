import Model

/// What a table was measured on: kept with it, and written next to its rows.
struct Origin: Sendable {
  var model: LanguageModel
  var prompts: [Prompt]
  var edits: [String]
  /// The part of the prompts that was measured; nil: all.
  var shard: Shard?
}
