import Model

extension Prompt {
  /// Gives the prompt a counterpart, which gets its answer, foils and fact. One without labels that has
  /// as many tokens gets the labels too, at the same positions.
  mutating func pair(with other: Prompt?) throws {
    guard var other else {
      counterpart = nil
      return
    }
    if other.labels.isEmpty, other.tokens.count == tokens.count, !spans.isEmpty, !other.isOfIDs {
      other = try other.labelled(as: self)
    }
    other.answers = answers
    other.foils = foils
    other.fact = fact
    other.number = number
    other.counterpart = nil
    counterpart = other
  }

  /// The same with another prompt's spans, at the same positions.
  private func labelled(as other: Prompt) throws -> Prompt {
    let labels = other.spans.compactMap { label, covered -> (label: String, range: Range<Int>)? in
      guard let first = ranges[covered.lowerBound], let last = ranges[covered.upperBound - 1] else {
        return nil
      }
      return (label, first.lowerBound..<last.upperBound)
    }
    // A chat template has written its BOS into the text.
    var prompt = try Prompt(
      text: text, labels: labels, name: name, model: model,
      addsBOS: hasBOS && conversation == nil)
    prompt.hasBOS = hasBOS
    prompt.conversation = conversation
    return prompt
  }
}
