import Lang
import Model

extension Command {
  static let tokens = Command(
    name: "tokens", group: .measures,
    summary: "List the tokens of prompts, as the model reads them.",
    input: .prompts, examples: ["colosseum | tokens"]
  ) { call in
    let set = try call.promptInput()
    var table = TableBuilder()
    let prompts = PromptColumns(set, in: &table)
    let (place, id) = (table.integers("position"), table.integers("token_id"))
    let (text, span) = (table.texts("token"), table.texts("span"))
    try set.measuredIndices.forEachChecked { index in
      let prompt = set.prompts[index]
      for position in prompt.tokens.indices {
        table.addRow()
        prompts.set(prompt, in: &table)
        table[place] = position
        table[id] = prompt.tokens[position]
        table[text] = prompt.tokenText(position)
        table[span] = prompt.label(of: position)
      }
    }
    return .table(TableValue(table.table(), origins: [set.origin]))
  }
}
