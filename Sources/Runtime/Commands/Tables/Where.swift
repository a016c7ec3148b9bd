import Lang
import Model

extension Command {
  static let `where` = Command(
    name: "where", group: .tables,
    summary: "Keep the rows, or the prompts, for which a condition is true.",
    details: "For prompts, the condition is on the columns that they are listed with.",
    input: .any,
    parameters: [.positional("condition", .condition, "an expression of the columns")],
    examples: [
      "colosseum | dla by head | where dla > 0.5 and layer >= 21",
      #"country | where answer in [" Italy", " France"] | rank"#,
    ]
  ) { call in
    if case .prompts(var set) = call.input {
      let mask = try call.mask(overListingOf: set.undivided)
      set.keep(mask.indices.filter { mask[$0] == true })
      guard !set.prompts.isEmpty else {
        throw call.failure("this leaves no prompts", help: "a set needs at least one")
      }
      return .prompts(set)
    }
    return try call.shaping { try $0.filtered(by: try call.mask(over: $0)) }
  }
}

extension Invocation {
  fileprivate func mask(overListingOf set: PromptSet) throws -> [Bool?] {
    let listing = set.listing
    return try mask(
      over: listing,
      columnsHelp:
        "prompts are listed with \(enumeration(listing.columnNames)); for other columns measure "
        + "something first: rank, dla, effect …")
  }

  /// Whether `condition` is true of each row, nil where it is missing.
  fileprivate func mask(over table: Table, columnsHelp: String? = nil) throws -> [Bool?] {
    let condition = try expression(required: "condition")
    let values = try session.column(
      condition, over: table, asks: "this condition", columnsHelp: columnsHelp)
    return try values.mapChecked { value in
      switch value {
      case .boolean(let truth): return truth
      case .missing: return nil
      case let other:
        throw Failure(
          "`where` needs a condition, and this is \(other.kind)",
          help: "compare it with something", span: condition.span)
      }
    }
  }
}
