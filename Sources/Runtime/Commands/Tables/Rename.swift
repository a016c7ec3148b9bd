extension Command {
  static let rename = Command(
    name: "rename", group: .tables, summary: "Give a column another name.", input: .table,
    parameters: [
      .positional("old", .column, "the column"), .positional("new", .column, "its new name"),
    ],
    examples: [
      "colosseum | dla by head | rename dla logit | top 3",
      "colosseum | dla by head | rename dla `to the answer` | top 3",
    ]
  ) { call in
    let (old, new) = (try call.column(required: "old"), try call.column(required: "new"))
    return try call.shaping { (try $0.renaming(old, to: new), []) }
  }
}
