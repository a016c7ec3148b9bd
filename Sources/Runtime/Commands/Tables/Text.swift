extension Command {
  static let text = Command(
    name: "text", group: .tables,
    summary: "Join the rows of `generate` to the text that was generated.",
    details: """
      Of one prompt it is a text; of several, or of several samples, a table with the columns prompt, \
      sample and text as far as they apply. The token that ends a text is left out.
      """,
    input: .table,
    examples: [
      "colosseum | generate 5 | text", "colosseum | generate 5 samples 3 seed 1 | text",
    ]
  ) { call in
    let input = try call.tableInput()
    let texts = try placing(at: call.span) {
      guard let texts = try input.generatedTexts() else {
        throw Failure(
          "`text` needs the rows of `generate`, all of each text and in their order",
          help: "put it right after `generate`")
      }
      return texts
    }
    let hasPrompt = input.table["prompt"] != nil
    let hasSample = input.table["sample"] != nil
    if texts.count == 1, !hasPrompt { return .text(texts[0].text) }
    var columns: [Column] = []
    if hasPrompt { columns.append(Column("prompt", .texts(texts.map(\.prompt.name)))) }
    if hasSample { columns.append(Column("sample", .integers(texts.map(\.sample)))) }
    columns.append(Column("text", .texts(texts.map(\.text))))
    return .table(input.with(Table(columns: columns)))
  }
}
