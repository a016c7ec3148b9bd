import Lang
import Model

extension Command {
  static let lint = Command(
    name: "lint", group: .inputs,
    summary:
      "Report common prompt mistakes: a doubled BOS, special tokens, odd spaces, long answers.",
    input: .prompts, examples: ["colosseum | lint"]
  ) { call in
    let set = try call.promptInput()
    let findings = set.prompts.flatMap(Linter.findings)
    return .table(
      TableValue(
        Table(columns: [
          Column("prompt", .texts(findings.map(\.prompt))),
          Column("position", .integers(findings.map(\.position))),
          Column("token_id", .integers(findings.map(\.token))),
          Column("token", .texts(findings.map(\.text))),
          Column("finding", .texts(findings.map(\.finding))),
        ]), origins: [set.origin]))
  }
}

/// What may be wrong with a prompt though it can be run.
private enum Linter {
  struct Finding {
    var prompt: String
    var position: Int?
    var token: Int?
    var text: String?
    var finding: String
  }

  static func findings(_ prompt: Prompt) -> [Finding] {
    let bos = prompt.model.tokenizer.bos
    var findings: [Finding] = []
    func add(_ finding: String, at position: Int? = nil) {
      findings.append(
        Finding(
          prompt: prompt.name, position: position, token: position.map { prompt.tokens[$0] },
          text: position.map(prompt.tokenText), finding: finding))
    }
    for (position, token) in prompt.tokens.enumerated() {
      if position > 0, token == bos, prompt.tokens[position - 1] == bos {
        add("BOS twice in a row", at: position)
      } else if prompt.model.tokenizer.isSpecial(token), prompt.conversation == nil,
        !(prompt.hasBOS && position == 0)
      {
        add("a special token, taken as such from the text", at: position)
      }
    }
    // Those of a chat template are as they should be.
    for turn in prompt.conversation?.turns ?? []
    where prompt.model.tokenizer.encode(turn.text).contains(where: {
      prompt.model.tokenizer.isSpecial($0.id)
    }) {
      add("what the \(turn.role.rawValue) says has special tokens, taken as such")
    }
    if !prompt.isWhole { add("the tokenizer has no token for some of the text, and drops it") }
    if prompt.text.hasSuffix(" ") {
      add("ends with a space: the answer's own leading space would be a second", at: prompt.last)
    }
    if prompt.text.hasPrefix(" ") { add("begins with a space", at: prompt.hasBOS ? 1 : 0) }
    if prompt.text.contains("  ") { add("has two spaces in a row") }
    if prompt.model.tokenizer.addsBOS && !prompt.hasBOS {
      add("has no BOS, and the model's files ask for one")
    }
    for answer in prompt.answers where !answer.text.hasPrefix(" ") && !prompt.text.hasSuffix(" ") {
      add("the answer \(quotedText(answer.text)) has no leading space")
    }
    if prompt.foils.contains(where: { foil in
      prompt.answers.contains { $0.tokens == foil.tokens }
    }) {
      add("the answer is among its own foils")
    }
    return findings
  }
}
