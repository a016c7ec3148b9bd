import Lang
import Model

extension Command {
  static let tokens = Command(
    name: "tokens", group: .measures,
    summary: "List the tokens of prompts, as the model reads them.",
    input: .prompts, examples: ["colosseum | tokens"]
  ) { call in
    let set = try call.promptInput()
    var columns = PromptColumn(set)
    var (positions, ids): ([Int], [Int]) = ([], [])
    var (texts, spans): ([String], [String?]) = ([], [])
    try set.prompts.forEachChecked { prompt in
      for position in prompt.tokens.indices {
        columns.append(prompt)
        positions.append(position)
        ids.append(prompt.tokens[position])
        texts.append(prompt.tokenText(position))
        spans.append(prompt.label(of: position))
      }
    }
    return .table(
      TableValue(
        Table(
          columns: columns.columns + [
            Column("position", .integers(positions)), Column("token_id", .integers(ids)),
            Column("token", .texts(texts)), Column("span", .texts(spans)),
          ]), origins: [set.origin]))
  }
}
