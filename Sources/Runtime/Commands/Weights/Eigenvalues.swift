import Lang
import Model

extension Command {
  static let eigenvalues = Command(
    name: "eigenvalues", group: .weights,
    summary: "List the eigenvalues of heads' OV matrices that are not 0.",
    details: """
      There are as many as a head is wide. With `vocabulary`, those of W_E · OV · W_U, from tokens that are read \
      to the logits that they raise. The gains of the norms are part of the weights.
      """,
    input: .none,
    parameters: [.heads, .flag("vocabulary", "from the embedding to the unembedding")],
    examples: ["eigenvalues L29H1 | take 3"]
  ) { call in
    let selection = try HeadSelection(call)
    let isThrough = call.hasFlag("vocabulary")
    try call.reserve(
      rows: selection.heads.count, selection.model.configuration.headWidth, bytes: 2 * 7 * 16)
    var table = TableBuilder()
    let columns = HeadColumns(in: &table)
    let number = table.integers("number")
    let (real, imaginary) = (table.doubles("real"), table.doubles("imaginary"))
    let magnitude = table.doubles("magnitude")
    try call.eachSpectrum(of: selection, throughVocabulary: isThrough) { head, eigenvalues in
      for (place, value) in (eigenvalues?.values ?? []).enumerated() {
        table.addRow()
        columns.set(head, in: &table)
        table[number] = place + 1
        (table[real], table[imaginary]) = (value.real, value.imaginary)
        table[magnitude] = Eigenvalues.magnitude(value)
      }
    }
    return .table(TableValue(table.table(measure: "magnitude"), origins: [selection.origin]))
  }
}
