import Model

/// Prompts, how they are changed, and what is swept over them. Nothing runs until a measure asks.
public struct PromptSet: Sendable {
  var prompts: [Prompt]
  /// In the order in which they were written, which is that in which they apply.
  private(set) var edits: [EditSpec] = []
  /// Which of the edits is swept: a run each of its components and positions. Nil unless one said
  /// `each`.
  private(set) var sweepIndex: Int?

  init(prompts: [Prompt]) { self.prompts = prompts }

  /// All prompts of a set are of one model.
  var model: LanguageModel { prompts[0].model }

  var sweep: EditSpec? { sweepIndex.map { edits[$0] } }

  mutating func append(_ edit: EditSpec, isSwept: Bool) {
    if isSwept { sweepIndex = edits.count }
    edits.append(edit)
  }

  /// The same prompts with the edits that hold for every run of a sweep.
  var withoutSweptEdit: PromptSet {
    var set = self
    if let sweepIndex { set.edits.remove(at: sweepIndex) }
    set.sweepIndex = nil
    return set
  }

  /// The prompts as they are.
  var unedited: PromptSet { PromptSet(prompts: prompts) }
}
