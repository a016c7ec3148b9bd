/// What a prompt was made of, where it was made of a fact.
struct Fact: Sendable {
  var relation: String?
  var subject: String?
  /// R: what might answer the relation's question.
  var ofRelation = Attributes()
  /// S: what is true of the subject, whatever is asked.
  var ofSubject = Attributes()

  /// A set of tokens, most of it shared by many prompts, without what is right here.
  struct Attributes: Sendable {
    /// All tokens of the set, each once: the same array for every prompt of a relation or subject.
    var whole: [Int] = []
    /// Those of them that are right answers of this prompt.
    var right: [Int] = []

    /// R∖a or S∖a.
    var others: [Int] { right.isEmpty ? whole : whole.filter { !right.contains($0) } }
  }
}

/// The row of a table that a prompt was made of: its cells say what the prompt is, whatever was asked.
struct PromptRow: Sendable {
  var table: Table
  var number: Int

  subscript(column: String) -> Cell? { table[column]?[number] }
}
