import Lang

extension Template {
  /// A prompt that has its answer in it, or calls something else so, does not ask for it.
  func refuseAnswer() throws(Diagnostic) {
    guard let name = first(named: "answer") else { return }
    throw Diagnostic(
      "`{answer}` cannot stand in a prompt that the answer follows", at: name.span,
      help: "`facts … reversed` asks for the subject of an answer; a span needs another name")
  }

  private func first(named wanted: String) -> Name? {
    func find(_ segments: [Segment]) -> Name? {
      for segment in segments {
        switch segment {
        case .text: continue
        case .field(let name): if name.text == wanted { return name }
        case .span(let name, let inner):
          if name.text == wanted { return name }
          if let name = find(inner) { return name }
        }
      }
      return nil
    }
    return find(segments)
  }
}

extension Session {
  /// The template that a text in quotes is, with what stands in its interpolations.
  func template(_ literal: StringLiteral) throws -> Template {
    try Template.parse(
      try literal.pieces.map { piece in
        switch piece {
        case .text(let text, let offsets): .text(text, offsets: offsets)
        case .interpolation(let pipeline):
          .value(try Evaluator(session: self, row: nil).interpolated(pipeline), pipeline.span)
        }
      })
  }
}
