import Lang
import Model

extension Command {
  static let copying = Command(
    name: "copying", group: .weights,
    summary: "Score how far heads raise the tokens that they read.",
    details: """
      Σ λ / Σ |λ| of the eigenvalues of W_E · OV · W_U (Elhage et al. 2021): 1 if all are positive, −1 if all \
      are negative. The gains of the norms are part of the weights. `describe` has it next to other scores.
      """,
    input: .none, parameters: [.heads], examples: ["copying L29H* | top 2"]
  ) { call in
    let selection = try HeadSelection(call)
    var table = TableBuilder()
    let columns = HeadColumns(in: &table)
    let score = table.doubles("copying")
    try call.eachSpectrum(of: selection, throughVocabulary: true) { head, eigenvalues in
      table.addRow()
      columns.set(head, in: &table)
      table[score] = eigenvalues?.positivity
    }
    return .table(TableValue(table.table(measure: "copying"), origins: [selection.origin]))
  }
}

extension Invocation {
  /// Of each head the eigenvalues of its OV that are not 0, or those of all from the embedding to the
  /// unembedding; nil in a plan.
  func eachSpectrum(
    of selection: HeadSelection, throughVocabulary: Bool,
    _ body: (HeadSelection.Head, Eigenvalues?) throws -> Void
  ) throws {
    let transformer = selection.model.transformer
    let vocabulary =
      throughVocabulary
      ? try statement.runner.compute { try transformer.vocabularyProduct() } : nil
    for (layer, heads) in selection.layers {
      try Interruption.check()
      let found = try statement.runner.compute { () throws -> [Eigenvalues] in
        if let vocabulary {
          let all = try transformer.vocabularyInside(layer: layer, vocabulary)
          return try transformer.eigenvalues(of: heads.map { all[$0] })
        }
        return try transformer.eigenvalues(
          of: transformer.headWeights(layer: layer, heads: heads).map(\.ovInside))
      }
      for (place, head) in heads.enumerated() {
        try body(HeadSelection.Head(layer: layer, head: head), found?[place])
      }
    }
  }
}
